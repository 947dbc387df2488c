"""Named pruning policies."""

from __future__ import annotations

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.policy import PruningPolicy

NAMES = ("off", "balanced")


def preset(name: str, layers: int) -> PruningPolicy:
    """The policy of a name, for an encoder with so many layers.

    ``balanced`` makes one cut a third of the way up and takes half of the tokens above a floor of 6. It was chosen on
    validation splits with all-MiniLM-L6-v2 (docs/measurements.md) and is a rule of thumb for other encoders. Short
    messages, where every word counts, stay nearly whole.
    ``off`` is the same without the cut.

    :param name: ``off`` or ``balanced``.
    :param layers: The number of layers of the encoder, at least 1.
    :raises EncoderError: If there is no preset of that name.
    """
    if name not in NAMES:
        raise EncoderError(f"pruning is {name!r}: give one of {', '.join(NAMES)}.")
    balanced = PruningPolicy(layers=(layers // 3,), quantile=0.5, min_tokens=6)
    return balanced if name == "balanced" else balanced.without_cuts()
