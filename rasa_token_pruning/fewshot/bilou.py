"""Entities as tags of tokens: where one begins, goes on, ends, or is a token long (Ratinov and Roth, 2009)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from rasa_token_pruning.fewshot.chain import Grammar

PREFIXES = "BILU"
OUTSIDE = 0  # the tag of a token outside of all entities; the tags of a label follow each other in the prefixes' order


class Label(NamedTuple):
    """What an entity is: its type, and for one that has them its role and group."""

    type: str
    role: str | None = None
    group: str | None = None

    def sorting(self) -> tuple[tuple[bool, str], ...]:
        """What labels are sorted by; None comes before all texts."""
        return tuple((part is not None, part or "") for part in self)


class Span(NamedTuple):
    """An entity: the tokens from ``first`` to ``last``, that one too."""

    first: int
    last: int
    label: Label


def tag(prefix: str, label: int) -> int:
    """The number of a tag: of a prefix and the number of a label."""
    return 1 + len(PREFIXES) * label + PREFIXES.index(prefix)


def parts(number: int) -> tuple[str, int] | None:
    """The prefix and the number of the label of a tag; None outside."""
    if number == OUTSIDE:
        return None
    label, prefix = divmod(number - 1, len(PREFIXES))
    return PREFIXES[prefix], label


def tags(spans: Iterable[Span], tokens: int, labels: Sequence[Label]) -> np.ndarray:
    """The tags of a message's tokens, ``(tokens,)``. Of spans that overlap the first counts."""
    found = np.full(tokens, OUTSIDE)
    for span in spans:
        here = slice(span.first, span.last + 1)
        if (found[here] != OUTSIDE).any():
            continue
        label = labels.index(span.label)
        if span.first == span.last:
            found[here] = tag("U", label)
        else:
            found[here] = tag("I", label)
            found[span.first], found[span.last] = tag("B", label), tag("L", label)
    return found


def grammar(labels: int) -> Grammar:
    """Which tags may follow which: an entity that has begun goes on with its label until it ends."""
    known = [parts(number) for number in range(1 + len(PREFIXES) * labels)]
    closed = -1
    opens = np.array([part[1] if part and part[0] in "BI" else closed for part in known])
    needs = np.array([part[1] if part and part[0] in "IL" else closed for part in known])
    return Grammar(first=needs == closed, follows=opens[:, None] == needs, last=opens == closed)


def shared_parts(labels: Sequence[Label]) -> np.ndarray:
    """Which parts make up each tag, ``(parts, tags)``, float32: zeros and ones.

    A tag is the sum of itself, its label whatever the prefix, and its type whatever the role and group. Weights that
    are learnt for a part serve all tags that have it: a word seen at an entity's end helps where it begins.
    """
    count = 1 + len(PREFIXES) * len(labels)
    kinds = sorted({label.type for label in labels})
    own, of_label = np.eye(count), np.zeros((len(labels), count))
    of_type = np.zeros((len(kinds), count))
    for number in range(1, count):
        label = (number - 1) // len(PREFIXES)
        of_label[label, number] = 1
        of_type[kinds.index(labels[label].type), number] = 1
    roles = [of_label] if len(labels) > len(kinds) else []
    return np.vstack([own, *roles, of_type]).astype(np.float32)
