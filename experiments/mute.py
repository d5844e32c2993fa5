"""`glx mute` from a clone: python -m experiments.mute --help."""

import sys

from glx.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["mute", *sys.argv[1:]]))
