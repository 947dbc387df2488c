"""How numbers, intents and messages are written on the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rasa_token_pruning.reporting.markup import Child, Markup, intent, joined, tag


def percent(share: float, digits: int = 0) -> str:
    """A share as in ``92%``; what is neither nothing nor all is not rounded to it."""
    text = f"{100 * share:.{digits}f}"
    if 0 < share < 1 and float(text) in (0, 100):
        least = 10**-digits
        return f"under {least:g}%" if share < 0.5 else f"over {100 - least:g}%"
    return f"{text}%"


def points(change: float) -> str:
    """A difference of shares in points, with its sign."""
    return f"{100 * change:+.1f}".replace("-", "\N{MINUS SIGN}")


def of_hundred(counts: Sequence[int]) -> list[int]:
    """Counts as whole numbers that sum to 100 (largest remainders); at least one is greater than 0."""
    exact = [100 * count / sum(counts) for count in counts]
    found = [int(share) for share in exact]
    order = sorted(range(len(counts)), key=lambda place: found[place] - exact[place])
    for place in order[: 100 - sum(found)]:
        found[place] += 1
    return found


def number(count: int, one: str, several: str) -> str:
    """A count with its noun."""
    return f"{count:,} {one if count == 1 else several}"


def listed(items: Iterable[Child], last: str = " and ") -> Markup:
    """Several things in a sentence."""
    every = list(items)
    if not every:
        return Markup("")
    parts: list[Child] = [every[0]]
    for place, item in enumerate(every[1:], 2):
        parts += [last if place == len(every) else ", ", item]
    return joined(parts)


def intents(names: Iterable[str], last: str = " and ") -> Markup:
    """The names of several intents in a sentence."""
    return listed([intent(name) for name in names], last)


def paragraph(*children: Child, **attributes: str) -> Markup:
    """A paragraph."""
    return tag("p", *children, **attributes)


def hidden(text: str) -> Markup:
    """A text for screen readers alone."""
    return tag("span", text, class_="unseen")
