"""`python -m busylight` is the command `busylight`."""

import sys

from busylight.cli import main

if __name__ == "__main__":
    sys.exit(main())
