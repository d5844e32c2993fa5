"""The text of a source file with its comments and strings taken out, and what lies within what.

In: a text and its language. Out: `Code`. Positions are the same in the text and in `bare`.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from operator import itemgetter

from glx.statements.languages import INSIDE, OPEN, Language

CLOSING = {"(": ")", "[": "]", "{": "}"}
OPENING = {close: open for open, close in CLOSING.items()}
BRACKETS = re.compile(r"[()\[\]{}]")
LONGEST = 10_000  # characters of a call
NESTED = 100  # braces in which a function's name is looked for
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
        place = self._closed.get(at, -1)
        near = at < place < at + LONGEST and self.bare[place] == CLOSING[self.bare[at]]
        return place if near else -1

    @cached_property
    def _closed(self) -> dict[int, int]:
        """Where each bracket is closed, by a bracket of whatever kind."""
        closed, opened = dict[int, int](), list[int]()
        for found in BRACKETS.finditer(self.bare):
            if found[0] in CLOSING:
                opened.append(found.start())
            elif opened:
                closed[opened.pop()] = found.start()
        return closed

    def parts(self, start: int, end: int, separators: str) -> Iterator[tuple[int, int]]:
        """The places of what the `separators`, an expression, part outside of brackets."""
        depth, begin, at = 0, start, start
        pattern = re.compile(rf"[()\[\]{{}}]|{separators}")
        while found := pattern.search(self.bare, at, end):
            at = found.end()
            if found[0] in CLOSING:
                closed = self._closed.get(found.start(), end)
                if depth == 0 and closed < end:
                    at = closed + 1  # what is nested is looked at once
                else:
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
            elif before.isspace():
                said = begin  # the end of what is before
                while said > least and bare[said - 1].isspace():
                    said -= 1
                chained = (bare[begin:at].lstrip()[:1] or "x") in ".-?:"  # over several lines
                if not chained and bare[said - 1 : said] != ".":
                    break
                begin = said
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
        deepest = self._indent(at)
        inner = bisect_right(self._definitions, at, key=itemgetter(0)) - 1
        while inner >= 0:
            _, indent, name, around = self._definitions[inner]
            if indent < deepest:
                return name
            inner = around
        return None

    def _indent(self, at: int) -> int:
        line = self.bare[self.bare.rfind("\n", 0, at) + 1 : at]
        return len(line) - len(line.lstrip())

    @cached_property
    def constants(self) -> dict[str, int]:
        """Where the value of each constant, a name in capitals, begins."""
        return {found[1]: found.end() for found in CONSTANT.finditer(self.bare)}

    @cached_property
    def _definitions(self) -> list[tuple[int, int, str, int]]:
        """Where each begins, its indent, its name, and the place of the one around it (or -1)."""
        found, around = list[tuple[int, int, str, int]](), list[int]()
        for one in INDENTED.finditer(self.bare):
            while around and found[around[-1]][1] >= len(one[1]):
                around.pop()
            found.append((one.start(), len(one[1]), one[2], around[-1] if around else -1))
            around.append(len(found) - 1)
        return found

    def _braced(self, at: int) -> str | None:
        places, inside, opened, around = self._braces
        before = bisect_right(places, at) - 1
        inner = inside[before] if before >= 0 else -1
        for _ in range(NESTED):
            if inner < 0:
                break
            if name := self._head(opened[inner]):
                return name
            inner = around[inner]
        return None

    @cached_property
    def _braces(self) -> tuple[list[int], list[int], list[int], list[int]]:
        """Where each brace is, and which of those that open is the innermost after it (-1: none);
        where each of these is, and which is around it."""
        places, inside, opened, around = list[int](), list[int](), list[int](), list[int]()
        stack = [-1]
        for brace in re.finditer("[{}]", self.bare):
            if brace[0] == "{":
                around.append(stack[-1])
                stack.append(len(opened))
                opened.append(brace.start())
            elif len(stack) > 1:
                stack.pop()
            places.append(brace.start())
            inside.append(stack[-1])
        return places, inside, opened, around

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
