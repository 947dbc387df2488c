"""Which word pieces of a text belong to which class of words."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log

import numpy as np

from benchmarks.semantics.words import FUNCTION_WORDS, NAMES, NEGATIONS, NUMBERS, QUESTIONS

# Every word piece is in one of these; a word in the first that fits.
EXCLUSIVE = ("negation", "question word", "number, amount", "name", "function word", "other word", "punctuation")
# These cut across.
OVERLAPPING = ("intent-bearing word", "sub-word piece")
CLASSES = (*EXCLUSIVE, *OVERLAPPING)

_LISTS = (NEGATIONS, QUESTIONS, NUMBERS, NAMES, FUNCTION_WORDS)
_WORD = re.compile(r"\w+(?:['\u2019]\w+)*")
_NOT = re.compile(r"n['\u2019]t$")
_ENDING = re.compile(r"['\u2019](?:s|re|ve|ll|d|m)$")
_CURRENCY = frozenset("$€£¥₹%")
_BEARING = 2  # words of a message


def words(text: str) -> list[str]:
    """The words of a text in lower case; ``don't`` is one."""
    return [text[start:end].lower() for start, end in word_spans(text)]


def word_spans(text: str) -> list[tuple[int, int]]:
    """Start and end character of each word of a text."""
    return [found.span() for found in _WORD.finditer(text)]


def word_class(word: str) -> str:
    """The class of a word in lower case: one of ``EXCLUSIVE``."""
    bare = _ENDING.sub("", word)
    if _NOT.search(bare):
        return "negation"
    for name, known in zip(EXCLUSIVE, _LISTS, strict=False):
        if bare in known:
            return name
        if name == "number, amount" and any(sign.isdigit() for sign in bare):
            return name
    return "other word"


@dataclass(frozen=True, eq=False)
class IntentWords:
    """Which words say what a message is about, learnt from labelled messages.

    The weight of a word for an intent is its term in their mutual information, ``p(w | i) log(p(w | i) / p(w))``, where
    ``p`` is the share of messages that hold the word.

    :param weights: By intent and word; only words that are more frequent in the intent than elsewhere have one.
    """

    weights: dict[str, dict[str, float]]

    @classmethod
    def of(cls, texts: Sequence[str], intents: Sequence[str]) -> IntentWords:
        """Learn from messages, at least one."""
        within: dict[str, Counter[str]] = defaultdict(Counter)
        for text, intent in zip(texts, intents, strict=True):
            within[intent].update(set(words(text)))
        everywhere = sum(within.values(), Counter())
        sizes = Counter(intents)
        return cls(
            {
                intent: {
                    word: weight
                    for word, count in counts.items()
                    if (weight := _term(count / sizes[intent], everywhere[word] / len(texts))) > 0
                }
                for intent, counts in within.items()
            }
        )

    def bearing(self, text: str, intent: str) -> frozenset[str]:
        """The two words of a message with the highest weight for its intent; fewer if fewer have one."""
        known = self.weights.get(intent, {})
        found = sorted(set(words(text)) & known.keys(), key=lambda word: (-known[word], word))
        return frozenset(found[:_BEARING])


def classes(text: str, offsets: np.ndarray, bearing: Iterable[str]) -> dict[str, np.ndarray]:
    """For each class which pieces are in it, ``(pieces,)``, bool; special tokens are in none.

    :param offsets: Start and end character of each piece, ``(pieces, 2)``; equal for special tokens.
    :param bearing: The intent-bearing words, in lower case.
    """
    masks = {name: np.zeros(len(offsets), dtype=bool) for name in CLASSES}
    places = word_places(text, offsets)
    found = words(text)
    for number, (start, end) in enumerate(offsets):
        if start == end:
            continue
        word = found[places[number]] if places[number] >= 0 else ""
        masks["sub-word piece"][number] = start > 0 and text[start - 1].isalnum() and text[start].isalnum()
        masks["intent-bearing word"][number] = word in bearing
        masks[word_class(word) if word else _sign_class(text[start:end])][number] = True
    return masks


def word_places(text: str, offsets: np.ndarray) -> np.ndarray:
    """Which word of the text each piece belongs to, counted from 0, ``(pieces,)``; -1 for none."""
    by_character = np.full(len(text) + 1, -1)
    for number, (start, end) in enumerate(word_spans(text)):
        by_character[start:end] = number
    places: np.ndarray = np.where(offsets[:, 0] == offsets[:, 1], -1, by_character[offsets[:, 0]])
    return places


def _sign_class(piece: str) -> str:
    return "number, amount" if piece in _CURRENCY else "punctuation"


def _term(within: float, everywhere: float) -> float:
    return within * log(within / everywhere)
