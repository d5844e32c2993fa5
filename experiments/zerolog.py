"""`glx zerolog` from a clone: python -m experiments.zerolog --help."""

import sys

from glx.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["zerolog", *sys.argv[1:]]))
