"""`Dockerfile` and `compose.yaml`, by what tells of their mistakes without an engine."""

import os
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from glx.cli.flags import run
from glx.cli.main import COMMANDS, import_module

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def checked(tool: str, *words: str) -> None:
    """Run what checks a file; it is one of requirements-dev.txt."""
    beside = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    found = shutil.which(tool, path=beside)
    if found is None:
        pytest.skip(f"{tool} is not installed; requirements-dev.txt has it")
    done = subprocess.run([found, *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dockerfile_has_no_known_mistake():
    checked("hadolint", "--failure-threshold=info", "Dockerfile")


def test_compose_is_as_its_schema_has_it():
    checked("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml")


def test_what_is_copied_is_there_and_sent_to_the_engine():
    copied = " ".join(re.findall(r"^COPY (.*) \S+$", DOCKERFILE, re.M)).split()
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    sent = [line[1:] for line in lines if line.startswith("!")]
    assert copied
    for name in copied:
        assert (ROOT / name).exists()
        assert any(fnmatch(name, pattern) for pattern in sent), name


def test_what_is_installed_is_what_setup_reads():
    """`setup.py` reads files, and has the extras that the image asks for."""
    setup = (ROOT / "setup.py").read_text()
    for name in re.findall(r'pinned\("([^"]+)"\)', setup):
        assert name in DOCKERFILE
    (extras,) = re.findall(r"\.\[([\w,]+)\]", DOCKERFILE)
    assert all(f'"{name}": [' in setup for name in extras.split(","))


def words_of(service: dict, folder: Path) -> list[str]:
    """The words after `glx`, as the shell of the service gives them."""
    if "entrypoint" not in service:
        return service["command"]
    (script,) = service["command"]
    (folder / "glx").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (folder / "glx").chmod(0o755)
    given = {"FILE": "some.log", "SESSION": r"order=(\w+) of", "PATH": f"{folder}:{os.defpath}"}
    shell = [*service["entrypoint"], script.replace("$$", "$")]
    done = subprocess.run(shell, env=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("name", COMPOSE)
def test_services_give_flags_that_there_are(name, tmp_path):
    command, *flags = words_of(COMPOSE[name], tmp_path)
    assert command in COMMANDS
    module, seen = import_module(f"glx.cli.{command}"), []
    values = module.declare()
    assert run(lambda given: seen.append(given), values, "", [command, *flags]) == 0
    assert len(seen) == 1
    assert all(flag.startswith("--") for flag in flags)
