"""What may import what, what may see a label, and that importing does nothing.

Imports are read from the source: the rows of the design, and the label wall, hold for all of it.
"""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ORDER = (  # data flows down; a module imports from its own row and from those above
    (
        "glx.errors",
        "glx.interrupts",
        "glx.config",
        "glx.files",
        "glx.state",
        "glx.yaml_list",
        "glx.terminal",
    ),
    (
        "glx.batch_sizes",
        "glx.hosts",
        "glx.joining",
        "glx.devices",
        "glx.exported",
        "glx.neighbours",
        "glx.checkpoint",
    ),
    ("glx.sequences",),
    ("glx.secret_forms",),
    ("glx.secret_names",),
    ("glx.redact",),
    ("glx.verdicts",),
    ("glx.parse",),
    ("glx.statements",),
    ("glx.data",),
    ("glx.embed",),
    ("glx.membership",),
    ("glx.steps",),
    ("glx.kinds",),
    ("glx.profile",),
    ("glx.evidence",),
    ("glx.threshold",),
    ("glx.detector",),
    ("glx.llm",),
    ("glx.recurrence",),
    ("glx.gru", "glx.nn"),
    ("glx.methods",),
    ("glx.zerolog",),
    ("glx.generallog",),
    ("glx.evaluate",),
    ("glx.report",),
    ("glx.watch",),
    ("glx.runs",),
    ("glx.cluster",),
    ("glx.serve",),
    ("glx.api",),
    ("glx.cli", "glx.__main__"),
    ("experiments",),
)
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for folder in ("glx", "experiments")
    for path in sorted((ROOT / folder).rglob("*.py"))
}


def row(module: str) -> int:
    """The row of a module; -1 for the bare package, which holds nothing."""
    if module == "glx":
        return -1
    return next(
        n
        for n, names in enumerate(ORDER)
        if any(module == name or module.startswith(name + ".") for name in names)
    )


def imported(path: Path) -> set[str]:
    """The modules of the project that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in FILES else node.module for name in names}
    return {name for name in found if name.split(".")[0] in ("glx", "experiments")}


def test_all_modules_are_found():
    assert len(FILES) > 30


@pytest.mark.parametrize("module", FILES)
def test_a_module_has_its_row_a_purpose_and_few_lines(module):
    text, here = FILES[module].read_text(), row(module)
    for name in imported(FILES[module]):
        assert row(name) <= here, f"{module} imports {name}"
    assert len(text.splitlines()) < 400
    assert module == "experiments" or ast.get_docstring(ast.parse(text))


def test_an_import_is_found_however_it_is_written(tmp_path):
    path = tmp_path / "a.py"
    path.write_text(
        "import glx.errors\n"
        "from glx import threshold\n"
        "def f():\n"
        "    from glx.evaluate.labels import read_labels as read\n"
        "    import numpy\n"
    )
    assert imported(path) == {"glx.errors", "glx.threshold", "glx.evaluate.labels"}


def test_only_runs_read_labels():
    readers = {module for module, path in FILES.items() if "glx.evaluate.labels" in imported(path)}
    assert readers
    assert all(reader.startswith("glx.runs.") for reader in readers), readers


def test_nothing_that_makes_verdicts_imports_what_compares_them():
    wall = row("glx.evaluate")
    for module, path in FILES.items():
        if row(module) < wall:
            assert not any(name.startswith("glx.evaluate") for name in imported(path)), module


def test_the_place_of_labels_is_read_in_one_module():
    """`LabelPlace` says where labels lie: made with the systems, opened by `labels.py` alone."""
    users = set()
    for module, path in FILES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Name) and node.id == "LabelPlace":
                users.add(module)
    assert users == {"glx.data.systems", "glx.data.catalogue", "glx.evaluate.labels"}


def test_importing_everything_does_nothing(tmp_path):
    modules = [name for name in FILES if not name.startswith("experiments")]
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "GLX_"))}
    environment |= {"HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    script = f"""
import importlib, sys, threading, warnings
import jax
for name in {modules!r}:
    importlib.import_module(name)
from jax._src import xla_bridge
assert not xla_bridge.backends_are_initialized(), "a device was looked for"
assert threading.active_count() == 1, threading.enumerate()
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=here,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert set(tmp_path.rglob("*")) == {home, here}
