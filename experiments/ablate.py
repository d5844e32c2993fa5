"""`glx ablate` from a clone: python -m experiments.ablate --help."""

import sys

from glx.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["ablate", *sys.argv[1:]]))
