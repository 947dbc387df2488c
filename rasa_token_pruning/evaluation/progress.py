"""What is being done, on one line of the terminal."""

from __future__ import annotations

import sys


def progress(what: str) -> None:
    """Say it on standard error in place of what was said before; nothing if that is no terminal."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{what}", end="", file=sys.stderr, flush=True)
