"""`glx note` from a clone: python -m experiments.note --help."""

import sys

from glx.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["note", *sys.argv[1:]]))
