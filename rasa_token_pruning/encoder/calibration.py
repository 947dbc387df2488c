"""What enters an encoder's linear layers, measured on texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rasa_token_pruning.encoder.engine import EncoderSpec
from rasa_token_pruning.encoder.onnx_engine import open_session
from rasa_token_pruning.encoder.onnx_export import export_probes
from rasa_token_pruning.encoder.onnx_precision import Float32, Range
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.readout import ModelHead
from rasa_token_pruning.encoder.weights import EncoderWeights

_LONGEST = 64
_UNCUT = EncoderSpec(PruningPolicy((), 0.0, 2), joined=(), head=ModelHead("mean", (), normalize=False))


def activation_ranges(weights: EncoderWeights, texts: Sequence[np.ndarray]) -> dict[str, Range]:
    """The smallest and the largest value of each component of what enters each linear layer.

    :param weights: The encoder; nothing is cut.
    :param texts: Token ids with special tokens at both ends, each ``(length,)``, int64; at least one. Of long ones the
        beginning is enough.
    """
    precision = Float32()
    session = open_session(export_probes(weights, _UNCUT, precision))
    low: dict[str, np.ndarray] = {}
    high: dict[str, np.ndarray] = {}
    for ids in texts:
        ids = np.append(ids[: _LONGEST - 1], ids[-1]) if len(ids) > _LONGEST else ids
        found = session.run(list(precision.entering), {"ids": ids[None]})
        for name, entering in zip(precision.entering, found, strict=True):
            rows = entering.reshape(-1, entering.shape[-1])
            low[name] = np.minimum(low.get(name, np.inf), rows.min(axis=0))
            high[name] = np.maximum(high.get(name, -np.inf), rows.max(axis=0))
    return {name: Range(low[name], high[name]) for name in low}
