"""The environments that the scripts of `launch/` make for themselves."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def bash(script: str, cwd: Path, **environment: object) -> subprocess.CompletedProcess:
    """A script that has read `launch/environment.sh`."""
    return subprocess.run(
        ["bash", "-c", f"set -euo pipefail; . {ROOT}/launch/environment.sh; {script}"],
        cwd=cwd,
        env=os.environ | {name: str(value) for name, value in environment.items()},
        capture_output=True,
        text=True,
    )


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_a_python_that_makes_no_environment(tmp_path):
    """Twice: what the first attempt left is no environment."""
    for name in ("setup.py", "requirements.txt", "requirements-nodeps.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    python = program(
        tmp_path / "python",
        "[ $1 = -m ] || exit 0\nmkdir -p .venv/bin\n"
        "printf '#!/bin/sh\\nexit 1\\n' >.venv/bin/python\nchmod +x .venv/bin/python\nexit 1",
    )
    for _ in range(2):
        done = bash("make_environment requirements.txt", tmp_path, PYTHON=python)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"error: {python} ")
        assert "python3-venv" in done.stderr
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("there", "wanted", "venv"),
    [
        (None, "3.13", ".venv"),
        ("3.13", "3.13", ".venv"),
        ("3.11", "3.13", ".venv-3.13"),
        ("3.11", None, ".venv"),
    ],
)
def test_an_interpreter_of_another_version_has_an_environment_of_its_own(
    there, wanted, venv, tmp_path
):
    if there:
        program(tmp_path / ".venv/bin/python", f"echo {there}")
    python = program(tmp_path / "python", f"echo {wanted}") if wanted else ""
    done = bash("choose_venv; echo $venv", tmp_path, PYTHON=python)
    assert done.stdout == f"{venv}\n"


def test_interpreters_are_found_once_a_version_oldest_first(tmp_path):
    program(tmp_path / "pyenv", f"echo {tmp_path}")
    for path, script in (
        ("python3.13", "echo 3.13 newest"),
        ("python3.9", "exit 0"),  # too old: it prints nothing
        ("python3.14", "exit 127"),  # a shim that leads nowhere
        ("python3.13-config", "echo 3.2 none"),
        ("versions/3.11.7/bin/python", "echo 3.11 oldest"),
        ("versions/3.13.0/bin/python", "echo 3.13 newest"),
    ):
        program(tmp_path / path, script)
    for tool in ("sh", "grep", "sort", "cut"):
        (tmp_path / tool).symlink_to(f"/usr/bin/{tool}")
    done = bash("PATH=$PWD; interpreters", tmp_path)
    assert (done.stdout, done.stderr) == ("oldest\nnewest\n", "")
