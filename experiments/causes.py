"""`glx causes` from a clone: python -m experiments.causes --help."""

import sys

from glx.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["causes", *sys.argv[1:]]))
