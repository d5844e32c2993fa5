"""`glx method` from a clone: python -m experiments.method --help."""

import sys

from glx.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["method", *sys.argv[1:]]))
