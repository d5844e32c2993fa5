"""`glx generallog` from a clone: python -m experiments.generallog --help."""

import sys

from glx.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["generallog", *sys.argv[1:]]))
