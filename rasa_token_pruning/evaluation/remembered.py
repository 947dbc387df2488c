"""Each text is encoded once, however often it is asked for and with whichever read-out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.encoder.readout import FINAL
from rasa_token_pruning.evaluation.few_shot import Encode


class Remembered:
    """An encoder with the read-out ``final+cut`` that remembers all that it has encoded.

    :param encoder: The encoder.
    """

    def __init__(self, encoder: PrunedEncoder) -> None:
        self._encoder = encoder
        self._rows: dict[str, np.ndarray] = {}

    def with_readout(self, readout: str) -> Encode:
        """Texts to embeddings, ``(texts, dimension)``, with ``final`` or ``final+cut``."""
        # The model's own embedding comes first, the joined state behind it.
        own = self._encoder.dimension - self._encoder.token_dimension
        return partial(self._encode, columns=own if readout == FINAL else self._encoder.dimension)

    def _encode(self, texts: Sequence[str], columns: int) -> np.ndarray:
        new = [text for text in dict.fromkeys(texts) if text not in self._rows]
        self._rows.update(zip(new, self._encoder.encode(new), strict=True))
        rows: np.ndarray = np.stack([self._rows[text] for text in texts])[:, :columns]
        return rows
