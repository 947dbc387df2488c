"""Batches that are run in parts of similar length, because padding is work as well."""

from __future__ import annotations

from typing import Any

import torch
from sentence_transformers import SentenceTransformer

_PARTS = 6


def run_in_parts(model: SentenceTransformer) -> SentenceTransformer:
    """Let a model run the batches that it trains on in parts of similar length, in place.

    A batch is as wide as its longest text: of messages of 2 to 60 words, more than half of what it holds is padding. On
    a GPU, which runs many short texts at once, batches stay whole.
    """
    whole = model.forward

    def forward(features: dict[str, Any], **given: Any) -> dict[str, Any]:
        lengths = features["attention_mask"].sum(dim=1)
        if not model.training or lengths.device.type != "cpu":
            return whole(features, **given)
        order = lengths.argsort()
        parts = [_part(features, rows, int(lengths[rows].max())) for rows in order.tensor_split(_PARTS) if len(rows)]
        rows = torch.cat([whole(part, **given)["sentence_embedding"] for part in parts])
        return {**features, "sentence_embedding": rows[order.argsort()]}

    model.forward = forward  # type: ignore[assignment, method-assign]
    return model


def _part(features: dict[str, Any], rows: torch.Tensor, longest: int) -> dict[str, Any]:
    """Some texts of a batch, without the columns that are padding for all of them."""
    size = features["attention_mask"].shape
    tensors = {key: value for key, value in features.items() if isinstance(value, torch.Tensor) and value.shape == size}
    return {**features, **{key: value[rows, :longest] for key, value in tensors.items()}}
