"""`glx download` from a clone: python -m experiments.download --help."""

import sys

from glx.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["download", *sys.argv[1:]]))
