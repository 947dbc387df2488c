"""What is left of negations, by kind: the word, and the part of it that negates.

Of ``can't`` the word pieces are ``can``, ``'`` and ``t``: the word is not lost while ``can`` stays, the negation is.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.semantics.classes import word_class, word_spans
from benchmarks.semantics.cut import encoded
from benchmarks.semantics.statistics import Interval, ratio
from rasa_token_pruning import PrunedEncoder

_NOT = re.compile(r"n['\u2019]t$")
KINDS = ("not", "n't", "no", "never", "without", "other")


def kind_of(word: str) -> tuple[str, int]:
    """The kind of a negation, one of ``KINDS``, and with which of its characters the part begins that negates."""
    found = _NOT.search(word)
    if found:
        return "n't", found.start() + 1
    return (word if word in KINDS else "other"), 0


def markers(text: str, offsets: np.ndarray, kept: np.ndarray) -> Iterator[tuple[str, bool]]:
    """The negations of a text: the kind of each, and whether nothing is left of the part that negates.

    :param offsets: Start and end character of each piece, ``(pieces, 2)``.
    :param kept: Whether each piece stays, ``(pieces,)``, bool.
    """
    for start, end in word_spans(text):
        word = text[start:end].lower()
        if word_class(word) == "negation":
            kind, first = kind_of(word)
            of_it = (offsets[:, 0] >= start + first) & (offsets[:, 1] <= end) & (offsets[:, 0] < offsets[:, 1])
            yield kind, not (kept & of_it).any()


def lost_markers(encoder: PrunedEncoder, texts: Sequence[str]) -> dict[str, dict[str, Interval | int]]:
    """By kind how many negations there are in texts that are cut, and which share of them is lost."""
    counts: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for text, found in zip(texts, encoded(encoder, texts), strict=True):
        if found.kept.all():
            continue
        of_kind: dict[str, list[bool]] = defaultdict(list)
        for kind, lost in markers(text, found.offsets, found.kept):
            of_kind[kind].append(lost)
        for kind, lost_ones in of_kind.items():
            counts[kind].append((sum(lost_ones), len(lost_ones)))
    pairs = {kind: np.array(counts[kind]).T for kind in KINDS if kind in counts}
    return {kind: {"words": int(total.sum()), "lost": ratio(lost, total)} for kind, (lost, total) in pairs.items()}
