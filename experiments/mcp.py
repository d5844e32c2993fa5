"""`glx mcp` from a clone: python -m experiments.mcp --help."""

import sys

from glx.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["mcp", *sys.argv[1:]]))
