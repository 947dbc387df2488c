"""Rules that replace words in a text, and what several kinds of changes to texts share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from random import Random

# A change is given chance that depends on the text alone, and the text; a text that it cannot change it returns.
Change = Callable[[Random, str], str]
Rules = Sequence[tuple[re.Pattern[str], str]]


def rules(replacements: Mapping[str, str]) -> Rules:
    r"""Patterns of whole words, applied one after the other; ``\1`` in a replacement stands for the first group."""
    return [(re.compile(rf"(?<![\w']){old}(?![\w'])", re.I), new) for old, new in replacements.items()]


def applied(known: Rules, text: str) -> str:
    """A text after all rules."""
    for old, new in known:
        text = old.sub(new, text)
    return text


def changed(name: str, change: Change, texts: Sequence[str]) -> tuple[list[int], list[str]]:
    """The numbers of the texts that a change does change, and what it makes of them.

    :param name: Seeds the change together with the text, so that a text is changed in one way wherever it stands.
    """
    found = [change(Random(f"{name} {text}"), text) for text in texts]
    numbers = [number for number, (old, new) in enumerate(zip(texts, found, strict=True)) if old != new]
    return numbers, [found[number] for number in numbers]
