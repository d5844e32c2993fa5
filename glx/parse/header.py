"""How the lines of a file are laid out: given, or detected from its first lines.

In: lines. Out: a `Layout`: where time, level and text stand. Times become seconds since the epoch.
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from glx.errors import InputError
from glx.parse.joins import beginnings
from glx.parse.jsonl import json_layout, json_object
from glx.parse.layout import FORMATS, TIME_NAMES, Layout
from glx.parse.levels import LEVELS
from glx.parse.read import head
from glx.parse.table_log import table_layout
from glx.parse.times import STAMP, stamp

KEYED = re.compile(  # what precedes the time of a logfmt line; its key is the group
    rf'(?:[\w.@-]+=\S+\s+)*((?:t|{"|".join(TIME_NAMES)})="?)'
)
TEXT_KEY = re.compile(r"\b(?:msg|message)=")
KLOG_DATES = {"%m%d": r"\d{4}", "%Y%m%d": r"\d{8}"}
SEPARATORS = r"[\s|\])>,:-]*"


def layout_of(path: Path | str, format: str = "auto") -> Layout:
    """The detected layout of a log file."""
    lines = head(path)
    try:
        return detect_layout(lines, format)
    except InputError as e:
        raise InputError(f"{path}: {e}") from e


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
    objects = [] if format in ("lines", "csv") else [o for o in map(json_object, filled) if o]
    if format == "jsonl" or len(objects) >= 0.9 * max(len(filled), 1):
        return json_layout(objects)
    table = None if format == "lines" else table_layout(filled, forced=format == "csv")
    filled = beginnings(filled)
    return table or _klog_layout(filled) or _line_layout(filled)


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
        words, bracket, time, format = max(often)
        close = '"?' if bracket.endswith('"') else ""
        before = _words_with_level(words, lines)
        pattern = rf"^{before}{bracket}(?P<time>{time}){close}{SEPARATORS}"
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
            found.add((len(before.split()), re.escape(bracket), *stamp(match)))
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
