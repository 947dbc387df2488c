"""From the options of a featurizer, complete or as far as they matter, to its encoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.presets import policy_from_options
from rasa_token_pruning.encoder.pruned import PrunedEncoder

_SAME = ("prompt", "engine", "precision", "num_threads", "device", "adapter")  # as PrunedEncoder has them


def encoder_from_options(options: Mapping[str, Any], cache_mib: float = 0) -> PrunedEncoder:
    """The encoder that a featurizer's options describe.

    :param options: ``model``, ``readout``, what ``policy_from_options`` takes, and what PrunedEncoder takes under the
        same name.
    :param cache_mib: See ``PrunedEncoder``.
    :raises EncoderError: If a value is wrong, or the model is missing, damaged or not supported.
    """
    model = shared_model(options["model"])  # held until the encoder has it, so that it is read once
    policy = policy_from_options(options, model.weights.config.layers)
    same = {key: options[key] for key in _SAME}
    return PrunedEncoder(options["model"], policy, options["readout"], **same, cache_mib=cache_mib)
