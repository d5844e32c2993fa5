"""`glx ablate` from a clone: python -m experiments.ablate --help."""

import sys

from glx.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["ablate", *sys.argv[1:]]))
