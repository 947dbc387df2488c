"""What commands read from their command line, with errors that say what is allowed."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable


def whole(least: int) -> Callable[[str], int]:
    """Reads a whole number of at least so much."""

    def read(text: str) -> int:
        if not text.isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r}: give a whole number of at least {least}")
        return int(text)

    return read


def amount(text: str) -> float:
    """Reads a number of at least 0, as in 0.4."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}: give a number of at least 0, as in 0.4")
    return number


def share(text: str) -> float:
    """Reads a number from 0 to 1, as in 0.3."""
    number = amount(text)
    if number > 1:
        raise argparse.ArgumentTypeError(f"{text!r}: give a number from 0 to 1, as in 0.3")
    return number


def layer_numbers(text: str) -> tuple[int, ...]:
    """Reads layers, as in 1,3."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no list of layers: give numbers joined by commas, as in 1,3"
        ) from None
