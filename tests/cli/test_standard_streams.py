"""Standard input, output and error that are closed, full or broken, or lack characters."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from raw_files import write

ROOT = Path(__file__).parents[2]
LOG = "2024-05-01 10:00:00 ERROR order=7 日本 \U0001f600 é\n" * 40


@pytest.fixture
def shell(tmp_path):
    """`shell(line, **environment)`: what a line of the shell with `glx` leaves."""
    write(tmp_path, LOG)
    write(tmp_path, "f('text')\n", "a.py")

    def run(line: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
        started = f"glx() {{ '{sys.executable}' -m glx \"$@\"; }}; {line}"
        known = os.environ | {"PYTHONPATH": str(ROOT)} | environment
        return subprocess.run(["bash", "-c", started], capture_output=True, cwd=tmp_path, env=known)

    return run


@pytest.mark.parametrize(
    "line",
    [
        "glx --help >/dev/full",
        "glx zerolog --help >&-",
        "glx inspect a.log >&-",
        "glx inspect a.log 1</dev/null",
        "glx inspect a.log | true; exit ${PIPESTATUS[0]}",
        "glx inspect --json a.log | true; exit ${PIPESTATUS[0]}",
        "glx statements --log_calls=f:error . >/dev/full",
        "glx detect --detector=none --logs=a.log --out=- >&-",
    ],
)
def test_output_that_cannot_be_written_is_one_sentence_and_code_3(line, shell):
    done = shell(line)
    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr.splitlines()[-1].startswith(b"error: standard output ")
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("away", ["2>/dev/full", "2>&-", "<&- >&- 2>&-", "2>&1 >/dev/full | true"])
def test_whether_an_error_could_be_said_changes_no_code(away, shell):
    done = shell(f"glx inspect nofile {away}; exit ${{PIPESTATUS[0]}}")
    assert (done.returncode, done.stdout) == (2, b"")


@pytest.mark.parametrize(
    "given", ["<&-", "</dev/null", "0>x", "< <(head -c 999 /dev/zero)", "< <(printf '\\n')"]
)
def test_input_that_cannot_be_read_is_called_standard_input(given, shell):
    done = shell(f"glx inspect - {given}")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"error: standard input: ")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_an_encoding_lacks_is_escaped(encoding, shell):
    done = shell("glx inspect a.log", PYTHONIOENCODING=encoding)
    assert done.returncode == 0
    assert r"\u65e5\u672c \ud83d\ude00" in done.stdout.decode(encoding)
    done = shell("glx inspect --json a.log", PYTHONIOENCODING=encoding)
    assert json.loads(done.stdout.decode(encoding))["examples"][0]["raw"] == LOG.split("\n")[0]


@pytest.mark.parametrize("columns", ["0", "00"])
def test_a_terminal_without_a_width_has_one(columns, shell):
    assert b"order=7" in shell("glx inspect a.log", COLUMNS=columns, LINES="0").stdout
