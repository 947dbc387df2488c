"""What every engine offers: ids in, embeddings out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rasa_token_pruning.encoder.cuts import Cut
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.readout import ModelHead


@dataclass(frozen=True, eq=False)
class EncoderSpec:
    """What decides an embedding beside the weights.

    :param policy: Where and how much is cut.
    :param joined: The layers that join the model's own embedding, see ``readout.joined_layers``.
    :param head: From the last hidden states to the model's own embedding.
    :param protected: The ids of the tokens that stay as long as as many do, see ``protection``.
    """

    policy: PruningPolicy
    joined: tuple[int, ...]
    head: ModelHead
    protected: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class TokenStates:
    """What one pass over a batch of texts of equal length gives.

    :param embeddings: ``(batch, dimension)``, float32.
    :param reached: For every token the last state that it reached, ``(batch, length, width)``, float32.
    :param kept: Whether each token stayed to the end, ``(batch, length)``, bool.
    """

    embeddings: np.ndarray
    reached: np.ndarray
    kept: np.ndarray


class Engine(Protocol):
    """Runs one encoder with one specification. Can be used from several threads."""

    def embed(self, ids: np.ndarray) -> np.ndarray:
        """Token ids ``(batch, length)``, int64, special tokens at both ends, to embeddings ``(batch, dimension)``."""

    def run(self, ids: np.ndarray) -> TokenStates:
        """The same, with the states of the tokens."""

    def trace(self, ids: np.ndarray) -> tuple[Cut, ...]:
        """The cuts of one text at which a token went; of the token ids ``(length,)``, else as above."""

    def without_cuts(self) -> Engine:
        """The same encoder with pruning off. It shares the memory of this one."""
