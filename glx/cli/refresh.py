"""Let a fitted detector learn its system's habits from newer logs, without labels or training.

Examples:
  glx refresh --detector=runs/shop/checkpoint --logs=/var/log/shop.log --out=runs/shop/newer
  glx refresh --detector=DIR --logs='/var/log/shop.log*' --dry_run
  glx refresh --detector=DIR --logs=shop.log --dry_run --format=json

Templates, habits and the cut are those of the newer logs alone, so give as many as show what is
usual: a week rather than an hour. What was trained on labelled systems stays. It says how much the
system has drifted, and warns where the detector should be fitted anew. A folder beside the old one
shares its remarks (glx mute, glx note).
"""

import os
from pathlib import Path

from absl.flags import FlagValues
from msgspec.json import encode
from msgspec.json import format as indented
from rich.table import Column, Table
from rich.text import Text

from glx import files, hosts
from glx.cli import processes
from glx.cli.flags import add
from glx.data.load import REDACT, DataConfig
from glx.errors import InputError
from glx.redact import mask_of
from glx.runs import detectors
from glx.runs.compilation import keep_compilations
from glx.runs.refresh import FIT_ANEW, Change, Drift, refresh
from glx.terminal import Screen, escaped, tell, visible


def declare() -> FlagValues:
    """The flags."""
    own = FlagValues()
    add(own, "string", "detector", None, "A finished run, or the `checkpoint` folder in it.")
    about = "Newer logs: a file, a folder or a quoted glob, repeated for several of one log."
    add(own, "multi_string", "logs", [], about)
    add(own, "string", "out", None, "Folder to write the refreshed detector to; must not exist.")
    add(own, "boolean", "dry_run", False, "Only say how much the system has drifted.")
    add(own, "enum", "format", "text", ["text", "json"], "Of what is said of the drift.")
    add(own, "boolean", "redact", True, REDACT)
    processes.declare(own)
    return own


def work(values: FlagValues) -> None:
    """Refresh one detector, as the flags have it."""
    needed = ("detector", "logs") if values.dry_run else ("detector", "logs", "out")
    for name in needed:
        if not values[name].value:
            raise InputError(f"--{name}: missing; see --help")
    keep_compilations(DataConfig())
    with processes.joined(values):
        _refresh(values)


def _refresh(values: FlagValues) -> None:
    folder, mask = detectors.folder_of(values.detector), mask_of(values.redact)
    out = None if values.dry_run or not hosts.first() else _new_folder(values.out, folder)
    detector, parser, drift = refresh(folder, values.logs, mask, processes.progress())
    if not hosts.first():
        return
    if out is not None:
        detectors.save(out, detector, parser, detectors.stamps(folder))
    if values.format == "json":
        tell(escaped(indented(encode(drift), indent=1).decode()))
    else:
        _show(drift)
        if out is not None:
            tell(f"{out} is the refreshed detector.")


def _new_folder(given: str, detector: Path) -> Path:
    """Where the refreshed detector goes.

    Raises:
      InputError: something is there, or it is within the folder of the old one.
    """
    out = files.folder(given, "--out")
    if os.path.exists(out):
        raise InputError(f"--out={given}: is there already; choose another folder")
    if files.inside(out, detector):
        raise InputError(f"--out={given}: lies in the folder of --detector; choose one beside it")
    return out


def _show(drift: Drift) -> None:
    """The figures, what changed most, and what to do."""
    screen = Screen()
    screen.print(
        f"{drift.lines:,} newer lines in {drift.sequences:,} sequences: {drift.unseen:.2%} are of "
        f"{drift.new_templates:,} new templates, {drift.gone:.2%} of the earlier lines are of "
        f"templates that do not come any more, {drift.moved:.2%} moved to others. "
        f"Of the sequences {drift.flagged_before:.2%} are flagged before, {drift.flagged_now:.2%} "
        "once refreshed.",
        soft_wrap=True,
    )
    _show_changes(screen, "template, of the lines", drift.changes)
    _show_changes(screen, "habit, of the sequences", drift.habits)
    if drift.fit_anew:
        screen.print(
            f"More than {FIT_ANEW:.0%} of the lines have new templates: fit the detector anew "
            "(glx zerolog, glx generallog), or check that these are logs of its system.",
            style="yellow",
            soft_wrap=True,
        )


def _show_changes(screen: Screen, title: str, changes: list[Change]) -> None:
    """A table of shares, or nothing."""
    if not changes:
        return
    table = Table(title, Column("before", justify="right"), Column("now", justify="right"))
    for change in changes:
        table.add_row(Text(visible(change.text)), f"{change.before:.2%}", f"{change.now:.2%}")
    screen.print(table)
