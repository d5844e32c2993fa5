"""`glx refresh` from a clone: python -m experiments.refresh --help."""

import sys

from glx.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["refresh", *sys.argv[1:]]))
