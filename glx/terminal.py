"""What a person reads on a terminal: nothing of a log may drive it, or hide there.

In: text that a log, a file name or a model may have written. Out: the same with marks that one can
see (`␛`, `⟨U+202E⟩`) in place of escape sequences, what turns the direction of writing, and what
shows nothing. All that glx prints for people passes here; a page shows the same marks.
"""

import json
import re
import sys
from collections.abc import Iterable
from traceback import format_exception
from types import TracebackType
from typing import Any, TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

# Controls but for tab and newline, halves of a pair (which no encoding can write), and all that is
# ignored where it stands: invisible operators, fillers, tags, selectors. A selector after a symbol
# chooses whether that is a picture, as in many an emoji, and stays.
HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff\ufe00-\ufe0d\ufeff\uffa0"
    "\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    "|(?<![\u203c-\u3299\U0001f000-\U0001faff])[\ufe0e\ufe0f]"
)


def visible(text: str) -> str:
    """`text` with a mark for each character that a terminal obeys or that shows nothing."""
    return text if text.isascii() and text.isprintable() else HIDDEN.sub(_mark, text)


def escaped(text: str) -> str:
    """JSON with such characters as `\\u202e`; it says the same, and is safe to look at."""
    if text.isascii() and "\x7f" not in text:
        return text  # JSON has no other control
    return HIDDEN.sub(lambda found: json.dumps(found[0])[1:-1], text)


def tell(text: str, file: TextIO | None = None) -> None:
    """Print a text for people, on standard output or `file`."""
    print(visible(text), file=file or sys.stdout)


class Screen(Console):
    """A console on which text is never a format and cannot drive the terminal.

    Colours and the moves of a bar are glx's own.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False)

    def render_str(self, text: str, **how: Any) -> Text:
        """A text as it is laid out, its marks counted."""
        return super().render_str(visible(text), **how)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """The segments of something to print, whatever made them."""
        for part in super().render(renderable, options):
            yield part if part.control else Segment(visible(part.text), part.style)


def trace(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    """What a bug prints, in place of Python's own `sys.excepthook`."""
    tell("".join(format_exception(kind, error, where)), sys.stderr)


def _mark(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)  # the picture of the control
    return "\u2421" if code == 0x7F else f"⟨U+{code:04X}⟩"
