"""`python -m streamdet` is the command `streamdet`."""

from __future__ import annotations

import sys

from streamdet.cli import main

if __name__ == "__main__":
    sys.exit(main())
