"""The log statements of a source file.

In: the text of a file and its language. Out: `Statement`s, in the order of the file.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from glx.sequences import WILDCARD
from glx.statements.calls import (
    DIAGNOSTIC,
    LETTERS,
    STDERR,
    TO_STDERR,
    UNSAID,
    Call,
    call_of,
    is_logger,
    level_of,
    words_of,
)
from glx.statements.code import LONGEST as LONGEST_CALL
from glx.statements.code import NAME, Code
from glx.statements.languages import OPEN, Language
from glx.statements.message import DEEPEST, has_words, text_of

CALL = re.compile(rf"\b(?P<name>{NAME})(?P<macro>!?)\s*(?P<bracket>[({{])")
STREAM = re.compile(rf"\b(?P<name>{NAME})\s*(?=<<)")
ANY = re.compile(  # what a file holds at least that logs
    r"(?i)log|print|err|warn|info|debug|dbg|fatal|trace|crit|notice|alert|emerg|severe|verbose|die\b"
    r"|timber|console|panic|report|fputs|tracing|sugar|pino"
)
LAMBDAS = ("Kotlin", "Scala")  # `log.info { "text" }`
TRAILING = re.compile(r"\s*\{")
BY_NAME = re.compile(r"\s*[%?]?\s*(?P<name>[A-Za-z_][\w.]*)\s*(?:=(?![=>])|:(?!:))\s*")
MESSAGES = ("message", "msg", "event", "format", "text")
LEVEL_KEY = re.compile(r"\s*\{[^{}]*?\blevel\s*:\s*")
OBJECT = re.compile(r"\s*\{")
VARIABLE = re.compile(r"\s*(?:\w+\.)*(?P<name>[A-Za-z_]\w*)\s*")
EXPLICIT = re.compile(r"\b(?:[A-Z0-9]+_)*LOG_[A-Z]+\b")  # ngx_log_error(NGX_LOG_NOTICE, ...)
JOINS = re.compile(r"(?:[pP]rint|[a-z]ln)$")  # all of its arguments are the text
LONGEST = 1000  # characters of a text that are kept
BACK = 4000  # characters in which the text of a variable is looked for


@dataclass(frozen=True)
class Statement:
    """A call that logs.

    Attributes:
      text: what it logs, `<*>` where a value goes; it has words.
      level: of `glx.parse.levels.SCALE`.
      line: of the file, from 1.
      function: around it; None outside of any.
    """

    text: str
    level: str
    line: int
    function: str | None


def of_file(
    text: str, language: Language, named: Mapping[str, Mapping[str, str]]
) -> list[Statement]:
    """The log statements of a file.

    Args:
      named: further calls, as of `glx.statements.calls.named`.
    """
    if not ANY.search(text) and not any(name in text for name in named):
        return []
    code = Code(text, language)
    found = [*_calls(code, named)]
    if language.name == "C++":
        found += _streams(code)
    return [
        Statement(text[:LONGEST], level, code.line(at), code.function(at))
        for at, level, text in sorted(found)
        if has_words(text)
    ]


def _calls(code: Code, named: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[int, str, str]]:
    """Where each call that logs is, its level, its text."""
    language, bare = code.language.name, code.bare
    for found in CALL.finditer(bare):
        name = found["name"]
        call = call_of(name, language)
        if levels := named.get(name):
            on = "".join(re.findall(r"\w+", code.receiver(found.start()))[-1:])
            level = levels.get(on) or levels.get("")
            call = Call(level, True) if level else call
        braced, macro = found["bracket"] == "{", found["macro"] == "!"
        if call is None or (braced and language not in LAMBDAS) or (language == "Rust") > macro:
            continue
        opened = found.end() - 1
        closed = code.closing(opened)
        if closed < 0:
            continue
        arguments = [*code.parts(opened + 1, closed, "[,;]")]
        lazy = TRAILING.match(bare, closed + 1) if language in LAMBDAS else None
        if lazy:  # log.error(e) { "text" }
            arguments.append((lazy.end(), max(code.closing(lazy.end() - 1), lazy.end())))
        after = bare[closed + 1 : closed + 80].lstrip()
        if after.startswith("<<") and language == "C++":  # LOG(ERROR) << "text"
            if call.alone:
                text = _streamed(code, bare.index("<<", closed) + 2, name)
                yield found.start(), call.level or _level(code, arguments) or UNSAID, text
            continue
        receiver = "" if macro else code.receiver(found.start())
        if not (call.alone or is_logger(receiver)):
            if not _to_stderr(name, receiver, bare[opened:closed]):
                continue
            arguments = [place for place in arguments if not STDERR.search(bare[slice(*place)])]
            call = Call(DIAGNOSTIC, True)
        at, text = _message(code, name, receiver, arguments)
        told = EXPLICIT.search(bare, opened, arguments[at][0]) if arguments else None
        level = level_of(told[0]) if told else call.level
        level = level or _level(code, arguments[: at + 1]) or level_of(receiver)
        yield found.start(), level or UNSAID, text


def _to_stderr(name: str, receiver: str, arguments: str) -> bool:
    """Whether a call writes to standard error: `System.err.println`, `fprintf(stderr, ...)`."""
    writes = "".join(words_of(name)) in TO_STDERR
    return writes and STDERR.search(f"{receiver} {arguments}") is not None


def _streams(code: Code) -> Iterator[tuple[int, str, str]]:
    """As `_calls`, of what logs in C++ without a call: `std::cerr << "text"`."""
    for found in STREAM.finditer(code.bare):
        name = found["name"]
        call = Call(DIAGNOSTIC, True) if name == "cerr" else call_of(name, code.language.name)
        if call and call.alone:
            yield found.start(), call.level or UNSAID, _streamed(code, found.end() + 2, name)


def _streamed(code: Code, start: int, name: str) -> str:
    """The text of what is written to a stream, to the end of the statement."""
    _, end = next(code.parts(start, min(start + LONGEST_CALL, len(code.bare)), "[;}]"))
    return text_of(code, start, end, " " if name.startswith("q") else "")


def _message(
    code: Code, name: str, receiver: str, arguments: list[tuple[int, int]]
) -> tuple[int, str]:
    """Which argument is the text that is logged, and the text, which may have no words."""
    texts = [_argument(code, *place) for place in arguments] or [""]
    keys = ("msg", "message") if code.language.name == "Go" else ()
    if key := next((n for n, text in enumerate(texts[1:], 1) if texts[n - 1] in keys), 0):
        return key, texts[key]  # Log("level", "warn", "msg", "text")
    tagged = receiver.endswith("Log") and (name in LETTERS or name == "wtf")
    tagged = len(texts) > 1 and (tagged or name.startswith("ESP_LOG"))
    if tagged or (len(texts) > 1 and " " not in texts[0] and level_of(texts[0])):
        texts[0] = ""  # Log.e("tag", "text"), logger.log("error", "text")
    first = next((n for n, text in enumerate(texts) if has_words(text)), 0)
    last = len(texts) if receiver == "console" or JOINS.search(name) else first + 1
    while code.language.name == "JavaScript" and has_words("".join(texts[last:])):
        last += 1
    return first, " ".join(text or WILDCARD for text in texts[first:last])


def _argument(code: Code, start: int, end: int, depth: int = DEEPEST) -> str:
    """The text of an argument of a call; none for one by name that is not the text."""
    key = BY_NAME.match(code.bare, start, end)
    if key and key["name"].lower() not in MESSAGES:
        return ""
    start = key.end() if key else start
    inside = OBJECT.match(code.bare, start, end)
    if inside and depth and code.language.name == "JavaScript":  # {level: "error", message: "text"}
        places = code.parts(inside.end(), end - 1, ",")
        own = (BY_NAME.match(code.bare, *place) for place in places)
        texts = [_argument(code, key.start(), key.endpos, depth - 1) for key in own if key]
        return next(filter(has_words, texts), "")
    text = text_of(code, start, end)
    name = VARIABLE.fullmatch(code.bare, start, end)
    return _assigned(code, name["name"], start) if name and not has_words(text) else text


def _assigned(code: Code, name: str, before: int) -> str:
    """The text that a variable was given last, or that a constant has."""
    given = re.compile(rf"\b{name}\s*:?=(?!=)")
    nearest = [*given.finditer(code.bare, max(before - BACK, 0), before)][-1:]
    start = nearest[0].end() if nearest else code.constants.get(name)
    if start is None:
        return WILDCARD
    _, end = next(code.parts(start, start + BACK, r";|\n(?!\s*[+.%&|?:])(?<![+=\n]\n)"))
    return text_of(code, start, end)


def _level(code: Code, arguments: list[tuple[int, int]]) -> str | None:
    """The level that one of these arguments names before any text: `Level.SEVERE`, `"error"`."""
    for start, end in arguments:
        key = LEVEL_KEY.match(code.bare, start, end)
        start = key.end() if key else start
        bare = code.bare[start:end]
        before, string, _ = bare.partition(OPEN)
        quoted = re.match(r"\s*[\"'`](\w+)", code.text[start:end]) if string else None
        for name in ([quoted[1]] if quoted else []) + re.findall(r"\w+", before)[::-1]:
            if level := level_of(name):
                return level
    return None
