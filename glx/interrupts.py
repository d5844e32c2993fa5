"""Requests to end this process: Ctrl-C, and what `kill`, services and closing terminals send.

In: signals. Out: `KeyboardInterrupt` where there is work to keep, before that the end at once. Whom
the starter of the process has ignore a signal (`nohup`) ignores it. Imports next to nothing, so
that it is there before what takes seconds to import.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import current_thread, main_thread
from types import FrameType

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SAID = "interrupted; the same command completes it"
CODE = 130  # of the process
AGAIN = 0.1  # seconds until a request that was lost comes again


def end_at_once() -> None:
    """From now on a request ends the process, but for what runs in `interruptible`."""
    for one in _unhandled():
        signal.signal(one, _end)


@contextmanager
def interruptible() -> Iterator[None]:
    """Each request raises `KeyboardInterrupt` in the block, at whatever moment it comes.

    Python drops an exception that is raised in a callback, as of garbage collection; then the
    request comes again.
    """
    if current_thread() is not main_thread():  # where Python handles no signal
        yield
        return
    taken = (*_unhandled(), signal.SIGALRM)
    before, hook = {one: signal.getsignal(one) for one in taken}, sys.unraisablehook

    def dropped(what: "sys.UnraisableHookArgs") -> None:
        if issubclass(what.exc_type, KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, AGAIN)
        else:
            hook(what)

    for one in taken:
        signal.signal(one, signal.default_int_handler)
    sys.unraisablehook = dropped
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.unraisablehook = hook
        for one, handler in before.items():
            signal.signal(one, handler)


def _unhandled() -> list[signal.Signals]:
    usual = (signal.SIG_DFL, signal.default_int_handler, _end)
    return [one for one in ENDS if signal.getsignal(one) in usual]


def _end(number: int, frame: FrameType | None) -> None:
    with suppress(OSError):  # standard error is closed
        os.write(2, f"{SAID}\n".encode())
    os._exit(CODE)
