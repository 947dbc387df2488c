"""What an encoder reads of a message, and what pruning changes about that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.encoder.trace import TracedCut, TracedPiece
from rasa_token_pruning.evaluation.texts import TextsError


@dataclass(frozen=True)
class Reading:
    """A message as an encoder reads it.

    :param text: The message.
    :param pieces: Its word pieces, special tokens first and last.
    :param cuts: The cuts at which a piece went, in their order.
    :param truncated: How many pieces at its end were not read, because the encoder has a limit.
    :param cosine: Of its embeddings with and without pruning, in ``[-1, 1]``.
    """

    text: str
    pieces: tuple[TracedPiece, ...]
    cuts: tuple[TracedCut, ...]
    truncated: int
    cosine: float


def read(text: str, encoder: PrunedEncoder) -> Reading:
    """Read one message.

    :raises TextsError: If the encoder reads nothing of it.
    """
    trace = encoder.trace(text)
    if not any(piece.end for piece in trace.pieces):
        raise TextsError(f"Of {text[:100]!r} the encoder reads nothing; the assistant says that it has no intent.")
    pruned, whole = (one.encode(text).astype(np.float64) for one in (encoder, encoder.without_cuts()))
    cosine = pruned @ whole / (np.linalg.norm(pruned) * np.linalg.norm(whole))
    return Reading(text, trace.pieces, trace.cuts, trace.truncated, float(np.clip(cosine, -1, 1)))
