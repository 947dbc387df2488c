"""Messages as people write them to a company, made of bare requests: a greeting, a story around it, a thank-you."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path

_OPENINGS, _STORIES, _CLOSINGS = "[openings]", "[stories]", "[closings]"
_MOST_BEFORE, _MOST_BEHIND = 3, 2  # sentences of a story


def in_stories(texts: Sequence[str], seed: int) -> list[str]:
    """Each text with none to five sentences around it that ask for nothing, mostly with a greeting and a thank-you.

    :param texts: Bare requests.
    :param seed: Another one puts other sentences around them.
    """
    chance = random.Random(seed)
    return [_around(text, chance) for text in texts]


def some_in_stories(texts: Sequence[str], share: float, seed: int) -> list[str]:
    """A share of the texts, drawn one by one, as ``in_stories`` gives them, the others as they are.

    :param share: In ``[0, 1]``.
    """
    chance = random.Random(seed)
    return [
        told if chance.random() < share else text for text, told in zip(texts, in_stories(texts, seed), strict=True)
    ]


def _around(text: str, chance: random.Random) -> str:
    sentences = _asides()
    before, behind = chance.randint(0, _MOST_BEFORE), chance.randint(0, _MOST_BEHIND)
    story = chance.sample(sentences[_STORIES], before + behind)
    opening = [chance.choice(sentences[_OPENINGS])] if chance.random() < 0.8 else []
    closing = [chance.choice(sentences[_CLOSINGS])] if chance.random() < 0.8 else []
    return " ".join([*opening, *story[:before], text, *story[before:], *closing])


@cache
def _asides() -> dict[str, list[str]]:
    """The sentences of the file by the heading that they stand under."""
    found: dict[str, list[str]] = {}
    for line in Path(__file__).with_name("asides.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = found.setdefault(line, [])
        elif line and not line.startswith("#"):
            section.append(line)
    return found
