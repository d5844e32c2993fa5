"""Whole processes that ask: one is killed and its work goes on, two share what they learn."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from asking import assert_all_answered, config, p_of
from faulty import WORDS, Faulty, question

from glx.llm.answer_cache import AnswerCache
from glx.llm.client import ask

RUN = """
import sys
from faulty import WORDS, question
from glx.llm.answer_cache import AnswerCache
from glx.llm.client import ask
from glx.llm.server import LLMConfig
config = LLMConfig(llm_url=sys.argv[1], llm_endpoint="chat", llm_concurrency=int(sys.argv[4]))
with AnswerCache(sys.argv[2]) as cache:
    answers, costs = ask([question(n) for n in range(int(sys.argv[3]))], WORDS, config, cache)
print(len(answers), costs.llm_calls)
"""


def start(server: Faulty, path: Path, questions: int, concurrency: int) -> subprocess.Popen:
    root = Path(__file__).parents[2]
    here = os.environ | {"PYTHONPATH": os.pathsep.join((str(root), str(root / "tests/helpers")))}
    arguments = [server.url, str(path), str(questions), str(concurrency)]
    return subprocess.Popen(
        [sys.executable, "-c", RUN, *arguments],
        env=here,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_goes_on_with_what_is_missing(how, tmp_path):
    path = tmp_path / "verdicts.sqlite"
    with Faulty([None] * 12 + ["hang"] * 2) as server:
        run = start(server, path, questions=20, concurrency=2)
        with AnswerCache(path) as cache:
            deadline = time.monotonic() + 30
            while len(cache) < 12 and time.monotonic() < deadline:
                time.sleep(0.02)
            run.send_signal(how)
            run.communicate(timeout=10)
            assert (run.returncode, len(cache)) == (-how, 12)
            requests = [question(n) for n in range(20)]
            answers, costs = ask(requests, WORDS, config(server), cache)
    assert (costs.cache_hits, costs.llm_calls) == (12, 8)
    assert_all_answered(server, answers, requests)


def test_two_processes_share_a_cache(tmp_path):
    path = tmp_path / "verdicts.sqlite"
    with Faulty() as server:
        runs = [start(server, path, questions=n, concurrency=4) for n in (60, 100)]
        ends = [(run.communicate(timeout=60), run.returncode) for run in runs]
        assert [(out.split()[0], err, code) for (out, err), code in ends] == [
            ("60", "", 0),
            ("100", "", 0),
        ]
        with AnswerCache(path) as cache:
            requests = [question(n) for n in range(100)]
            answers, costs = ask(requests, WORDS, config(server), cache)
    assert costs.llm_calls == 0
    assert all(answers[r.key].p == pytest.approx(p_of(n)) for n, r in enumerate(requests))
