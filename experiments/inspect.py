"""`glx inspect` from a clone: python -m experiments.inspect --help."""

import sys

from glx.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["inspect", *sys.argv[1:]]))
