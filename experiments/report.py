"""`glx report` from a clone: python -m experiments.report --help."""

import sys

from glx.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["report", *sys.argv[1:]]))
