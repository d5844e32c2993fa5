"""The text of a source file with its comments and strings taken out, and what lies within what.

In: a text and its language. Out: `Code`. Positions are the same in the text and in `bare`.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property

from glx.statements.languages import INSIDE, OPEN, Language

CLOSING = {"(": ")", "[": "]", "{": "}"}
OPENING = {close: open for open, close in CLOSING.items()}
BRACKETS = re.compile(r"[()\[\]{}]")
LONGEST = 10_000  # characters of a call
COMMENTS = ("//", "/*", "#")
OTHERS = (  # they stand before a brace too
    "if for while switch catch else do try return match loop synchronized using lock foreach when "
    "select case new await yield throw sizeof defer go unsafe with in not and or super this "
    "function noexcept __attribute__ __declspec"
)
PARENTHESES = r"\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)"
ARGUMENTS = rf"\s*{PARENTHESES}"
NAME = r"[A-Za-z_$][\w$]*"
NAMED = rf"(?P<name>(?!(?:{'|'.join(OTHERS.split())})\b)~?{NAME})"
# What stands before the brace of a function: a keyword and its name, what it is bound to, or its
# name and arguments.
KEYWORD = re.compile(
    r"\b(?:function|func|fn|fun|def)\b\s*\*?\s*(?:<[^()]*>\s*)?"
    rf"(?:\([^()]*\)\s*(?={NAME}\s*[(\[]))?(?:[\w<>?]+\.)*{NAMED}"
)
BOUND = re.compile(
    rf"\b{NAMED}\s*[=:]\s*(?:async\s+)?(?:function\b|(?:{ARGUMENTS}|{NAME})[^()]*=>)"
)
PLAIN = re.compile(
    rf"(?<![.\w>@\[]){NAMED}(?:<[^()]*>)?{ARGUMENTS}(?:[\w\s,.:<>&*\[\]?-]|{PARENTHESES})*$"
)
HEADS = {"Go": (KEYWORD,), "Rust": (KEYWORD,), "Kotlin": (KEYWORD,), "Scala": (KEYWORD,)}
OTHER_HEADS = KEYWORD, BOUND, PLAIN
CONSTANT = re.compile(r"\b([A-Z][A-Z0-9_]*)\s*=(?!=)")
DIRECTIVE = re.compile(r"^[ \t]*#.*$", re.MULTILINE)
INDENTED = re.compile(
    r"^([ \t]*)(?:async[ \t]+)?(?:def[ \t]+|cp?def[ \t][^\n(=]*?)(\w+)[ \t]*\(", re.MULTILINE
)


class Code:
    """A source file's text.

    Attributes:
      text: as it is.
      bare: as long as `text`: comments are blank, and of strings only their places are left.
    """

    def __init__(self, text: str, language: Language) -> None:
        self.text, self.language = text, language
        self.bare = language.token.sub(_blank, text).replace("\\\n", "  ")

    def line(self, at: int) -> int:
        """The line of a position, from 1."""
        return bisect_right(self._line_starts, at)

    def closing(self, at: int) -> int:
        """The place of the bracket that closes the one at `at`; -1 for none that is near."""
        depth = 0
        for found in BRACKETS.finditer(self.bare, at, at + LONGEST):
            depth += 1 if found[0] in CLOSING else -1
            if not depth:
                return found.start() if found[0] == CLOSING[self.bare[at]] else -1
        return -1

    def parts(self, start: int, end: int, separators: str) -> Iterator[tuple[int, int]]:
        """The places of what the `separators`, an expression, part outside of brackets."""
        depth, begin = 0, start
        for found in re.compile(rf"[()\[\]{{}}]|{separators}").finditer(self.bare, start, end):
            if found[0] in CLOSING:
                depth += 1
            elif found[0] in OPENING:
                depth -= 1
            elif not depth:
                yield begin, found.start()
                begin = found.end()
        yield begin, end

    def receiver(self, at: int) -> str:
        """What the method whose name begins at `at` is called on, without arguments: `a.b().c`."""
        bare, begin, out = self.bare, at, []
        least = max(at - LONGEST, 0)
        while begin > least:
            before = bare[begin - 1]
            if before in OPENING or (
                before == ">" and bare[begin - 2 : begin - 1] not in ("-", "=")
            ):
                begin = self._opening(begin - 1, least)
                out.append("()")
            elif before.isalnum() or before in "_$.:?!":
                begin -= 1
                out.append(before)
            elif before == ">":
                begin -= 2
                out.append(".")
            elif before.isspace() and (bare[begin:at].lstrip()[:1] or "x") in ".-?:":
                begin = len(bare[:begin].rstrip())  # a chain of calls over several lines
            elif before.isspace() and bare[:begin].rstrip()[-1:] == ".":
                begin = len(bare[:begin].rstrip())
            else:
                break
        return "".join(reversed(out)).strip(".:?!")

    def _opening(self, at: int, least: int) -> int:
        """The place of the bracket that the one at `at` closes."""
        close = self.bare[at]
        open, depth = "<" if close == ">" else OPENING[close], 0
        for place in range(at, least - 1, -1):
            character = self.bare[place]
            depth += (character == close) - (character == open)
            if not depth:
                return place
        return least

    def function(self, at: int) -> str | None:
        """The name of the innermost function around a position that has one."""
        return self._indented(at) if self.language.name == "Python" else self._braced(at)

    def _indented(self, at: int) -> str | None:
        starts = [start for start, _, _ in self._definitions]
        deepest = self._indent(at)
        for _, indent, name in reversed(self._definitions[: bisect_right(starts, at)]):
            if indent < deepest:
                return name
        return None

    def _indent(self, at: int) -> int:
        line = self.bare[self.bare.rfind("\n", 0, at) + 1 : at]
        return len(line) - len(line.lstrip())

    @cached_property
    def constants(self) -> dict[str, int]:
        """Where the value of each constant, a name in capitals, begins."""
        return {found[1]: found.end() for found in CONSTANT.finditer(self.bare)}

    @cached_property
    def _definitions(self) -> list[tuple[int, int, str]]:
        return [(d.start(), len(d[1]), d[2]) for d in INDENTED.finditer(self.bare)]

    def _braced(self, at: int) -> str | None:
        opened, parents = self._braces
        inner = bisect_right(opened, at) - 1
        while inner >= 0 and parents[inner][1] < at:  # closed before
            inner = parents[inner][0]
        while inner >= 0:
            name = self._head(opened[inner])
            if name:
                return name
            inner = parents[inner][0]
        return None

    @cached_property
    def _braces(self) -> tuple[list[int], list[tuple[int, int]]]:
        """Where braces open; of each the one around it (-1 for none), and where it closes."""
        opened: list[int] = []
        parents: list[tuple[int, int]] = []
        stack: list[int] = []
        for brace in re.finditer("[{}]", self.bare):
            if brace[0] == "{":
                parents.append((stack[-1] if stack else -1, len(self.bare)))
                stack.append(len(opened))
                opened.append(brace.start())
            elif stack:
                closed = stack.pop()
                parents[closed] = parents[closed][0], brace.start()
        return opened, parents

    def _head(self, brace: int) -> str | None:
        """The name of the function that a brace begins."""
        begin = max(self.bare.rfind(end, max(brace - 600, 0), brace) for end in ";{}") + 1
        head = DIRECTIVE.sub("", self.bare[max(begin, brace - 600) : brace]).strip()
        for pattern in HEADS.get(self.language.name, OTHER_HEADS):
            if found := [*pattern.finditer(head)]:
                return found[-1]["name"]
        return None

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(found.end() for found in re.finditer("\n", self.text))]


def _blank(token: re.Match) -> str:
    text = token[0]
    if text.startswith(COMMENTS):
        return " " * len(text)
    if text[0] == "/":  # a regular expression
        return INSIDE * len(text)
    return OPEN + INSIDE * (len(text) - 1)
