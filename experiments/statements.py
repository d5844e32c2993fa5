"""`glx statements` from a clone: python -m experiments.statements --help."""

import sys

from glx.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["statements", *sys.argv[1:]]))
