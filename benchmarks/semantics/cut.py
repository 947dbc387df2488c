"""What is cut, by class of words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks.semantics.classes import CLASSES, EXCLUSIVE, IntentWords, classes, word_places
from benchmarks.semantics.statistics import ratio
from rasa_token_pruning import PrunedEncoder
from rasa_token_pruning.encoder.pruned import EncodedText
from rasa_token_pruning.evaluation.labelled import Labelled

_AT_ONCE = 512  # texts whose word pieces' states are in memory
# What a tally counts of each class: word pieces, those that were cut, words, those of which no piece was left.
COUNTS = ("pieces", "cut", "words", "lost")


def encoded(encoder: PrunedEncoder, texts: Sequence[str]) -> Iterator[EncodedText]:
    """Each text encoded, a part of them at a time."""
    for start in range(0, len(texts), _AT_ONCE):
        yield from encoder.encode_tokens(texts[start : start + _AT_ONCE])


def tallies(encoder: PrunedEncoder, messages: Labelled, intent_words: IntentWords) -> np.ndarray:
    """For each message and class how much is there and how much is cut, ``(messages, classes, counts)``, int64."""
    rows = []
    for found, text, intent in zip(encoded(encoder, messages.texts), messages.texts, messages.intents, strict=True):
        masks = classes(text, found.offsets, intent_words.bearing(text, intent))
        places = word_places(text, found.offsets)
        rows.append([tally(masks[name], places, found.kept) for name in CLASSES])
    return np.array(rows, dtype=np.int64)


def tally(mask: np.ndarray, places: np.ndarray, kept: np.ndarray) -> tuple[int, int, int, int]:
    """Of the pieces of a class: how many there are, are cut, of how many words, of how many of these nothing is left.

    :param mask: Which pieces are of the class, ``(pieces,)``, bool.
    :param places: The word of each piece, -1 for none.
    :param kept: Whether each piece stays.
    """
    of_words = mask & (places >= 0)
    present, left = np.unique(places[of_words]), np.unique(places[of_words & kept])
    return int(mask.sum()), int((mask & ~kept).sum()), len(present), len(present) - len(left)


def figures(tallied: np.ndarray) -> dict[str, Any]:
    """By class its share of the text and of what is cut, and how much of it is cut; of messages that are cut at all.

    :param tallied: As ``tallies`` gives it.
    """
    whole = tallied[:, : len(EXCLUSIVE)].sum(axis=1)
    tallied, whole = tallied[whole[:, 1] > 0], whole[whole[:, 1] > 0]
    rows = {"all": {"pieces": int(whole[:, 0].sum()), "cut": ratio(whole[:, 1], whole[:, 0])}}
    for number, name in enumerate(CLASSES):
        pieces, cut, words, lost = tallied[:, number].T
        if pieces.sum():
            rows[name] = {
                "pieces": int(pieces.sum()),
                "share_of_text": ratio(pieces, whole[:, 0]),
                "share_of_cut": ratio(cut, whole[:, 1]),
                "cut": ratio(cut, pieces),
            }
        if words.sum():
            rows[name] |= {"words": int(words.sum()), "lost": ratio(lost, words)}
    return {"messages": len(tallied), "classes": rows}
