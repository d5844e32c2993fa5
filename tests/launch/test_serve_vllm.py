"""The launch script of the model server: its mistakes, its failures, its end, and a real server."""

import json
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from processes import gone

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "launch/serve_vllm.sh"
CHOICES = ["normal", "anomalous"]
ASK = {
    "max_tokens": 16,
    "temperature": 0,
    "return_tokens_as_token_ids": True,
    "structured_outputs": {"choice": CHOICES},
}


def script(*arguments):
    return subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, timeout=60)


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def model(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    return tmp_path


def test_help_names_the_flags_and_exits_0():
    done = script("--help")
    assert done.returncode == 0
    assert "launch/serve_vllm.sh MODEL [--port=8000]" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "name a model first"),
        (["--port=8000"], "name a model first"),
        (["no/such/folder"], "no/such/folder: there is no such folder"),
        (["./model"], "./model: there is no such folder"),
        ([__file__], "a file; name the model's folder"),
        ([str(ROOT / "docs")], "no model is in this folder"),
        (["MODEL", "--port=80000"], "--port=80000: must be a number between 1 and 65535"),
        (["MODEL", "--port=http"], "--port=http: must be a number between 1 and 65535"),
        (["MODEL", "--port"], "--port: give a number"),
        (["MODEL", "--gpu_memory_utilization"], "--gpu_memory_utilization: give a share"),
        *(
            (["MODEL", f"--gpu_memory_utilization={bad}"], f"utilization={bad}: must be a number")
            for bad in ("", "0", "0.0", "1.1", "-0.5", "50%", "half", "1e-1", "0,5", "2")
        ),
        (["MODEL", "--gpu-memory-utilization", "0"], "utilization=0: must be a number"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(arguments, sentence, model):
    done = script(*[str(model) if a == "MODEL" else a for a in arguments])
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("share", ["0.5", ".25", "0.05", "1", "1.0"])
@pytest.mark.parametrize("name", ["gpu_memory_utilization", "gpu-memory-utilization"])
def test_the_server_takes_its_share_of_the_gpu(share, name, model, port, tmp_path):
    """In a copy whose environment is made already, of a Python that shows its arguments."""
    shutil.copytree(ROOT / "launch", tmp_path / "launch")
    python = tmp_path / ".venv-vllm/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    python.chmod(0o755)
    made = f"cd {tmp_path}; . launch/environment.sh; cat launch/vllm/*-$(machine_kind).txt | cksum"
    stamp = subprocess.run(["bash", "-c", made], capture_output=True, text=True, check=True).stdout
    (tmp_path / ".venv-vllm/stamp").write_text(stamp)
    for given in ([f"--{name}={share}"], [f"--{name}", share]):
        command = [tmp_path / "launch/serve_vllm.sh", str(model), f"--port={port}", *given]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"--gpu-memory-utilization={share}" in done.stdout.splitlines()


def test_a_port_in_use_is_refused(model, port):
    with socket.create_server(("127.0.0.1", port)):
        done = script(str(model), f"--port={port}")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: --port={port}: another program listens there")


# A stand-in for the server: its port and the text of its answers come as arguments; it starts a
# process of its own that ignores SIGTERM, as a stuck engine would, and says on a line which.
STAND_IN = """
import http.server, json, subprocess, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        return

    def answer(self, body):
        self.send_response(200 if sys.argv[2] else 500)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def do_GET(self):
        if self.path == "/health":
            self.send_response(200)
            self.end_headers()
        else:
            self.answer({"data": [{"id": "a model"}]})

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer({"choices": [{"text": sys.argv[2]}]})

stuck = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(100)"
print(subprocess.Popen([sys.executable, "-c", stuck]).pid, flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@contextmanager
def serve(port, log, *command):
    command = [ROOT / "launch/vllm/serve.py", str(port), log, sys.executable, *command]
    with subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as held:
        try:
            yield held
        finally:
            held.terminate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_and_all_that_it_started(number, port, tmp_path):
    log = tmp_path / "log"
    with serve(port, log, "-c", STAND_IN, str(port), "normal") as held:
        line = held.stdout.readline()
        url = f"http://127.0.0.1:{port}/v1"
        assert line.startswith(f"The server answers at {url} after ")
        assert line.endswith(f": --llm_url={url} --llm_model='a model'\n")
        stuck = int(log.read_text())
        assert not gone(stuck)
        held.send_signal(number)
        assert held.wait(30) == 0
    assert gone(stuck)


def test_a_server_does_not_outlive_its_holder(port, tmp_path):
    log = tmp_path / "log"
    with serve(port, log, "-c", STAND_IN, str(port), "normal") as held:
        held.stdout.readline()
        held.kill()
    os.kill(int(log.read_text()), signal.SIGKILL)  # the stuck one: nobody is left to end it
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.1)
    pytest.fail("the server still listens")


def test_a_server_that_fails_shows_its_last_lines_and_passes_its_exit_code_on(port, tmp_path):
    fails = "import sys; print(*range(30), 'not enough memory', sep='\\n'); sys.exit(7)"
    log = tmp_path / "log"
    with serve(port, log, "-c", fails) as held:
        out, err = held.communicate(timeout=30)
    lines = err.splitlines()
    assert (held.returncode, out) == (7, "")
    assert lines[1:-1] == [*map(str, range(11, 30)), "not enough memory"]
    assert lines[-1] == (f"error: the server stopped with exit code 7; the whole log is {log}")


def test_a_server_that_ends_unasked_failed_whatever_its_exit_code(port, tmp_path):
    with serve(port, tmp_path / "log", "-c", "print('shutting down')") as held:
        out, err = held.communicate(timeout=30)
    assert (held.returncode, out) == (3, "")
    assert "shutting down\nerror: the server stopped with exit code 0;" in err


@pytest.mark.parametrize(
    ("text", "why"), [("", "status 500"), ("maybe", "'maybe' is none of the choices")]
)
def test_a_server_that_cannot_answer_is_stopped_with_exit_code_3(text, why, port, tmp_path):
    log = tmp_path / "log"
    with serve(port, log, "-c", STAND_IN, str(port), text) as held:
        out, err = held.communicate(timeout=60)
    assert (held.returncode, out) == (3, "")
    assert f"the server loaded the model but gave no answer ({why}" in err
    assert gone(int(log.read_text()))


def chatml(messages):
    turns = "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in messages)
    return turns + "<|im_start|>assistant\n"


def about(event):
    return [
        {"role": "system", "content": "You judge log events."},
        {"role": "user", "content": f"Is {event} normal or anomalous?"},
    ]


def completions(server, prompts, **more):
    body = {"model": server.model, "prompt": prompts, "logprobs": 20} | ASK
    answer = httpx.post(
        f"{server.url}/completions", json=body | {"add_special_tokens": False} | more, timeout=120
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def chat(server, messages):
    body = {"model": server.model, "messages": messages, "logprobs": True, "top_logprobs": 20}
    answer = httpx.post(f"{server.url}/chat/completions", json=body | ASK, timeout=120)
    assert answer.status_code == 200, answer.text
    return answer.json()["choices"][0]


def allowed(top):
    """Probability by token id; -9999 stands for a token that the constraint forbids."""
    return {token: math.exp(logprob) for token, logprob in top.items() if logprob > -9999}


@pytest.mark.vllm
def test_the_server_names_its_model(vllm_server):
    models = httpx.get(f"{vllm_server.url}/models").json()["data"]
    assert [(m["id"], m["max_model_len"]) for m in models] == [(str(vllm_server.folder), 4096)]


@pytest.mark.vllm
def test_a_list_of_prompts_is_answered_in_order_and_within_the_choices(vllm_server):
    prompts = [chatml(about(f"event {i}")) for i in range(40)]
    answer = completions(vllm_server, prompts)
    assert [c["index"] for c in answer["choices"]] == list(range(40))
    assert {c["text"] for c in answer["choices"]} == set(CHOICES)
    assert {c["finish_reason"] for c in answer["choices"]} == {"stop"}
    alone = completions(vllm_server, [prompts[7]])
    assert alone["choices"][0]["text"] == answer["choices"][7]["text"]


@pytest.mark.vllm
def test_log_probabilities_come_by_token_id_and_after_the_constraint(vllm_server):
    vocabulary = json.loads((vllm_server.folder / "tokenizer.json").read_text())["model"]["vocab"]
    choice = completions(vllm_server, [chatml(about("a kernel panic"))])["choices"][0]
    first = allowed(choice["logprobs"]["top_logprobs"][0])
    assert len(choice["logprobs"]["top_logprobs"][0]) == 20
    assert first.keys() == {f"token_id:{vocabulary[t]}" for t in ("n", "a", "an")}
    assert sum(first.values()) == pytest.approx(1, abs=1e-3)
    assert choice["logprobs"]["tokens"][0] == max(first, key=first.get)


@pytest.mark.vllm
def test_both_endpoints_give_the_same_probabilities_for_the_same_text(vllm_server):
    for event in ("a kernel panic", "a block received", "<|im_start|>", "größer 7 \U0001f525"):
        plain = completions(vllm_server, [chatml(about(event))])["choices"][0]
        answer = chat(vllm_server, about(event))
        assert answer["message"]["content"] == plain["text"]
        steps = [
            {t["token"]: t["logprob"] for t in step["top_logprobs"]}
            for step in answer["logprobs"]["content"]
        ]
        assert len(steps) == len(plain["logprobs"]["top_logprobs"])
        for ours, theirs in zip(plain["logprobs"]["top_logprobs"], steps, strict=True):
            assert allowed(theirs) == pytest.approx(allowed(ours), abs=1e-3)


@pytest.mark.vllm
def test_a_shared_beginning_is_computed_once(vllm_server):
    def hits():
        text = httpx.get(vllm_server.url.removesuffix("/v1") + "/metrics").text
        lines = [x for x in text.splitlines() if x.startswith("vllm:prefix_cache_hits_total")]
        return float(lines[0].split()[-1])

    shared = "The same knowledge for every question. " * 40
    completions(vllm_server, [chatml(about(shared + "one"))])
    before = hits()
    completions(vllm_server, [chatml(about(shared + "two"))])
    assert hits() - before >= 128


@pytest.mark.vllm
def test_one_prompt_too_long_refuses_the_whole_list(vllm_server):
    body = {"model": vllm_server.model, "prompt": ["short", "too long " * 4096]} | ASK
    answer = httpx.post(f"{vllm_server.url}/completions", json=body, timeout=120)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "input_tokens"
