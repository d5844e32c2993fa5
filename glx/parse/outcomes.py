r"""Fields that tell how an event ended; ` name=value` of each becomes part of the event's text.

Which fields these are, is a rule by name, so that a field that no line had before counts at once:
- the name ends in one of `ENDINGS`: `status`, `res.statusCode`, `errno`, `exitCode`, `newState`;
- or it says what an error is, alone or as a part of one (`ABOUT` after one of `TROUBLE`):
  `error_type`, `error.message`, `thrown.name`, `exception.class`;
- or it is a stack trace: of it, the exception's class and message (`headline`).
What the values of the first lines tell can only take a field out: one whose values are many
(`varied`) is a counter, a duration or an id, whatever its name. An empty value is none. A value
that is a code keeps its digits; numbers within longer values are masked as in any text.
"""

import re
from collections.abc import Mapping, Sequence

import polars as pl

from glx.parse.digits import DIGITS, HIDDEN, distinct_codes
from glx.parse.mask import mask

TROUBLE = "errors?|errs?|exceptions?|exc|faults?|failures?|thrown|panic"
ENDINGS = (
    rf"status(?:es)?|state|codes?|{TROUBLE}|errno|err_?msg|err_?str|outcome|result|reason|cause|"
    "failed|success(?:ful)?|succeeded|verdict|response_?flags|severity_?reason|stack_?trace|stack|"
    "backtrace|traceback|exc_?info|event[_ ]?(?:name|id)|code_?name"
)
SHORT = "ok|rc|to|from|type|signal|action|phase|decision|conclusion|@x"  # only as a whole word
ABOUT = "name|type|class|kind|message|msg|string|text|desc(?:ription)?|details?|title|body"
NAMED = rf'(?:{ENDINGS}|(?:^|["_.-])(?:{SHORT})|(?:{TROUBLE})[_.-]?(?:{ABOUT}))'
# In a line of JSON: a key of an outcome with a value; null, objects and lists are none.
KEY = rf'(?i){NAMED}"\s*:\s*[^n\s{{\[]'
# Keys of which there is more to read than one value: objects about an error, stack traces.
DEEP_KEY = (
    rf'(?i)(?:(?:{TROUBLE}|cause|error_?info)"\s*:\s*[{{\[]|'
    r'(?:stack|traceback|exc_?info)\w*"\s*:\s*["\[])'
)
NAME = re.compile(f"(?i){NAMED}$")
PART = re.compile(f"(?i)(?:.*[a-z0-9_-])?(?:{TROUBLE}|cause|attr)$")  # an object about an error
ABOUT_NAME = re.compile(f"(?i)(?:localized_?)?(?:{ABOUT})$")
REQUEST = re.compile("(?i)(?:^|[_.-])(?:method|operation|request|metric)$")
FEW = 10  # values
KINDS = 24  # combinations of values
STACK = re.compile("(?i)(?:stack|trace|exc_?info)[^.]*$")
CODE = (  # a value whose digits say what happened
    r"^(?:-?[0-9]{1,6}|0x[0-9A-Fa-f]{1,8}|[A-Za-z][A-Za-z_.]*[-_.:]?[0-9]{1,6}|"
    r"[1-5][0-9][0-9] [^0-9]*)$"
)
SERVER_ERROR = "^5[0-9][0-9]$"  # of a status of HTTP
HTTP_STATUS = re.compile("(?i)(?:status|status_?code|response_?code)$")
LONGEST = 200  # characters of a value
FRAME = r"(?m)^(?:[ \t].*|at .*|\.\.\. [0-9]+ .*|File \".*|Traceback .*|goroutine .*|\s*)$"


def is_outcome(name: str) -> bool:
    """Whether a field, by its name with dots, tells how an event ended."""
    *parents, last = name.split(".")
    if any(map(PART.match, parents)):
        return bool(NAME.search(last) or ABOUT_NAME.match(last))
    return bool(NAME.search(name))


def is_deep(name: str) -> bool:
    """Whether the field is within an object about an error, or a stack trace: see `DEEP_KEY`."""
    parts = name.split(".")[:-1]
    return is_stack(name) or any(PART.match(part) and part != "attr" for part in parts)


def is_key(name: str) -> bool:
    """Whether `KEY` finds the field in a line."""
    return bool(NAME.search('"' + name.rsplit(".", 1)[-1]))


def failed(outcomes: Mapping[str, str]) -> bool:
    """Whether a server says by a status of HTTP that it failed."""
    return any(HTTP_STATUS.search(n) and re.match(SERVER_ERROR, v) for n, v in outcomes.items())


def is_stack(name: str) -> bool:
    """Whether a field is a stack trace."""
    return bool(STACK.search(name))


def varied(values: Sequence[str]) -> bool:
    """Whether values are too many to be outcomes: over 20, or over eight where most occur once."""
    kinds = set(mask(pl.Series(["x " + hide_code(value) for value in values])))
    return len(kinds) > 20 or (len(kinds) > 8 and 2 * len(kinds) > len(values))


def telling(columns: Mapping[str, Sequence[str]]) -> list[str]:
    """The fields that say what an event without a text is: a request, or one of few words.

    Of many such fields the first count, whose values make few combinations.
    """
    found, kinds = [], 1
    for name in sorted(columns, key=lambda name: not REQUEST.search(name)):
        n = len(set(columns[name]))
        asked = bool(REQUEST.search(name))
        if asked or (_few_words(name, columns[name]) and kinds * n <= KINDS):
            found.append(name)
            kinds *= min(n, FEW)
    return found


def _few_words(name: str, values: Sequence[str]) -> bool:
    if name.lower().endswith("id") or len(set(values)) > min(FEW, (len(values) + 1) // 2):
        return False
    return all(len(v) <= 60 and any(map(str.isalpha, v)) for v in values)


def headline(value: str) -> str:
    """A text of several lines as one, without stack frames and what else is indented."""
    if "\n" not in value:
        return value
    return " ".join(line.strip() for line in re.sub(FRAME, "", value).split("\n") if line.strip())


def headlines(texts: pl.Series) -> pl.Series:
    """`headline` of each text (str)."""
    if not texts.str.contains("\n", literal=True).any():
        return texts
    flat = texts.str.replace_all(FRAME, "").str.replace_all(r"\s*\n\s*", " ").str.strip_chars()
    return flat.zip_with(texts.str.contains("\n", literal=True).fill_null(False), texts)


def first_lines(texts: pl.Series) -> pl.Series:
    """The first line of each text (str) that `headline` keeps."""
    flat = texts.str.replace_all(FRAME, "").str.strip_chars_start("\n").str.extract("^([^\n]*)")
    return flat.zip_with(texts.str.contains("\n", literal=True).fill_null(False), texts)


def hide_code(value: str) -> str:
    """The value, with its digits hidden from the masks where it is a code."""
    return value.translate(HIDE) if re.match(CODE, value) else value


HIDE = str.maketrans(dict(zip(DIGITS, HIDDEN, strict=True)))


def with_outcomes(
    text: pl.Series, outcomes: Mapping[str, pl.Series], keep: bool = True
) -> pl.Series:
    """Texts with ` name=value` of each outcome after them, where it has a value (str).

    Args:
      keep: the digits of codes.
    """
    show = hide_code if keep else str
    parts = [text.fill_null("")]
    for name, column in outcomes.items():
        values, codes = distinct_codes(column.fill_null(""))
        shown = [f" {name}={show(v)}" if v else "" for v in map(short, values)]
        parts.append(pl.Series(shown, dtype=pl.String).gather(codes))
    if len(parts) == 1:
        return text
    named = [part.alias(str(n)) for n, part in enumerate(parts)]
    return pl.DataFrame(named).select(pl.concat_str(pl.all())).to_series().str.strip_chars_start()


def outcomes_of(text: str, outcomes: Mapping[str, str], keep: bool = True) -> str:
    """`with_outcomes` of one text; a stack trace beside its exception's class is left out."""
    show = hide_code if keep else str
    said: list[str] = []
    for name, value in outcomes.items():
        value = short(value)
        parent = name.rpartition(".")[0]
        told = (
            is_stack(name)
            and parent
            and any(
                other.rpartition(".")[0] == parent and other != name and not is_stack(other)
                for other in outcomes
            )
        )
        if value and not told:
            said.append(f"{name}={show(value)}")
    return " ".join([text, *said] if text else said)


def short(value: str) -> str:
    """The first characters of a value in one line."""
    return headline(value)[:LONGEST].strip()
