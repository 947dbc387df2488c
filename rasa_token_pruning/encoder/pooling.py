"""Hidden states to sentence embeddings: tensors in, tensors out."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from rasa_token_pruning.encoder.transformer import Run

FINAL, FINAL_AND_CUT = "final", "final+cut"
READOUTS = (FINAL, FINAL_AND_CUT)

# How much the part from before the cut counts beside the final embedding; chosen on validation splits.
CUT_WEIGHT = 0.7


# From the last hidden states of the tokens that stayed, (batch, kept, width), to one vector, (batch, width).
POOLINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": lambda final: final.mean(dim=1),
    "cls": lambda final: final[:, 0],
    "max": lambda final: final.amax(dim=1),
}


def read_out(run: Run, readout: str, normalize: bool, pooling: str = "mean") -> Tensor:
    """The sentence embeddings of a batch.

    :param run: One pass over the batch.
    :param readout: ``final``: the last hidden states pooled, the model's own embedding if nothing was cut.
        ``final+cut``: that, joined with the mean over *all* tokens of the states that enter the first cut layer,
        L2-normalised and weighted: it costs nothing and keeps what the cut removes.
    :param normalize: Whether the model's own embedding is L2-normalised.
    :param pooling: How the model pools: ``mean``, ``cls`` (the first token, which is never cut) or ``max``.
    :return: ``(batch, width)``, or ``(batch, 2 * width)`` with ``final+cut``.
    """
    final = POOLINGS[pooling](run.final)
    if normalize:
        final = functional.normalize(final, dim=-1)
    if readout == FINAL:
        return final
    before = functional.normalize(run.at_cut.mean(dim=1), dim=-1)
    return torch.cat([final, CUT_WEIGHT * before], dim=-1)
