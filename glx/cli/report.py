r"""Write the pages of finished runs and studies anew, or print their tables.

Examples:
  glx report runs/shop
  glx report --format=latex runs/study
  glx report --format=markdown runs/shop-*

A run has report.html, a study (a folder with study.json) study.html; each opens offline.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from absl.flags import FlagValues

from glx.cli.flags import add
from glx.errors import InputError
from glx.files import given_path
from glx.report import run as run_page
from glx.report import study as study_page
from glx.report import tables
from glx.report.results import read_study
from glx.report.runs_table import of_runs
from glx.report.table import Table, to_json, to_latex, to_markdown
from glx.terminal import escaped, tell

FORMATS = {"markdown": to_markdown, "latex": to_latex}


def declare() -> FlagValues:
    """The flags; folders may stand before, between and after them."""
    values = FlagValues()
    values.set_gnu_getopt()
    about = "html writes pages and prints their paths; the others print tables."
    add(values, "enum", "format", "html", ["html", *FORMATS, "json"], about)
    return values


def work(values: FlagValues, names: list[str]) -> None:
    """Pages or tables of the folders."""
    folders = [given_path(name) for name in names]
    if not folders:
        raise InputError("no folder is given; name those of --run_dir, see --help")
    if values.format == "json":
        tell(escaped(to_json(read_tables(folders))))
        return
    if values.format in FORMATS:
        tell("\n\n".join(map(FORMATS[values.format], read_tables(folders))))
        return
    for folder in folders:
        pages = study_page if (folder / "study.json").is_file() else run_page
        tell(str(pages.write(folder)))


def read_tables(folders: Sequence[Path]) -> list[Table]:
    """The tables of each study in turn, then one of all runs.

    Raises:
      InputError: a folder is neither, or damaged.
    """
    studies = [folder for folder in folders if (folder / "study.json").is_file()]
    runs = [folder for folder in folders if folder not in studies]
    found = []
    for n, folder in enumerate(studies):
        own = tables.of_study(read_study(folder))
        if len(folders) > 1:  # then keys and titles say which it is
            own = [replace(t, key=f"{n + 1}-{t.key}", title=f"{folder}: {t.title}") for t in own]
        found += own
    return found + ([of_runs(runs)] if runs else [])
