"""Logs of several files on a cluster of Ray, beside one process: growth, and what Ray costs.

Both are whole commands, as a user gives them, from their start to verdicts on disk. The cluster is
this machine: its workers share the cores with nobody, and start anew each time.
"""

import shutil
import subprocess
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from experiments.benchmarks import e2e, hdfs_text
from experiments.benchmarks.measure import Call, Case, Prepared
from experiments.benchmarks.settings import Settings

HERE = "experiments.benchmarks.cluster"
ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-ray/bin/python"
FILES = (1, 2, 4, 8)
LINES = 500_000  # of a file


def cases(settings: Settings) -> Iterator[Case]:
    """HDFS in files, blocks of lines going over their ends; without it there is no case."""
    if settings.data_dir is None:
        return
    bash = ["bash", "-c", ". launch/environment.sh; make_ray_environment"]
    subprocess.run(bash, check=True, cwd=ROOT)
    lines = LINES // 50 if settings.quick else LINES
    detector = e2e.fitted_on_hdfs(settings) / "ZeroLog"
    for n in FILES[:1] if settings.quick else FILES:
        logs = settings.folder / f"files-{n}"
        written = cut(settings, logs, n, lines)
        given = {"detector": str(detector), "logs": str(logs), "lines": written}
        yield Case(
            what="ray",
            case=f"{written:,} lines of HDFS in {n} file{'s' * (n > 1)}, with Ray",
            unit="lines/s",
            ours=Call(f"{HERE}:detected", given | {"more": ["--ray=auto"]}),
            peers={"one process without Ray": Call(f"{HERE}:detected", given | {"more": []})},
            repeats=1 if settings.quick else 3,
            warm_up=False,
        )
        shutil.rmtree(logs)


def cut(settings: Settings, folder: Path, files: int, lines: int) -> int:
    """Write a log as so many files of so many lines; how many there are."""
    assert settings.data_dir is not None
    whole = settings.folder / "whole.log"
    written = hdfs_text.write(whole, settings.data_dir, files * lines)
    folder.mkdir()
    with whole.open() as file:
        for n in range(files):
            with (folder / f"hdfs.log.{files - n}").open("w") as part:
                part.writelines(islice(file, lines))
    whole.unlink()
    return written


def detected(detector: str, logs: str, lines: int, more: list[str]) -> Prepared:
    """`glx detect` on the files of a folder, as one log."""
    out = Path(f"{logs}-{'ray' if more else 'one'}")

    def run() -> None:
        shutil.rmtree(out, ignore_errors=True)
        out.unlink(missing_ok=True)
        given = [f"--detector={detector}", f"--logs={logs}", f"--out={out}", *more]
        subprocess.run(
            [str(PYTHON), "-m", "glx", "detect", *given], check=True, capture_output=True, cwd=ROOT
        )

    return Prepared(run, lines)
