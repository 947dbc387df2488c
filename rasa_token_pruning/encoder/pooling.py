"""Hidden states to sentence embeddings: tensors in, tensors out."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from rasa_token_pruning.encoder.readout import JOINED_WEIGHT, ModelHead
from rasa_token_pruning.encoder.transformer import Run, mean_of_tokens


def read_out(run: Run, head: ModelHead) -> Tensor:
    """The sentence embeddings of a batch.

    :param run: One pass over the batch.
    :param head: How the model makes its own embedding of the last hidden states.
    :return: The model's own embedding if nothing was cut, and behind it the joined layers, each L2-normalised and
        weighted: ``(batch, dimension)``.
    """
    final = _POOL[head.pooling](run)
    for dense in head.dense:
        weight, bias = (torch.from_numpy(array).to(final.device) for array in (dense.weight, dense.bias))
        final = functional.linear(final, weight, bias)
        final = final.tanh() if dense.tanh else final
    if head.normalize:
        final = functional.normalize(final, dim=-1)
    joined = (JOINED_WEIGHT * functional.normalize(mean, dim=-1) for mean in run.joined)
    return torch.cat([final, *joined], dim=-1)


_POOL: dict[str, Callable[[Run], Tensor]] = {
    "mean": lambda run: mean_of_tokens(run.final, run.sizes),
    "cls": lambda run: run.final[:, 0],
    "max": lambda run: run.final.amax(dim=1),
}
