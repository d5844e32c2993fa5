"""`glx download` from a clone: python -m experiments.download --help."""

import sys

from glx.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["download", *sys.argv[1:]]))
