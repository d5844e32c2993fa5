"""Holds a model server: starts it, says when it answers, passes on how it ended, leaves nothing.

In: `serve.py PORT LOG COMMAND...`, the server's command. Out: on standard output one line with the
URL, once a constrained answer came back. Exit code: 0 after Ctrl-C or SIGTERM; the server's own
when it stops by itself; 3 where that is 0 or it loads but cannot answer. Standard library alone.
"""

import contextlib
import ctypes
import http.client
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

TAIL = 20  # lines of the log shown after a failure
GRACE = 15.0  # seconds that the server has to stop before it is killed
LEFT_OVER = 2.0  # seconds after it that the processes it started have
DYING = 3.0  # seconds between the connections that a dying server drops and its end
FIRST_ANSWER = 600.0  # seconds; the first constrained answer compiles its grammar
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """Somebody asked for the end."""


def main(port: int, log: Path, command: list[str]) -> int:
    for number in SIGNALS:
        signal.signal(number, stop)
    print(f"Starting the server on port {port}; its log is {log}", file=sys.stderr, flush=True)
    start, server = time.monotonic(), None
    try:
        with log.open("wb") as out:
            server = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches us alone; one group holds all of it
                preexec_fn=end_with_parent,
            )
        loaded = wait_until_loaded(server, port)
        why = announce(port, start) if loaded else None
        if why and not dying(server):
            return failed(log, f"the server loaded the model but gave no answer ({why})", 3)
        server.wait()
        return stopped(server, log)
    except Stopped:
        print("Stopping the server", file=sys.stderr, flush=True)
        return 0
    finally:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        if server:
            end(server)


def stop(number: int, frame: object) -> None:
    raise Stopped


def end_with_parent() -> None:
    """Where we are killed before we can stop the server, Linux tells it to stop."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # 1: PR_SET_PDEATHSIG


def ask(port: int, path: str, body: object = None, timeout: float = 5.0) -> tuple[int, bytes]:
    """Status and body of an answer: to a POST of `body` as JSON, or to a GET without one."""
    key = os.environ.get("VLLM_API_KEY")
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    with contextlib.closing(connection):
        text = None if body is None else json.dumps(body)
        connection.request("GET" if body is None else "POST", path, text, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


def wait_until_loaded(server: subprocess.Popen, port: int) -> bool:
    """Whether it came up, however long its model takes to load; False where it ended first."""
    while server.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if ask(port, "/health")[0] == 200:
                return True
        time.sleep(0.25)
    return False


def announce(port: int, start: float) -> str | None:
    """Print the URL after a first answer; else say why there is none."""
    try:
        name = first_answer(port)
    except (OSError, http.client.HTTPException, ValueError, LookupError) as error:
        return str(error) or type(error).__name__
    url, seconds = f"http://127.0.0.1:{port}/v1", time.monotonic() - start
    flags = f"--llm_url={url} --llm_model={shlex.quote(name)}"
    print(f"The server answers at {url} after {seconds:.0f} s: {flags}", flush=True)
    return None


def first_answer(port: int) -> str:
    """The model's name, after one constrained answer: loaded is not yet able to answer."""
    name = usable(*ask(port, "/v1/models"))["data"][0]["id"]
    choices = ["normal", "anomalous"]
    body = {
        "model": name,
        "prompt": ["normal or anomalous?"],
        "max_tokens": 16,
        "temperature": 0,
        "logprobs": 20,
        "structured_outputs": {"choice": choices},
    }
    text = usable(*ask(port, "/v1/completions", body, FIRST_ANSWER))["choices"][0]["text"]
    if text not in choices:
        raise ValueError(f"{text!r} is none of the choices that it was given")
    return name


def usable(status: int, body: bytes) -> dict:
    if status != 200:
        raise ValueError(f"status {status}: {body.decode(errors='replace')[:300]}")
    return json.loads(body)


def dying(server: subprocess.Popen) -> bool:
    """Whether it ends within a moment."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(timeout=DYING)
    return server.poll() is not None


def stopped(server: subprocess.Popen, log: Path) -> int:
    """The exit code of a server that nobody asked to stop, by a shell's rule if it was killed."""
    code = 128 - server.returncode if server.returncode < 0 else server.returncode
    return failed(log, f"the server stopped with exit code {code}", code or 3)


def failed(log: Path, why: str, code: int) -> int:
    lines = log.read_text(errors="replace").splitlines()[-TAIL:]
    print(*lines, f"error: {why}; the whole log is {log}", sep="\n", file=sys.stderr, flush=True)
    return code


def end(server: subprocess.Popen) -> None:
    """Stop the server, then kill what is left of its group."""
    server.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(timeout=GRACE)
    deadline = time.monotonic() + LEFT_OVER
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.killpg(server.pid, 0)
            time.sleep(0.05)
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
