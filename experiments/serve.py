"""`glx serve` from a clone: python -m experiments.serve --help."""

import sys

from glx.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["serve", *sys.argv[1:]]))
