"""From an expression of a program to the text that it logs, with `<*>` where a value goes.

In: `Code` and where an expression is. Out: a text. Strings, alone or joined (`+`, `<<`, side by
side), stay; what a program fills in becomes `<*>`: format specifiers, `{}`, interpolated values,
and whatever is no string.
"""

import re

from glx.sequences import WILDCARD
from glx.statements.code import Code
from glx.statements.languages import LITERAL, OPEN

VALUE = "\0"  # stands for a value until the text is whole
KEPT = {"{{": "\3", "}}": "\4"}  # braces that are meant, until then
NAME = r"[A-Za-z_][\w.:]*"
PREFIX = r"(?:(?<![\w])(?:[A-Za-z]{1,3}|[@$]{1,2}))?"  # f"", L"", $@""
STRING = rf"{PREFIX}{LITERAL}"
# Calls whose value is the text of their arguments; `_` and the like translate it.
TEXTUAL = re.compile(
    r"(?i:(?:\w+(?:\.|::|->))*(?:\w*format|s?n?printf|sprint(?:f|ln)?|errorf|concat|strcat|errmsg\w*"
    r"|n?_l?[eiwc]?|gettext\w*|[a-z]gettext|tr|t|text|qstring\w*|string|str|stringview|lazy))!?"
)
ENDING = re.compile(  # what may follow a text and leaves it one
    r"\s*\.\s*(?:format\w*|stripMargin|trim\w*|to_string|to_owned|into|c_str|arg|args|concat|into_owned"
    r"|replace\w*|strip\w*|to[A-Z]\w*)\b[\s\S]*"
)
LAMBDA = re.compile(
    r"\s*(?:move\s*)?(?:\(\s*\w*\s*\)|\w+)?\s*(?:->|=>)\s*|\s*(?:move\s*)?\|\w*\|\s*"
)
MANIPULATOR = re.compile(
    r"\s*(?:std::)?(?:endl|flush|hex|dec|oct|fixed|boolalpha|set\w+|left|right|ends)\b[\s\S]*"
)
PRINTF = re.compile(
    r"%(?:(?P<percent>%)|(?P<line>n)(?![a-z])|\(\w+\)[-+#0-9.]*[a-zA-Z]|\{\w+\}[a-z]+"
    r"|(?:\d+\$)?[-+#0']*(?:\*|\d+)?(?:\.(?:\*|\d+)?)?(?:hh?|ll?|[Lqjzt]|I64|I32)?"
    r"(?:p[A-Za-z]\w{0,4}(?![a-z])|u?[xX]?[rziDLAOTMPV](?![a-z])|[diouxXeEfFgGaAcCsSpmvTUqwtbB@]|(?=\0))|L?\d{1,2}(?!\w))"
)
BRACES = re.compile(r"\{\{|\}\}|\{[^{}\n]{0,80}\}|%\{[^{}\n]{0,80}\}")
ESCAPE = re.compile(
    r"\\(?:\r?\n|u\{(?P<point>[0-9a-fA-F]{1,6})\}|[uU](?P<code>[0-9a-fA-F]{4}(?:[0-9a-fA-F]{4})?)"
    r"|x(?P<byte>[0-9a-fA-F]{2})|0?[0-7]{1,3}|N\{[^}]*\}|(?P<plain>[\s\S]))"
)
BLANKS = dict.fromkeys("nrtfvab0", " ")
DEEPEST = 24  # expressions within expressions; what is within more is a value
QUESTION = r"(?<!\?)\?(?![.?:])"  # of `a ? b : c`, not `a?.b`, `a ?? b`, `a ?: b`
DOLLAR = re.compile(r"\$\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}|\$[A-Za-z_]\w*")
ANSI = re.compile("\x1b\\[[0-9;]*[A-Za-z]")


def text_of(code: Code, start: int, end: int, apart: str = "") -> str:
    """The text of the expression there; nothing but `<*>` and spaces where it holds no string.

    Args:
      apart: what stands between parts that are joined by `<<`.
    """
    texts = [finished(_raw(code, *place, apart)) for place in _branches(code, start, end)]
    return next(filter(has_words, texts), texts[0])


def _branches(code: Code, start: int, end: int) -> list[tuple[int, int]]:
    """The places of what a conditional expression may be; of any other its own."""
    if code.language.name == "Python":
        return [*code.parts(start, end, r"\bif\b|\belse\b")][::2]
    asked = [*code.parts(start, end, QUESTION)]
    found = [*code.parts(start, end, rf"{QUESTION}|(?<![:?]):(?!:)")] if len(asked) > 1 else []
    return found[1:] if len(found) > 2 else [(start, end)]


def has_words(text: str) -> bool:
    """Whether a text says anything beside its values."""
    return any(character.isalpha() for character in text.replace(WILDCARD, ""))


def finished(raw: str) -> str:
    """A text whose values are `VALUE`: format specifiers become values, and runs of those one."""
    raw = PRINTF.sub(lambda m: "%" if m["percent"] else " " if m["line"] else VALUE, raw)
    raw = re.sub(f"{VALUE}+", WILDCARD, ANSI.sub("", BRACES.sub(_value, raw)))
    return " ".join(raw.replace("\3", "{").replace("\4", "}").split())


def _raw(code: Code, start: int, end: int, apart: str, depth: int = DEEPEST) -> str:
    """`text_of`, before specifiers are read."""
    bare = code.bare
    if lambda_ := LAMBDA.match(bare, start, end):
        start = lambda_.end()
    while start < end and bare[start].isspace():
        start += 1
    end = start + len(bare[start:end].rstrip())
    if not depth or OPEN not in bare[start:end]:
        return VALUE
    if bare[start] in "({" and code.closing(start) == end - 1:
        texts = [
            _raw(code, *part, apart, depth - 1) for part in code.parts(start + 1, end - 1, ",")
        ]
        return next(filter(has_words, texts), VALUE)
    pieces = [*code.parts(start, end, r"<<|\+(?![+=])|\.\.\.")]
    if len(pieces) == 1:
        return _piece(code, start, end, depth)
    streamed = "<<" in bare[start:end]
    kept = [p for p in pieces if not MANIPULATOR.fullmatch(bare, *p) and bare[slice(*p)].strip()]
    return (apart if streamed else "").join(_raw(code, *piece, apart, depth - 1) for piece in kept)


def _piece(code: Code, start: int, end: int, depth: int) -> str:
    """The text of what is not joined of several."""
    bare, native = code.bare, code.language.name in ("C", "C++")
    if bare[start] == "(" and (close := code.closing(start)) > 0:
        return (
            _raw(code, start, close + 1, "", depth - 1) if _follows(code, close + 1, end) else VALUE
        )
    # Strings side by side are one; in C names of other strings may stand among them.
    word = rf"(?:{STRING}|{NAME})" if native else STRING
    strings = re.compile(rf"(?:{word}\s*)+").match(bare, start, end)
    if strings and OPEN in strings[0] and _follows(code, strings.end(), end):
        found = re.finditer(rf"(?P<string>{STRING})|{NAME}", strings[0])
        return "".join(
            literal(code, start + m.start(), start + m.end()) if m["string"] else _constant(m[0])
            for m in found
        )
    call = re.compile(rf"(?P<name>{NAME}!?|_)\s*\(").match(bare, start, end)
    if call and TEXTUAL.fullmatch(call["name"]):
        close = code.closing(call.end() - 1)
        rest = bare[close + 1 : end]
        if close > 0 and (not rest.strip() or ENDING.fullmatch(rest) or rest.lstrip()[0] == "%"):
            joins = re.search(r"(?i)concat|strcat|sprint(?:ln)?$", call["name"])
            texts = [
                _raw(code, *part, "", depth - 1) for part in code.parts(call.end(), close, ",")
            ]
            return "".join(texts) if joins else next(filter(has_words, texts), VALUE)
    return VALUE


def _follows(code: Code, start: int, end: int) -> bool:
    """Whether what follows a text leaves it one: values to fill in, or nothing."""
    rest = code.bare[start:end]
    filled = code.language.name == "Python" and re.match(r"\s*%(?!=)", rest)
    return not rest.strip() or bool(filled or ENDING.fullmatch(rest))


def _constant(name: str) -> str:
    """What a name among strings stands for: the level of `printk` is no text."""
    return "" if name.startswith("KERN_") else VALUE


def literal(code: Code, start: int, end: int) -> str:
    """The text of one string, its prefix included."""
    source, language = code.text[start:end], code.language
    prefix = re.match(r"[A-Za-z@$]*", source)[0]  # type: ignore[index]
    body = source[len(prefix) :]
    hashes = re.match("#*", body)[0]  # type: ignore[index]
    body = body.removeprefix(hashes).removesuffix(hashes)
    quote = re.match(r'"""+|\'\'\'|["\'`]', body)[0]  # type: ignore[index]
    body = body[len(quote) : -len(quote)]
    raw = "r" in prefix.lower() or "@" in prefix or (quote == "`" and language.name == "Go")
    raw |= len(quote) > 2 and language.name in ("Scala", "Kotlin", "C#")
    if "R" in prefix and language.name == "C++":
        body = body[body.find("(") + 1 : body.rfind(")")]
    for before, sign in language.interpolates:
        if before in ("", quote) or before in prefix.lower():
            body = (DOLLAR if sign == "$" else BRACES).sub(_value, body)
            break
    if "@" in prefix:
        body = body.replace('""', '"')
    return body if raw else ESCAPE.sub(_unescaped, body)


def _value(found: re.Match) -> str:
    return KEPT.get(found[0], VALUE)


def _unescaped(found: re.Match) -> str:
    point = found["point"] or found["code"] or found["byte"]
    if point:
        number = int(point, 16)
        return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else " "
    plain = found["plain"]
    return "" if plain is None else BLANKS.get(plain, plain)
