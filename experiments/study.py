"""`glx study` from a clone: python -m experiments.study --help."""

import sys

from glx.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["study", *sys.argv[1:]]))
