"""What is read of a log, before anything is learned from it: `glx inspect`.

In: a file and how it is laid out. Out: an `Inspection` of its first lines: format, time, level,
sessions, texts and templates, and what to be warned of.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

import numpy as np

from glx.data.load import WINDOW
from glx.data.sessions import Sessions, measured, problem, proposals
from glx.errors import InputError
from glx.parse.digits import DIGITS, HIDDEN, split_lines
from glx.parse.encodings import PEEKED, encoding_of
from glx.parse.events import collect
from glx.parse.formats import block_parser
from glx.parse.layout import Layout
from glx.parse.levels import SEVERE
from glx.parse.log import Log, log_of
from glx.parse.miner import Miner, fit
from glx.parse.packed import GZIP, ZSTD
from glx.parse.read import ReadCounts, blocks, clean, reading
from glx.parse.records import records
from glx.parse.sources import LogPath, pieces
from glx.parse.table_log import NOTES, rows_of
from glx.parse.unwrap import unwrap, without_colours
from glx.sequences import Templates

SAMPLE = 1 << 20  # bytes of a block of the unpacked file
BLOCKS = 2  # that are looked at
TEMPLATES = 8  # that are shown
FEW = 0.1  # share of lines from which on it is worth a warning


@dataclass(frozen=True)
class Example:
    """A line of the file (from 0) and what becomes of it, its time as it is written."""

    line: int
    raw: str
    text: str
    time: str | None
    template: str


@dataclass(frozen=True)
class Inspection:
    """What was read of the first lines of a file; shares are of the lines that are not empty.

    Attributes:
      file: its name.
      stored: packing and encoding, where they are not none and UTF-8.
      whole: these lines are all.
      lines: how many, the empty ones included.
      layout: how they were read.
      times: the earliest and the latest, in seconds since the epoch; None for none.
      timed: share with a time.
      levels: how often each level occurs.
      window: lines in a window, or a span of time, where there is no session rule.
      known: share that is like a line a detector was fitted on; None without a detector.
      sessions: what the session rule makes of the lines; None without a rule.
      misfit: what is wrong with the session rule, which fits no line or finds one id only; or None.
      proposed: session rules that look likely, where there is none or it fits few lines.
      fits: share that is of the format.
      joined: share that is not, and belongs to the record above.
      counts: lines that had to be repaired.
      templates: the most frequent ones with their counts.
      n_templates: how many there are.
      examples: lines of the most frequent templates, and of the first severe one.
      warnings: what may be wrong, a sentence each.
    """

    file: str
    stored: list[str]
    whole: bool
    lines: int
    layout: Layout
    times: tuple[float, float] | None
    timed: float
    levels: dict[str, int]
    window: int | str
    known: float | None
    sessions: Sessions | None
    misfit: str | None
    proposed: list[Sessions]
    fits: float
    joined: float
    counts: ReadCounts
    templates: list[tuple[int, str]]
    n_templates: int
    examples: list[Example]
    warnings: list[str]


def inspect(
    log: Log | LogPath,
    layout: Layout,
    window: int | str = WINDOW,
    fitted: Templates | None = None,
) -> Inspection:
    """What is read of the first lines of a log by a layout.

    Args:
      log: of several files the first is looked at.
      window: lines in a window, or a span of time.
      fitted: the templates of a detector.

    Raises:
      InputError: it cannot be read, or holds no text.
    """
    counts, path = ReadCounts(), log_of(log).files[0]
    sample, whole = _sample(path, layout)
    with closing(records(path, layout, counts, threads=1, size=SAMPLE)) as frames:
        frame, texts = collect(islice(frames, BLOCKS))
    if not len(frame):
        raise InputError(f"{path}: no line with text; give a log with at least one event")
    codes = frame["text"].to_numpy()
    miner = fit(texts, np.bincount(codes, minlength=len(texts)))
    ids, found = miner.ids(texts)[codes], miner.fitted
    often = np.argsort(-found.counts, kind="stable")
    shown = [int(np.argmax(ids == i)) for i in often[:2]]
    shown += frame["level"].is_in(SEVERE).arg_true().head(1).to_list()
    templates = {row: found.texts[ids[row]] for row in shown}
    below, filled = counts.joined + counts.detail + counts.beyond, counts.lines - counts.empty
    rule, times = layout.session, frame["time"].drop_nulls().to_numpy()
    sessions = None if rule is None else measured(rule, frame["key"])
    given = sessions is not None and sessions.share > 1 - FEW
    one = Inspection(
        file=str(log),
        stored=_stored(path),
        whole=whole,
        lines=counts.lines,
        layout=layout,
        times=(float(times.min()), float(times.max())) if len(times) else None,
        timed=len(times) / len(frame),
        levels=dict(frame["level"].drop_nulls().value_counts(sort=True).iter_rows()),
        window=window,
        known=None if fitted is None else _known(fitted, texts, codes),
        sessions=sessions,
        misfit=None if sessions is None else problem(sessions, sample.inner, layout),
        proposed=[] if given else proposals(sample.inner, layout, "".join(sample.title)),
        fits=1 - (below + counts.no_header + counts.broken_json) / filled,
        joined=below / filled,
        counts=counts,
        templates=[(int(found.counts[i]), found.texts[i]) for i in often[:TEMPLATES]],
        n_templates=len(found),
        examples=[*_examples(path, layout, sample, frame["line"].to_numpy(), templates)],
        warnings=[],
    )
    return replace(one, warnings=[*_warnings(one, sample.inner)])


class _Sample(NamedTuple):
    """The first lines of a file.

    Attributes:
      title: the header line of a table; else nothing.
      lines: those below, as they are.
      inner: the lines without what is around them.
      rows: `<int64>[N]` the line in which each of `inner` begins.
      times: what stands around them as their time.
    """

    title: list[str]
    lines: list[str]
    inner: list[str]
    rows: np.ndarray
    times: list[str | None]


def _sample(path: LogPath, layout: Layout) -> tuple[_Sample, bool]:
    """The first lines, and whether they are all."""
    table = layout.format == "csv"
    with closing(blocks(path, SAMPLE, quoted=table and layout.quote)) as parts:
        raw = b"".join(islice(parts, BLOCKS))
        whole = next(parts, None) is None
    raw = clean(raw, ReadCounts(), quoted=table and layout.quote)
    note = NOTES.match(raw) if table else None
    raw = raw[note.end() :] if note else raw
    if table:
        title, *below = split_lines(raw).to_list()
        rows = rows_of(below) if layout.quote else below
        return _Sample([title], rows, rows, np.arange(len(rows)), [None] * len(rows)), whole
    around = unwrap(split_lines(without_colours(raw)), layout.wrap)
    lines, inner = split_lines(raw).to_list(), around.lines.to_list()
    return _Sample([], lines, inner, around.rows, around.time.to_list()), whole


def _examples(
    path: LogPath, layout: Layout, sample: _Sample, lines: np.ndarray, templates: dict[int, str]
) -> Iterator[Example]:
    """What becomes of some lines.

    Args:
      lines: `<int64>[N]` the line of each event.
      templates: those of the events that are wanted, by event.
    """
    for event, template in templates.items():
        line = int(lines[event])
        at = int(np.searchsorted(sample.rows, line, side="right")) - 1
        nth = event - int(np.argmax(lines == line))
        text, time = _text_and_time(path, layout, [*sample.title, sample.inner[at]], nth)
        yield Example(line, sample.lines[line], text, time or sample.times[at], template)


def _stored(path: LogPath) -> list[str]:
    """Packing and encoding of a file, where they are not none and UTF-8."""
    with reading(path):
        with open(path, "rb") as file:
            first = file.read(4)
        encoding = encoding_of(next(pieces(path, PEEKED), b""))
    packed = "gzip" if first.startswith(GZIP) else "Zstandard" if ZSTD.match(first) else None
    return [name for name in (packed, encoding and encoding.upper()) if name]


def _known(fitted: Templates, texts: list[str], codes: np.ndarray) -> float:
    """The share of events that a fitted template matches."""
    return float((Miner(fitted).ids(texts) < len(fitted))[codes].mean())


def _text_and_time(
    path: LogPath, layout: Layout, lines: list[str], nth: int
) -> tuple[str, str | None]:
    """The text of a line, as it is before values are masked, and its time as it is written.

    Args:
      lines: this line alone, without what is around it, after the header line in a table.
      nth: of the records of the line, from 0.
    """
    for one in (layout, *layout.also):
        read, body = block_parser(path, one, iter(["\n".join(lines).encode()]))
        fields = read(next(body), ReadCounts())
        nth = min(nth, len(fields.texts.lines) - 1)
        text = fields.texts.lines.slice(nth, 1).str.replace_many(HIDDEN, DIGITS)
        time = None if fields.time is None else fields.time[nth]
        if fields.fits is not None and not fields.fits[nth]:
            continue
        if one.header is None:
            return text[0], time
        found = text.str.extract_groups(one.header).struct.unnest()
        if found["text"][0] is not None:
            return found["text"][0], found["time"][0] if "time" in found.columns else time
    return lines[-1], None


def _warnings(one: Inspection, lines: list[str]) -> Iterator[str]:
    """What may be wrong, and what may help, a sentence each."""
    layout, session = one.layout, one.sessions
    if one.known is not None and one.fits < 0.5 and one.known < 0.5:
        yield (
            f"only {share(one.fits)} of the lines have the format that the detector was fitted on, "
            "so that its verdicts mean little; give --format=auto, or fit a detector to such logs"
        )
        return
    if one.known is not None and one.known < 0.5:
        yield (
            f"only {share(one.known)} of the lines are like those that the detector was fitted on, "
            "so that its verdicts mean little; fit a detector to such logs"
        )
    if over_several_lines(lines, layout):
        yield "JSON over several lines; `jq -c .` (of a list `jq -c '.[]'`) writes an object a line"
    named = layout.format != "lines"
    if one.times is None:
        field = "; name its field by --time_field" if named else ""
        yield f"no time found, so that --window=5m and --idle have no effect{field}"
    elif one.timed < 1 - FEW:
        yield f"{share(1 - one.timed)} of the lines have no time"
    if not one.levels:
        field = "; name its field by --level_field" if named else ""
        yield f"no level found, so that only what a line says can be alarming{field}"
    odd = 1 - one.fits - one.joined
    if odd > FEW:
        yield f"{share(odd)} of the lines do not fit the format, so that all of them is text"
    if one.counts.joined > FEW * one.lines:
        yield (
            f"{share(one.counts.joined / one.lines)} of the lines do not fit the format and count "
            "as events of the line above"
        )
    if one.misfit:
        yield one.misfit
    elif session is not None and session.share < 1 - FEW:
        yield f"{share(1 - session.share)} of the lines have no session id and are left out"
    if one.n_templates > max(100, 0.5 * one.lines):
        yield f"{one.n_templates:,} templates, so that most lines have a text of their own"


def over_several_lines(lines: list[str], layout: Layout) -> bool:
    """Whether the file is JSON, but not an object a line."""
    first = next((line.strip() for line in lines if line.strip()), "")
    return layout.format == "lines" and (first in ("{", "[") or first.startswith(("[{", "[ {")))


def share(part: float) -> str:
    """A share in per cent, never rounded to none or all."""
    percent = 100 * part
    if percent in (0, 100):
        return f"{percent:.0f} %"
    if percent < 0.1:
        return "under 0.1 %"
    return f"{min(percent, 99.9):.{int(percent < 10 or percent > 99)}f} %"
