"""A folder whose files are as they should be, and a run of `glx zerolog` that refuses.

What is bad is found before the training, so the tests here train nothing.
"""

from pathlib import Path

import pytest
from shop import KEYS, LOG, RUN_DIR, lines, tree, write_labels

from glx.cli.main import main


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A folder to work in, with a target, a source and its labels that are as they should be."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("GLX_DATA", raising=False)
    Path("shop.log").write_bytes(LOG)
    Path("jobs.log").write_text("\n".join(lines("job", 40)) + "\n")
    write_labels(f"{i},{int(i % 10 == 3)}" for i in range(40))
    return tmp_path


@pytest.fixture
def refused(shop, capsys):
    """`refused(where, what, *flags)`: a run ends with one sentence on a path or flag, and code 2.

    The sentence begins with `where` and holds the word `what`; nothing else is found of the run.
    """

    def run(
        where: str,
        what: str,
        *flags: str,
        target: str = "shop=shop.log",
        source: str = "jobs=jobs.log",
        labels: tuple[str, ...] = ("jobs=jobs.csv",),
        session: str = KEYS,
    ) -> None:
        before = tree(shop)
        given = [f"--target={target}", f"--source={source}", *(f"--labels={x}" for x in labels)]
        if not any(flag.startswith("--run_dir=") for flag in flags):
            given.append(f"--run_dir={RUN_DIR}")
        code = main(["zerolog", *given, session, *flags])
        out, err = capsys.readouterr()
        assert (code, out) == (2, "")
        assert tree(shop) == before
        *progress, last = err.splitlines()
        assert not any(line.startswith(("error", "Traceback")) for line in progress)
        assert last.startswith(f"error: {where}: ")
        assert what in last.removeprefix(f"error: {where}: ")

    return run
