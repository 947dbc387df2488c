"""What became of each word piece of a text, in plain values for people and programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rasa_token_pruning.encoder.cuts import Cut
from rasa_token_pruning.encoder.tokenization import WordPieces


@dataclass(frozen=True)
class TracedPiece:
    """A word piece.

    :param piece: As the encoder's vocabulary writes it.
    :param start: Its first character in the text; 0 for special tokens and the pieces of a prompt.
    :param end: The character after its last; 0 likewise.
    :param kept: Whether it stayed to the end.
    :param layer: The layer inside which it went, from 0 on; None if it stayed.
    :param merged_into: The piece that it was averaged into, counted from 0; None if it stayed or was dropped.
    :param importance: In each cut up to the one at which it went, see ``scores``, at least 0. Both ends stay whatever
        theirs.
    """

    piece: str
    start: int
    end: int
    kept: bool
    layer: int | None
    merged_into: int | None
    importance: tuple[float, ...]


@dataclass(frozen=True)
class TracedCut:
    """A cut at which a piece went.

    :param layer: The layer inside which it was made, from 0 on.
    :param before: How many pieces reached it, special tokens counted.
    :param after: How many of them stayed.
    """

    layer: int
    before: int
    after: int


@dataclass(frozen=True)
class Trace:
    """What became of a text.

    :param pieces: Its word pieces, special tokens first and last.
    :param cuts: The cuts at which a piece went, in their order.
    :param truncated: How many pieces at its end were not read, because the encoder has a limit.
    """

    pieces: tuple[TracedPiece, ...]
    cuts: tuple[TracedCut, ...]
    truncated: int


def traced(pieces: WordPieces, cuts: Sequence[Cut]) -> Trace:
    """From what cuts did to the pieces of a text to what became of each."""
    names = pieces.texts
    found = [_piece(number, names[number], offsets, cuts) for number, offsets in enumerate(pieces.offsets.tolist())]
    return Trace(tuple(found), tuple(map(_counted, cuts)), pieces.truncated)


def _piece(number: int, name: str, offsets: Sequence[int], cuts: Sequence[Cut]) -> TracedPiece:
    start, end = offsets
    reached = [cut for cut in cuts if not np.isnan(cut.importance[number])]
    importance = tuple(float(cut.importance[number]) for cut in reached)
    last = int(reached[-1].part_of[number]) if reached else number
    if last == number:
        return TracedPiece(name, start, end, True, None, None, importance)
    return TracedPiece(name, start, end, False, reached[-1].layer, None if last < 0 else last, importance)


def _counted(cut: Cut) -> TracedCut:
    before = int((~np.isnan(cut.importance)).sum())
    return TracedCut(cut.layer, before, int((cut.part_of == np.arange(len(cut.part_of))).sum()))
