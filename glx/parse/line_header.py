"""The header of lines of text, detected: time, level, and what else stands before the text.

In: the first lines that begin a record. Out: a `Layout` with a regular expression.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from glx.parse.layout import WIDEST, Layout
from glx.parse.levels import ALL_WORDS, PLACES, UNCLEAR
from glx.parse.names import TIME_NAMES
from glx.parse.times import STAMP, Shape, format_of, pattern_of, shape, tells_year, without_year

TEXT = "(?P<text>.*)$"
CLOCK = r"\d\d:\d\d:\d\d"
ISO = rf"\d{{4}}-\d\d-\d\d[T ]{CLOCK}\S*"
KNOWN = {  # headers that the parts below do not make up, and the format of a time of no usual form
    # klog and glog: level and date are one word
    rf"^(?P<level>[IWEF])(?P<time>\d{{4}} {CLOCK}\.\d+)\s+\d+ [^\]\s]+\] ?": "%m%d %H:%M:%S%.f",
    rf"^(?P<level>[IWEF])(?P<time>\d{{8}} {CLOCK}\.\d+)\s+\d+ [^\]\s]+\] ?": "%Y%m%d %H:%M:%S%.f",
    # Android's logcat: threadtime, time, brief
    rf"^(?P<time>(?:\d{{4}}-)?\d\d-\d\d {CLOCK}\.\d{{3,6}})\s+\d+\s+\d+ (?P<level>[VDIWEFAS]) "
    r"(?:[^:]*?: )?": None,
    rf"^(?P<time>\d\d-\d\d {CLOCK}\.\d{{3,6}})\s+(?P<level>[VDIWEFAS])/[^(]*\(\s*\d+\): ?": None,
    r"^(?P<level>[VDIWEFAS])/[^(]*\(\s*\d+\): ?": None,
    # WebSphere: time, thread, component, level
    r"^\[(?P<time>[^\]]*:\d{1,3} [A-Z]{2,5})\] [0-9a-f]+ \S+\s+(?P<level>[A-Z])\s+": None,
    # Redis: process and role, time, level
    rf"^\d+:[XCSM] (?P<time>\d\d \w{{3}} \d{{4}} {CLOCK}\.\d{{3}}) (?P<level>[.*#-]) ": None,
    # syslog by RFC 5424: the identifier of the message is part of the text
    rf"^<(?P<pri>\d{{1,3}})>\d (?P<time>{ISO}) \S+ \S+ \S+ (?:- )?(?:- )?(?:\ufeff)?": None,
    # syslog by RFC 3164
    rf"^<(?P<pri>\d{{1,3}})>(?P<time>\w{{3}} {{1,2}}\d{{1,2}} {CLOCK}) \S+ (?:[^\s:]+: )?": None,
    # java.util.logging: class and method in a line, the message in the next
    r"^(?:(?P<time>\w{3} \d{1,2}, \d{4} \d{1,2}:\d\d:\d\d [AP]M) |"
    rf"(?P<level>{ALL_WORDS}): )": None,
    # Python's logging without a format
    rf"^(?P<level>(?i:{ALL_WORDS})):[\w.]+:": None,
    # the console of .NET: logger in a line, the message in the next
    rf"^(?:(?P<level>{ALL_WORDS.lower()}): | {{6}}\b)": None,
    # access logs of web servers
    rf'^[^\["]*\[(?P<time>\d\d/\w{{3}}/\d{{4}}:{CLOCK} [+-]\d{{4}})\] +': None,
    # the kernel's seconds since boot
    r"^(?:<(?P<pri>\d+)>)?\[ *(?P<time>\d+\.\d{6})\] ": "epoch",
    # audit of Linux: the type is part of the text
    r"^(?P<text>(?:node=\S+ )?type=\S+ msg=audit\((?P<time>\d+\.\d+):\d+\):.*)$": None,
}
KEYED = re.compile(  # what precedes the time of a logfmt line; its key is the group
    rf'(?:[\w.@-]+=\S+\s+)*((?:t|{"|".join(map(re.escape, TIME_NAMES))})="?)'
)
TEXT_KEY = re.compile(r"\b(?:msg|message)=")
TYPED = re.compile(r"\b(?:type|subtype|event|action)=")
SEPARATORS = r"[\s|\])>,:-]*"
WORD = r"(?:\[[^\]]*\]|\S)+"  # a bracket is one word
BRACKETS = r"\[(?:[^\[\]]|\[[^\]]*\])*\]"
PATH = r"[A-Za-z_][\w$]*(?:(?:\.|::|#|/)[\w$<>-]+)+"
SOURCES = "go|py|java|js|ts|rs|c|cc|cpp|cxx|h|hpp|rb|php|cs|kt|scala|erl|ex|lua|pl|swift|m|mm"
# What may stand between time, level and text: threads, processes, loggers, places in the source;
# and what nine lines in ten of them must show, for a word may also be what happened.
NAME = r"[a-z\d][A-Z]|[.$/_\d\[(@]|::|\w-\w"
CONTEXT = {
    BRACKETS: "",
    r"<[^>]*>\s": "",
    r"\([^)]*\)\s": "",
    r"#?\d+(?:\s|[\]|:]\s?)": r"^\D?(?!(?:[1-5]\d\d)\b)",  # but no status of HTTP
    r"(?:0x)?[0-9a-f]*[0-9][0-9a-f]*\s": r"\w{6}",
    r"[0-9a-f]+(?:-[0-9a-f]+){4}\s": "",
    r"\S+\s+[^\s:\[\]]+(?:\[\d+\])?:\s": NAME,  # host and program
    rf"[\w./$@-]+\.(?:{SOURCES}):\d+\)?:?\s": "",  # file and line
    r"[^\s\[\]=\"'(%]+(?:\([^)]*\))?(?:\[\d+\])?:\s": NAME,  # logger or program
    r"\S+(?: \*?\d+)? - ": NAME,  # the same
    rf"{PATH}\s": r"[A-Z$#]|::|\..*\.",  # logger
    r"[^|\s]*\s*\|": NAME,
    r"\S+\s{2,}": NAME,  # a padded column
    r"[^\[\]\s]+\]:?\s": "",  # the end of the bracket that the time is in
}
OUTCOME = re.compile(
    rf"\b(?:{ALL_WORDS})\b|"
    r"^\W*[A-Z]+\W*$|\b(?i:ok|done|fail\w*|pass(?:ed)?|succe\w+|error|skip\w*|den(?:y|ied)|accept\w*|"
    r"reject\w*|drop\w*|allow\w*|block\w*|time[d ]?out|abort\w*|crash\w*)\b"
)
PHRASE = re.compile(
    r"\[\W*[^\W\d_]{2,} [^\W\d_]{2,}[^\d:=]*\]"
)  # says what happened, names no thread
CISCO = r"%[A-Z\d_-]+-(?P<pri>\d)-[A-Z\d_]+: "  # what happened, with the severity within
FIELDS = re.compile(r"\{|[\w.@-]+=\S")
FEWEST = 5  # lines from which context is recognised


def line_layout(lines: Sequence[str]) -> Layout:
    """The layout of lines of text.

    A time stamp or level counts as found where at least half of the lines have it in the same
    place; where a fifth of the lines or more begin with a time, the others are not asked, for they
    continue what stands above. The text is what follows the last of them and what else nine lines
    in ten have there: a thread, a process, a logger.
    """
    lines = [line[:WIDEST] for line in lines]
    return _known_layout(lines) or _parts_layout(lines)


def header_within(layout: Layout, texts: Sequence[str]) -> Layout:
    """The layout of objects or of a table, with the header of their texts where it has a level or
    time that they lack.
    """
    inner = line_layout(texts)
    header = inner.header or ""
    if layout.time_format is None and "(?P<time>" in header:
        return replace(layout, header=header, time=(), time_format=inner.time_format)
    return replace(layout, header=inner.header) if "(?P<level>" in header else layout


def _known_layout(lines: Sequence[str]) -> Layout | None:
    for header, form in KNOWN.items():
        found = [m for m in map(re.compile(header).match, lines) if m]
        if found and 2 * len(found) >= len(lines):
            times = [m["time"] for m in found if "time" in m.groupdict() and m["time"]]
            form = form or (format_of(times) if times else None)
            if times and not form:
                continue
            return Layout(
                header=header if "(?P<text>" in header else header + TEXT, time_format=form
            )
    return None


Place = tuple[int, str, Shape]  # words before a time stamp, its bracket or key, its shape


def _parts_layout(lines: Sequence[str]) -> Layout:
    stamps = [stamps_of(line) for line in lines]
    first = sum(any(words == 0 for words, _, _ in places) for places in stamps)
    asked = first if 5 * first >= len(lines) else len(lines)
    found = Counter(place for places in stamps for place in places)
    often = sorted(place for place, n in found.items() if 2 * n >= asked)
    words, stamp, form = _header_time(often, lines) if often else (0, "", None)
    pattern = "^" + _skip(words) + stamp
    level = _level(pattern, lines, 6 if often else 2, optional=bool(often))
    pattern = pattern + level if level else f"^{_words_with_level(words, lines)}{stamp}"
    if pattern == "^":
        return Layout()
    if "<level>" not in pattern and form and form.startswith("%b %e"):
        pattern += r"\S+\s+(?:[^\s:]+(?:\[\d+\])?:\s+)?"  # syslog: host and program
    pattern += _context(pattern, lines)
    split = [(m[0], line[m.end() :]) for line in lines if (m := re.match(pattern, line))]
    if 2 * sum(bool(TYPED.search(start)) for start, _ in split) > len(split):
        return Layout(header=f"^(?P<text>{pattern[1:]}.*)$", time_format=form)
    if 2 * sum(bool(re.match(CISCO, end)) for _, end in split) > len(split):
        return Layout(header=f"{pattern}(?P<text>(?:{CISCO})?.*)$", time_format=form)
    return Layout(header=pattern + TEXT, time_format=form)


def _header_time(often: list[Place], lines: Sequence[str]) -> tuple[int, str, str | None]:
    """The words before the time, a pattern to the end of the header's last time stamp, the format.

    The time is that of the last time stamp with a year.
    """
    last = often[-1]
    if len(often) > 1 and _level(
        "^" + _skip(often[0][0]) + _stamp(often[0]), lines, max(last[0] - often[0][0] - 2, 0)
    ):
        last = often[0]  # what follows the level is text
    dated = [place for place in often if place <= last and tells_year(place[2])]
    place = dated[-1] if dated else last
    words, _, form = place
    pattern = _stamp(place)
    if place < last:
        between = last[0] - words - 1 - pattern_of(form).count(" {1,2}")
        rest = _skip(max(between, 0)) + last[1] + pattern_of(last[2]) + SEPARATORS
        whole = re.compile("^" + _skip(words) + pattern + rest)
        if 2 * sum(bool(whole.match(line)) for line in lines) >= len(lines):
            pattern += rest
    read = re.compile("^" + _skip(words) + pattern)
    times = [m["time"] for m in map(read.match, lines) if m]
    plain = without_year(form)
    if plain != form and len({time[-4:] for time in times}) > 2:  # processes, not years
        return _header_time([(*place[:2], plain)], lines)
    return words, pattern, format_of(times)


def _stamp(place: Place) -> str:
    _, bracket, form = place
    close = '"?' if bracket.endswith('"') else ""
    return rf"{bracket}(?P<time>{pattern_of(form)}){close}{SEPARATORS}"


def stamps_of(line: str) -> set[Place]:
    """Time stamps near the start."""
    found = set()
    for match in STAMP.finditer(line[:160]):
        before = line[: match.start()]
        bracket = before[-1:] if before[-1:] in ("[", "(", "<", "@", "{") else ""
        bracket = key[1] if (key := KEYED.fullmatch(before)) else bracket
        before = before.removesuffix(bracket)
        form = shape(match)
        if form is None or match.start() >= 100 or (before and not before[-1].isspace()):
            continue
        words = len(re.findall(WORD, before))
        if form[0] or not words:  # a clock alone is a time at the start only
            found.add((words, re.escape(bracket), form))
    return found


def _words_with_level(words: int, lines: Sequence[str]) -> str:
    """What matches the words before a time stamp, with the level among them if there is one."""
    for at in range(words):
        if level := _level("^" + _skip(at), lines, 0):
            return _skip(at) + level + _skip(words - at - 1)
    return _skip(words)


def _skip(words: int) -> str:
    return rf"(?:{WORD}\s+){{{words}}}" if words else ""


def _level(pattern: str, lines: Sequence[str], most_words: int, optional: bool = False) -> str:
    """What to append to `pattern` so that it takes in the level, or nothing."""
    start = re.compile(pattern)
    rests = [line[m.end() :] for line in lines if (m := start.match(line))]
    ends = [m.start() if (m := TEXT_KEY.search(rest)) else len(rest) for rest in rests]
    for level, share in PLACES.items():
        for words in range(most_words + 1):
            regex = re.compile(_between(words) + level + SEPARATORS)
            found = [
                (m, r) for r, e in zip(rests, ends, strict=True) if (m := regex.match(r, 0, e))
            ]
            if not found or len(found) < share * len(rests) or not _is_level(found):
                continue
            part = regex.pattern
            return f"(?:{part})?" if optional or len(found) < 0.9 * len(rests) else part
    return ""


def _is_level(found: Sequence[tuple[re.Match, str]]) -> bool:
    """Whether these matches, each with its line, are a level: none that ends the line, no letter
    that never varies, and no word such as OK among other words.
    """
    names = [match["level"] for match, _ in found]
    if sum(match.end() == len(line) for match, line in found) > 0.1 * len(found):
        return False
    if len(names[0]) == 1:
        return len(set(names)) > 1
    among = [m for m, line in found if re.search(r"(?<!\S)[A-Za-z/]+\s", line[: m.start("level")])]
    return 2 * sum(match["level"].upper() in UNCLEAR for match in among) <= len(found)


def _between(words: int) -> str:
    """Words before the level: brackets may follow each other without a space."""
    return rf"(?:{BRACKETS}\s*|\S+\s+){{{words}}}" if words else ""


def _context(pattern: str, lines: Sequence[str]) -> str:
    """What to append to `pattern` so that threads, loggers and the like are no part of the text."""
    start = re.compile(pattern)
    rests = [line[m.end() :] for line in lines if (m := start.match(line))]
    found = ""
    while len(rests) >= FEWEST and len(found) < 500:
        part = next((c for c in CONTEXT if _is_context(c, rests)), None) or _worker(rests)
        if part is None:
            break
        regex = f"(?:{part}{SEPARATORS})?"
        found += regex
        rests = [rest[m.end() :] for rest in rests if (m := re.match(regex, rest))]
    return found


def _is_context(part: str, rests: Sequence[str]) -> bool:
    """Whether nine lines in ten go on with this part, and with a text after it."""
    values = [m[0] for m in map(re.compile(part).match, rests) if m]
    ends = [m[1] for m in map(re.compile(rf"{part}{SEPARATORS}(\S.*)").match, rests) if m]
    often = 0.9 * len(rests)
    if len(ends) < often or sum(bool(re.search(CONTEXT[part], v)) for v in values) < often:
        return False
    if any(
        sum(bool(said.search(value)) for value in values) > 0.1 * len(values)
        for said in (OUTCOME, PHRASE)
    ):
        return False
    fields = sum(bool(FIELDS.match(end)) for end in ends)  # what is before them is the event's name
    return 2 * fields < len(ends) and not any(rest.startswith(("CEF:", "LEEF:")) for rest in rests)


def _worker(rests: Sequence[str]) -> str | None:
    """The worker that nine lines in ten name, but for its number, as an expression."""
    found = [m[1] for m in map(re.compile(r"([A-Za-z_]+-?)\d+\s").match, rests) if m]
    worker, count = Counter(found).most_common(1)[0] if found else ("", 0)
    return rf"{worker}\d+\s" if count >= max(0.9 * len(rests), FEWEST) else None
