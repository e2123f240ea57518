"""`python -m llminit` is the command `llminit`."""

import sys

from llminit.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
