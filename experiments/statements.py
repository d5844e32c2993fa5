"""`glx statements` from a clone: python -m experiments.statements --help."""

import sys

from glx.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["statements", *sys.argv[1:]]))
