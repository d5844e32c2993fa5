"""A request to end is heard whenever it comes: amid imports, and in callbacks that drop errors."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from glx.interrupts import ENDS, SAID

ROOT = Path(__file__).parents[1]
AMID_IMPORTS = """
import os, signal, sys

class Sending:
    def find_spec(self, name, path, target=None):
        if name == {name!r}:
            os.kill(os.getpid(), {number})

{before}
sys.meta_path.insert(0, Sending())
sys.argv = [{program!r}, *{words!r}]
"""
RUN = "import runpy; runpy.run_module({!r}, run_name='__main__')"
CALLED = "from glx.__main__ import main; sys.exit(main())"  # as the command of the package does

AMID_CALLBACK = """
import gc, os, sys, time
from absl.flags import FlagValues
from glx.cli.flags import run

sent = []

class Dying:
    def __del__(self):
        send()

def send(*_):
    if len(sent) < {times}:
        sent.append(1)
        os.kill(os.getpid(), {number})
        time.sleep(0.01)

def work(values):
    {how}
    for _ in range(3000):
        time.sleep(0.01)

sys.exit(run(work, FlagValues(), "", ["work"]))
"""
HOW = {
    "collection": "gc.callbacks.append(send); gc.collect()",
    "collections": "gc.callbacks.append(send); [gc.collect() for _ in range(5)]",
    "deletion": "one = Dying(); del one",
    "thread": "import threading; threading.Thread(target=send).start()",
}


def done(code: str) -> tuple[int, str, str]:
    command = [sys.executable, "-c", code]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    out = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    return out.returncode, out.stdout, out.stderr


@pytest.mark.parametrize("number", ENDS)
@pytest.mark.parametrize(
    ("name", "start", "words"),
    [
        ("absl", RUN.format("glx"), ["inspect", "shop.log"]),
        ("numpy", CALLED, ["detect"]),
        ("glx.cli.detect", RUN.format("experiments.detect"), []),
    ],
)
def test_amid_imports(number, name, start, words):
    code = AMID_IMPORTS.format(name=name, number=int(number), before="", program="x", words=words)
    assert done(code + start) == (130, "", f"{SAID}\n")


def test_whoever_started_it_has_it_ignored():
    ignored = "signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    code = AMID_IMPORTS.format(
        name="absl", number=int(ENDS[2]), before=ignored, program="x", words=["--version"]
    )
    found = done(code + CALLED)
    assert found[0] == 0
    assert found[2] == ""


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("number", ENDS)
def test_amid_what_drops_errors(number, how):
    code = AMID_CALLBACK.format(
        number=int(number), how=HOW[how], times=1 + 2 * (how == "collections")
    )
    assert done(code) == (130, "", f"{SAID}\n")


def test_a_callback_of_another_fault_is_told():
    code = AMID_CALLBACK.format(number=0, how="gc.callbacks.append(lambda *_: 1 / 0)", times=0)
    code = code.replace("3000", "1").replace("    for _", "    gc.collect()\n    for _")
    found = done(code)
    assert found[0] == 0
    assert "ZeroDivisionError" in found[2]
