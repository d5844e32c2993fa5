"""`glx report` from a clone: python -m experiments.report --help."""

import sys

from glx.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["report", *sys.argv[1:]]))
