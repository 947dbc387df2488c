"""Hidden states to sentence embeddings: tensors in, tensors out."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from rasa_token_pruning.encoder.transformer import Run

FINAL, FINAL_AND_CUT = "final", "final+cut"
READOUTS = (FINAL, FINAL_AND_CUT)

# How much the part from before the cut counts beside the final embedding; chosen on validation splits.
CUT_WEIGHT = 0.7


def read_out(run: Run, readout: str, normalize: bool) -> Tensor:
    """The sentence embeddings of a batch.

    :param run: One pass over the batch.
    :param readout: ``final``: the mean of the last hidden states, the model's own embedding if nothing was cut.
        ``final+cut``: that, joined with the mean over *all* tokens of the states that enter the first cut layer,
        L2-normalised and weighted: it costs nothing and keeps what the cut removes.
    :param normalize: Whether the model's own embedding is L2-normalised.
    :return: ``(batch, width)``, or ``(batch, 2 * width)`` with ``final+cut``.
    """
    final = run.final.mean(dim=1)
    if normalize:
        final = functional.normalize(final, dim=-1)
    if readout == FINAL:
        return final
    before = functional.normalize(run.at_cut.mean(dim=1), dim=-1)
    return torch.cat([final, CUT_WEIGHT * before], dim=-1)
