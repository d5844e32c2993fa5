"""The command `glx`, and `python -m glx`: a request to end is heard before all else is imported."""

import sys
from importlib import import_module

from glx.interrupts import end_at_once


def main(words: list[str] | None = None) -> int:
    """As `glx.cli.main.main`, in a process of its own."""
    end_at_once()
    return import_module("glx.cli.main").main(words)


if __name__ == "__main__":
    sys.exit(main())
