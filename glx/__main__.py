"""`python -m glx` is `glx`."""

import sys

from glx.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
