"""How much of an encoder's work a policy leaves: a figure that is the same on every machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.policy import PruningPolicy


def piece_counts(model: str, texts: Sequence[str]) -> list[int]:
    """The number of word pieces of each text as a model reads it, special tokens counted."""
    return [len(pieces.ids) for pieces in shared_model(model).tokenizer(None).tokenize(texts, report=False)]


def work_left(policy: PruningPolicy, layers: int, lengths: Iterable[int]) -> float:
    """The share of token-layer products that is left; the layer that cuts counts half before and half after.

    :param policy: The policy.
    :param layers: The number of layers of the encoder.
    :param lengths: The numbers of word pieces of texts, special tokens counted, at least one text.
    :return: A number in ``(0, 1]``; 1 without pruning.
    """
    left = total = 0.0
    for length in lengths:
        total += length * layers
        for layer in range(layers):
            after = policy.tokens_kept(length) if layer in policy.layers else length
            left += (length + after) / 2
            length = after
    return left / total
