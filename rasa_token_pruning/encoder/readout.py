"""What of a run becomes the sentence embedding."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.weights import Dense

FINAL, FINAL_AND_CUT = "final", "final+cut"
POOLINGS = ("mean", "cls", "max")

# How much a part from an earlier layer counts beside the final embedding; chosen on validation splits.
JOINED_WEIGHT = 0.5


@dataclass(frozen=True, eq=False)
class ModelHead:
    """What a model's own files say about the way from its last hidden states to its embedding.

    :param pooling: One of ``POOLINGS``: the mean over the tokens, the first token, or the largest of each component.
    :param dense: Linear layers that follow.
    :param normalize: Whether the embedding is L2-normalised in the end.
    """

    pooling: str
    dense: tuple[Dense, ...]
    normalize: bool


def joined_layers(readout: str, policy: PruningPolicy, layers: int) -> tuple[int, ...]:
    """The layers, from 0 on, of which the mean of what enters them joins the model's own embedding.

    :param readout: ``final``: the model's own embedding alone. ``final+cut``: joined with the mean over all tokens of
        the states that enter the first layer that the policy names, which costs nothing and keeps what the cut removes.
        ``final+0+3``: joined with the means of what enters these layers (0: the word embeddings).
    :param policy: The pruning policy.
    :param layers: The number of layers of the encoder.
    :return: In the order of ``readout``.
    :raises EncoderError: If the read-out has another form, or names a layer that does not exist.
    """
    first, *parts = readout.split("+") if isinstance(readout, str) else [""]
    numbers = [_layer(part, policy) for part in parts]
    if first != FINAL or len(set(numbers)) < len(numbers) or not all(0 <= number < layers for number in numbers):
        raise EncoderError(
            f"readout is {readout!r}: give {FINAL}, {FINAL_AND_CUT}, or {FINAL} and numbers of layers from 0 to "
            f"{layers - 1} joined by +, as in final+0+{layers - 1}."
        )
    return tuple(numbers)


def _layer(part: str, policy: PruningPolicy) -> int:
    if part != "cut":
        return int(part) if re.fullmatch("[0-9]{1,4}", part) else -1
    if not policy.layers:
        raise EncoderError(f"readout {FINAL_AND_CUT!r} needs a layer to read from: name one in layers.")
    return policy.layers[0]
