"""What tables in Markdown are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.semantics.statistics import Interval


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    return "\n".join([_line(head), "|---" * len(head) + "|", *map(_line, rows)])


def points(interval: Interval) -> str:
    """Points with their interval."""
    return f"{interval['value']:+.2f} [{interval['low']:+.2f}, {interval['high']:+.2f}]"


def percent(interval: Interval) -> str:
    """A share with its interval."""
    return f"{interval['value']:.1%} [{interval['low']:.1%}, {interval['high']:.1%}]"


def share(interval: Interval) -> str:
    """A share without its interval."""
    return f"{interval['value']:.1%}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
