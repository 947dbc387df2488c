"""The same tokens taken out of the text: what the encoder still knows of them when it drops them on the way."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np

from rasa_token_pruning.encoder.tokenization import WordPieces


def without(text: str, offsets: np.ndarray, kept: np.ndarray) -> str:
    """A text without the characters of the pieces that do not stay; spaces that meet become one.

    :param offsets: Start and end character of each piece, ``(pieces, 2)``.
    :param kept: Whether each piece stays, ``(pieces,)``, bool.
    """
    stays = np.ones(len(text), dtype=bool)
    for start, end in offsets[~kept]:
        stays[start:end] = False
    return " ".join("".join(sign for sign, here in zip(text, stays, strict=True) if here).split())


def at_random(text: str, kept: np.ndarray, seed: int) -> np.ndarray:
    """As many pieces cut as in ``kept``, any but the first and the last, special one; ``(pieces,)``, bool."""
    inner = range(1, len(kept) - 1)
    gone = Random(f"{seed} {text}").sample(inner, int((~kept).sum()))
    return _all_but(gone, len(kept))


def most_frequent(pieces: WordPieces, kept: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """As many pieces cut as in ``kept``, those of the lowest inverse document frequency; of equal ones the later.

    :param frequencies: The documents that hold each piece, by its id, see ``text_techniques.document_frequencies``.
    """
    rarest_first = 1 + frequencies[pieces.ids[1:-1]].argsort(kind="stable")
    return _all_but(rarest_first[len(rarest_first) - int((~kept).sum()) :], len(kept))


def _all_but(gone: Sequence[int] | np.ndarray, pieces: int) -> np.ndarray:
    kept = np.ones(pieces, dtype=bool)
    kept[np.array(gone, dtype=np.int64)] = False
    return kept
