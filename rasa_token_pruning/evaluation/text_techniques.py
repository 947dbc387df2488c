"""Shortening a text before the encoder reads it: word pieces in, the positions that are read out.

What our pruning is compared with. A selection keeps the special tokens at both ends and depends on its text alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import numpy as np

from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.tokenization import WordPieces

# A text and its pieces to the positions that are read, ascending, the first and the last among them.
Selection = Callable[[str, WordPieces], np.ndarray]

# "don't" is one word: it is no stop word, although "don" without "t" would mean nothing.
_WORD = re.compile(r"\w+(?:['\u2019]\w+)*")


def everything(text: str, pieces: WordPieces) -> np.ndarray:
    """The whole text."""
    return np.arange(len(pieces.ids))


def beginning(quantile: float, min_tokens: int) -> Selection:
    """Truncation.

    :param quantile: The share of the pieces above the floor that goes, ``0 <= quantile < 1``.
    :param min_tokens: The floor, special tokens counted, at least 2.
    """
    tokens_kept = PruningPolicy((), quantile, min_tokens).tokens_kept

    def select(text: str, pieces: WordPieces) -> np.ndarray:
        length = len(pieces.ids)
        return np.append(np.arange(tokens_kept(length) - 1), length - 1)

    return select


def without_frequent(quantile: float, min_tokens: int, frequencies: np.ndarray) -> Selection:
    """Without the pieces of the lowest inverse document frequency; of equal ones the later go.

    :param quantile: The share of the pieces above the floor that goes, ``0 <= quantile < 1``.
    :param min_tokens: The floor, special tokens counted, at least 2.
    :param frequencies: The documents that hold each piece, by its id, see ``document_frequencies``.
    """
    tokens_kept = PruningPolicy((), quantile, min_tokens).tokens_kept

    def select(text: str, pieces: WordPieces) -> np.ndarray:
        last = len(pieces.ids) - 1
        rarest_first = 1 + frequencies[pieces.ids[1:last]].argsort(kind="stable")
        return np.sort(np.concatenate([[0], rarest_first[: tokens_kept(last + 1) - 2], [last]]))

    return select


def document_frequencies(documents: Iterable[WordPieces], vocabulary_size: int) -> np.ndarray:
    """How many documents hold each piece, ``(vocabulary_size,)``, int64; what no document holds counts 0."""
    frequencies = np.zeros(vocabulary_size, dtype=np.int64)
    for pieces in documents:
        frequencies[np.unique(pieces.ids)] += 1
    return frequencies


def without_stop_words() -> Selection:
    """Without the words of scikit-learn's English list; a text in which there is no other word stays whole."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS  # of the dev extra

    def select(text: str, pieces: WordPieces) -> np.ndarray:
        words = list(_WORD.finditer(text))
        stop_words = [word for word in words if word[0].lower() in ENGLISH_STOP_WORDS]
        if len(stop_words) == len(words):
            return everything(text, pieces)
        within = np.zeros(len(text) + 1, dtype=bool)  # by character
        for word in stop_words:
            within[word.start() : word.end()] = True
        start, end = pieces.offsets.T
        return np.flatnonzero(~within[start] | (start == end))  # special tokens stand for no character

    return select
