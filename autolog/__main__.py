"""`python -m autolog` is the command `autolog`."""

from __future__ import annotations

import sys

from autolog.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
