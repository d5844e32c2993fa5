"""`glx detect` from a clone: python -m experiments.detect --help."""

import sys

from glx.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["detect", *sys.argv[1:]]))
