"""What a person reads on a terminal: nothing of a log may drive it, or hide there.

In: text that a log, a file name or a model may have written. Out: the same with marks that one can
see (`␛`, `⟨U+202E⟩`) in place of escape sequences, what turns the direction of writing, and what
shows nothing. All that glx prints for people passes here; a page shows the same marks. Whatever
commands write to standard output and error, data too, passes `standard_streams`.
"""

import codecs
import errno
import io
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from traceback import format_exception
from types import TracebackType
from typing import Any, TextIO, cast

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from glx.errors import InputError, OutsideError, Paused

WIDTH = 80  # characters of a line on what is said to have none
ENDLESS = 1 << 16  # in a file, a pipe or the log of a CI, where nothing is to be wrapped
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

    Colours and the moves of a bar are glx's own. Where no terminal is, a row of a table is one line
    without borders, and no line is wrapped.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False)
        if not self.is_terminal and "COLUMNS" not in os.environ:
            self.width = ENDLESS
        elif self.width < 1:  # COLUMNS=0
            self.width = WIDTH

    def on_broken_pipe(self) -> None:
        """The error goes on; Rich would end the process."""
        raise

    def render_str(self, text: str, **how: Any) -> Text:
        """A text as it is laid out, its marks counted."""
        return super().render_str(visible(text), **how)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """The segments of something to print, whatever made them."""
        if isinstance(renderable, Table) and not self.is_terminal:
            title, renderable.title, renderable.box = renderable.title, None, None
            if title is not None:
                yield from self.render(Text(visible(str(title))), options)
        for part in super().render(renderable, options):
            yield part if part.control else Segment(visible(part.text), part.style)


def trace(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    """What a bug prints, in place of Python's own `sys.excepthook`."""
    if sys.stderr:
        tell("".join(format_exception(kind, error, where)), sys.stderr)


@contextmanager
def standard_streams() -> Iterator[None]:
    """One rule for standard output and error until the block ends.

    What the encoding of a stream lacks is escaped as in JSON. Standard output that is closed, full
    or broken raises `OutsideError` when something is written; of standard error nothing depends on
    whether it could be.
    """
    # What is opened later must not take the place of one that is closed. A folder can neither be
    # read nor written.
    while (descriptor := os.open("/", os.O_RDONLY)) <= 2:
        pass
    os.close(descriptor)
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Output(sys.stdout), _Stream(sys.stderr)
    try:
        yield
    finally:
        with suppress(OutsideError):
            sys.stdout.flush()
        sys.stdout, sys.stderr = before


class _Stream(io.TextIOBase):
    """A standard stream, None where it is closed; what cannot be written to it is dropped."""

    def __init__(self, file: TextIO | None) -> None:
        self.file = file

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.file.encoding if self.file else "utf-8"

    def isatty(self) -> bool:
        return self.file is not None and self.file.isatty()

    def fileno(self) -> int:
        return super().fileno() if self.file is None else self.file.fileno()

    def write(self, text: str) -> int:
        self._use(lambda file: _write(file, text))
        return len(text)

    def flush(self) -> None:
        if self.file is not None:
            self._use(lambda file: file.flush())

    def _use(self, call: Callable[[TextIO], object]) -> None:
        try:
            if self.file is None:
                raise OSError(errno.EBADF, "it is closed")
            call(self.file)
        except OSError as e:
            # Else Python writes at its end what is left, and fails.
            with suppress(OSError), open(os.devnull, "wb") as nothing:
                os.dup2(nothing.fileno(), self.fileno())
            self.lost(e.strerror)

    def lost(self, why: str | None) -> None:
        """What becomes of it that something could not be written."""


class _Output(_Stream):
    """Standard output; OutsideError where it cannot be written."""

    def lost(self, why: str | None) -> None:
        raise OutsideError(f"standard output cannot be written ({why}); the rest is lost")


@contextmanager
def apart() -> Iterator[tuple[int, int]]:
    """What libraries write straight to descriptors 1 and 2 is kept in a file until the block ends.

    For a block of `standard_streams`, which write where they did. Gives the descriptors of the file
    and of standard error; after a bug the file is shown.
    """
    streams = sys.stdout, sys.stderr
    with tempfile.TemporaryFile() as kept, ExitStack() as stack:
        places = [os.dup(one) for one in (1, 2)]
        for one, place, stream in zip((1, 2), places, streams, strict=True):
            stream.flush()
            stack.callback(os.close, place)
            stack.callback(os.dup2, place, one)
            os.dup2(kept.fileno(), one)
        sys.stdout, sys.stderr = map(_moved, streams, places)
        try:
            yield kept.fileno(), places[1]
        except (InputError, OutsideError, Paused, OSError):
            raise
        except Exception:
            os.write(places[1], os.pread(kept.fileno(), os.fstat(kept.fileno()).st_size, 0))
            raise
        finally:
            with suppress(OutsideError):
                sys.stdout.flush()
            sys.stdout, sys.stderr = streams


def _moved(stream: TextIO, place: int) -> TextIO:
    """The same stream at another descriptor."""
    if not isinstance(stream, _Stream) or stream.file is None:
        return stream
    file = stream.file
    again = open(place, "w", 1, encoding=file.encoding, errors=file.errors, closefd=False)  # noqa: SIM115
    return cast(TextIO, type(stream)(again))


def _write(file: TextIO, text: str) -> None:
    try:
        file.write(text)
    except UnicodeEncodeError:
        file.write(text.encode(file.encoding, ESCAPED).decode(file.encoding))


def _as_json(error: UnicodeError) -> tuple[str, int]:
    """The escapes of JSON for what an encoding lacks."""
    assert isinstance(error, UnicodeEncodeError)
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


ESCAPED = "glx.escaped"
codecs.register_error(ESCAPED, _as_json)


def _mark(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)  # the picture of the control
    return "\u2421" if code == 0x7F else f"⟨U+{code:04X}⟩"
