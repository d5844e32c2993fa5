"""How the lines of a file are laid out: given, or detected from its first lines.

In: lines. Out: a `Layout`: where time, level and text stand. Times become seconds since the epoch.
"""

import csv
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from glx.errors import InputError

FORMATS = ("auto", "lines", "jsonl", "csv")


@dataclass(frozen=True)
class Layout:
    """How the lines of a file are laid out.

    Attributes:
      format: `lines`, `jsonl` (a JSON object a line) or `csv` (a table with a header line).
      header: regular expression (Rust syntax) over a line, or over the text of a table, with named
        groups among `time`, `level`, `text`. What no group holds is dropped. None: no header. It is
        matched with every run of digits as one digit, in the line as in the pattern, so two parts
        that match digits must have something between them.
      text, time, level: columns of a table or JSON object; the times are joined with a space.
      time_format: as Polars has it (`%Y-%m-%d %H:%M:%S%.f`), or `epoch` (seconds, or milli-, micro-
        or nanoseconds by size). Without a year, times count from 1972 and go up a year whenever
        they fall back by over six months, so that they keep their order.
      separator: between the columns of a table.
      quote: fields of a table may be quoted.
      session: a column, or a regular expression over the raw line (the text, in a table): the
        first match, its group 1 if it has one. None: no sessions.
    """

    format: str = "lines"
    header: str | None = None
    text: str = "text"
    time: tuple[str, ...] = ()
    level: str | None = None
    time_format: str | None = None
    separator: str = ","
    quote: bool = True
    session: str | None = None


TEXT_NAMES = (
    "message", "msg", "log", "text", "event", "body", "content", "line", "description", "detail",
)  # fmt: skip
TIME_NAMES = ("timestamp", "@timestamp", "datetime", "time", "ts", "date", "asctime", "created")
LEVEL_NAMES = ("level", "severity", "levelname", "log_level", "loglevel", "lvl", "priority")

# Parts of a time stamp: format -> regular expression. The earlier is tried first.
DATES = {
    "%Y-%m-%d": r"\d{4}-\d\d-\d\d",
    "%Y/%m/%d": r"\d{4}/\d\d/\d\d",
    "%Y.%m.%d": r"\d{4}\.\d\d\.\d\d",
    "%d/%b/%Y": r"\d\d/[A-Z][a-z]{2}/\d{4}",
    "%d.%m.%Y": r"\d\d\.\d\d\.\d{4}",
    "%y/%m/%d": r"\d\d/\d\d/\d\d",
    "%Y%m%d": r"\d{8}",
    "%y%m%d": r"\d{6}",
    "%m/%d/%Y": r"\d{1,2}/\d{1,2}/\d{4}",
    "%a %b %e": r"[A-Z][a-z]{2} [A-Z][a-z]{2} {1,2}\d{1,2}",
    "%b %e": r"[A-Z][a-z]{2} {1,2}\d{1,2}",
    "%m-%d": r"\d\d-\d\d",
    "%m.%d": r"\d\d\.\d\d",
}
CLOCKS = {
    "%I:%M:%S %p": r"\d{1,2}:\d{1,2}:\d{1,2} [AP]M",
    "%H:%M:%S": r"\d{1,2}:\d{1,2}:\d{1,2}",
    "%H.%M.%S": r"\d\d\.\d\d\.\d\d",
    "%H%M%S": r"\d{6}",
}
FRACTIONS = {"%.f": r"\.\d{1,9}", ",%3f": r",\d{1,3}", ":%3f": r":\d{1,3}"}
ZONES = {" %Y": r" [12]\d{3}", "%z": r" ?[+-](?:\d\d:\d\d|\d{4})", "Z": "Z"}
STAMP_PARTS = {"date": DATES, "clock": CLOCKS, "fraction": FRACTIONS, "zone": ZONES}
EPOCH = r"1\d{9}(?:\d{3}|\.\d{1,9})?"


def _any(parts: dict[str, str]) -> str:
    return "|".join(parts.values())


JOIN = ",? |[T:-]"
# 5/1 is the first of May where the clock has AM or PM; elsewhere it is ambiguous.
AMBIGUOUS = rf"(?!{DATES['%m/%d/%Y']}(?:{JOIN})(?!{CLOCKS['%I:%M:%S %p']}))"
STAMP = re.compile(
    rf"(?<![\w.:/-])(?:{AMBIGUOUS}(?P<date>{_any(DATES)})(?P<join>{JOIN})(?P<clock>{_any(CLOCKS)})"
    rf"(?P<fraction>{_any(FRACTIONS)})?(?P<zone>{_any(ZONES)})?|(?P<epoch>{EPOCH}))(?![\w/])"
)
WORDS = (
    "TRACE|DEBUG|INFO|INFORMATION|NOTICE|WARN|WARNING|ERROR|ERR|SEVERE|FAILURE|CRITICAL|CRIT|ALERT|"
    "EMERG|FATAL|VERBOSE|FINE"
)
LEVELS = {  # from the clearest to the weakest sign, with the share of lines that must show it
    rf"(?P<level>{WORDS})[\])>:,|]*(?:\s|$)": 0.5,
    rf"[\[(<](?P<level>(?i:{WORDS}))[\])>][:,|]*(?:\s|$)": 0.5,
    rf"(?P<level>(?i:{WORDS}))[:,|]*(?:\s|$)": 0.5,
    r"(?P<level>[VDIWEFC])(?:\s|$)": 0.9,
    r'(?:level|lvl|severity)="?(?P<level>[A-Za-z]+)"?(?:\s|$)': 0.5,
}
KEYED = re.compile(  # what precedes the time of a logfmt line; its key is the group
    rf'(?:[\w.@-]+=\S+\s+)*((?:t|{"|".join(TIME_NAMES)})="?)'
)
TEXT_KEY = re.compile(r"\b(?:msg|message)=")
KLOG_DATES = {"%m%d": r"\d{4}", "%Y%m%d": r"\d{8}"}
WIDEST = 10_000  # characters of a line that are inspected to detect a table
SEPARATORS = r"[\s|\])>,:-]*"


def detect_layout(lines: Sequence[str], format: str = "auto") -> Layout:
    """The layout of a log, detected from its first lines.

    A time stamp or level counts as found where at least half of the lines have it in the same
    place. The text is what follows the last of them, and the host name in a syslog line.

    Args:
      lines: the first lines of the file.
      format: one of `FORMATS`.

    Raises:
      InputError: an unknown format, or a table without a column of text, naming those there are.
    """
    if format not in FORMATS:
        raise InputError(f"--format={format}: unknown; choose one of {', '.join(FORMATS)}")
    filled = [line for line in lines if line.strip()]
    objects = [] if format in ("lines", "csv") else [o for o in map(_json, filled) if o]
    if format == "jsonl" or len(objects) >= 0.9 * max(len(filled), 1):
        return _json_layout(objects)
    table = None if format == "lines" else _table_layout(filled, forced=format == "csv")
    return table or _klog_layout(filled) or _line_layout(filled)


def _json(line: str) -> dict | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _json_layout(objects: list[dict]) -> Layout:
    names = [name for name, _ in Counter(n for o in objects for n in o).most_common()]
    text, times, level = _columns(names)
    if text is None:
        raise _no_text("JSON field", names)
    values = [" ".join(str(o.get(t, "")) for t in times) for o in objects]
    return Layout("jsonl", None, text, times, level, _format_of(values))


def _table_layout(lines: list[str], forced: bool) -> Layout | None:
    """The layout of a table, or None where the first line is no header of one."""
    first = lines[0] if lines else ""
    separator = max(",\t;|", key=first.count)
    try:
        rows = list(csv.reader((line[:WIDEST] for line in lines[:100]), delimiter=separator))
    except csv.Error:  # no table, for example a carriage return within a line
        rows = []
    names = rows[0] if rows else []
    text, times, level = _columns(names)
    if text is None or (len(names) < 2 and not forced):
        if forced:
            raise _no_text("column", names)
        return None
    places = [names.index(t) for t in times]
    values = [" ".join(r[i] for i in places) for r in rows[1:] if len(r) == len(names)]
    return Layout("csv", None, text, times, level, _format_of(values), separator)


def _no_text(what: str, names: Sequence[str]) -> InputError:
    among = ", ".join(map(repr, names)) or "none"
    return InputError(
        f"line 1: no {what} of text among {among}; name it one of {', '.join(TEXT_NAMES)}"
    )


def _columns(names: Sequence[str]) -> tuple[str | None, tuple[str, ...], str | None]:
    """The columns of text, time and level among `names`, by what they are usually called."""
    lower = {name.lower(): name for name in reversed(names)}

    def first(known: Sequence[str]) -> str | None:
        return next((lower[name] for name in known if name in lower), None)

    time = first(TIME_NAMES)
    times: tuple[str, ...] = () if time is None else (time,)
    if "date" in lower and "time" in lower:
        times = (lower["date"], lower["time"])
    return first(TEXT_NAMES), times, first(LEVEL_NAMES)


def _format_of(values: list[str]) -> str | None:
    """The format of over half of the times, or None."""
    found = Counter(_stamp(m)[1] for m in map(STAMP.fullmatch, values) if m)
    return found.most_common(1)[0][0] if found.total() * 2 > len(values) else None


def _stamp(match: re.Match) -> tuple[str, str]:
    """The regular expression and the format of one time stamp."""
    if match["epoch"]:
        return EPOCH, "epoch"
    pattern, format = "", ""
    for part, kinds in STAMP_PARTS.items():
        if match[part]:
            kind = next(k for k, regex in kinds.items() if re.fullmatch(regex, match[part]))
            pattern, format = pattern + kinds[kind], format + kind
        if part == "date":
            pattern, format = pattern + match["join"], format + match["join"]
    return pattern, format


def _klog_layout(lines: list[str]) -> Layout | None:
    """The layout of klog and glog, where level and date are one word."""
    for date, digits in KLOG_DATES.items():
        time = rf"(?P<time>{digits} \d\d:\d\d:\d\d\.\d{{6}})"
        header = rf"^(?P<level>[IWEF]){time}\s+\d+ [^\]\s]+\] ?(?P<text>.*)$"
        if 2 * sum(bool(re.match(header, line)) for line in lines) >= max(len(lines), 1):
            return Layout(header=header, time_format=f"{date} %H:%M:%S%.f")
    return None


def _line_layout(lines: list[str]) -> Layout:
    places = Counter(place for line in lines for place in _stamps(line))
    often = [place for place, n in places.items() if n * 2 >= len(lines)]
    pattern, format = "^", None
    if often:
        words, bracket, stamp, format = max(often)
        close = '"?' if bracket.endswith('"') else ""
        before = _words_with_level(words, lines)
        pattern = rf"^{before}{bracket}(?P<time>{stamp}){close}{SEPARATORS}"
    if "<level>" not in pattern:
        pattern += _level(pattern, lines, 6 if often else 2)
    if "<level>" not in pattern and format and format.startswith("%b %e"):
        pattern += r"\S+\s+"  # syslog has the host's name after the time
    if pattern == "^":
        return Layout()
    return Layout(header=pattern + "(?P<text>.*)$", time_format=format)


def _stamps(line: str) -> set[tuple[int, str, str, str]]:
    """Time stamps near the start: words before it, bracket or key, regular expression, format."""
    found = set()
    for match in STAMP.finditer(line[:160]):
        before = line[: match.start()]
        bracket = before[-1:] if before[-1:] in ("[", "(", "<") else ""
        bracket = key[1] if (key := KEYED.fullmatch(before)) else bracket
        before = before.removesuffix(bracket)
        if match.start() < 100 and (not before or before[-1].isspace()):
            found.add((len(before.split()), re.escape(bracket), *_stamp(match)))
    return found


def _words_with_level(words: int, lines: list[str]) -> str:
    """What matches the words before a time stamp, with the level among them if there is one."""
    for at in range(words):
        level = _level("^" + _skip(at), lines, 0)
        if level:
            return _skip(at) + level + _skip(words - at - 1)
    return _skip(words)


def _skip(words: int) -> str:
    return rf"(?:\S+\s+){{{words}}}" if words else ""


def _level(pattern: str, lines: list[str], most_words: int) -> str:
    """What to append to `pattern` so that it takes in the level, or nothing."""
    start = re.compile(pattern)
    rests = [TEXT_KEY.split(line[m.end() :])[0] for line in lines if (m := start.match(line))]
    for level, share in LEVELS.items():
        for words in range(most_words + 1):
            regex = re.compile(_skip(words) + level)
            if sum(bool(regex.match(rest)) for rest in rests) >= share * max(len(lines), 1):
                return _skip(words) + level + SEPARATORS
    return ""


def seconds(times: pl.Series, format: str) -> pl.Series:
    """Seconds since the epoch (f64) of times (str); null where one has not the format."""
    if format == "epoch":
        numbers = times.cast(pl.Float64, strict=False)
        size = numbers.abs()
        unit = pl.select(
            pl.when(size > 1e17).then(1e9).when(size > 1e14).then(1e6).when(size > 1e11).then(1e3)
            .otherwise(1.0)
        ).to_series()  # fmt: skip
        return numbers / unit
    if "%3f" in format:  # as a fraction, because some loggers do not pad it
        times = times.str.replace(r"[,:](\d+)(\D*)$", ".$1$2")
        format = re.sub("[,:]%3f", "%.f", format)
    if not has_year(format):
        times, format = "1972 " + times, "%Y " + format  # a leap year: it has a 29 February
    stamps = times.str.to_datetime(format, time_unit="us", strict=False, ambiguous="earliest")
    return stamps.dt.epoch("us").cast(pl.Float64) / 1e6


def has_year(format: str) -> bool:
    """Whether a time has a year."""
    return format == "epoch" or "%Y" in format or "%y" in format
