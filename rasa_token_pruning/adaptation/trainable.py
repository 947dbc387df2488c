"""The upper part of an encoder with weights that can be trained; what enters it is computed once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from rasa_token_pruning.encoder.blocks import Dropout
from rasa_token_pruning.encoder.engine import EncoderSpec
from rasa_token_pruning.encoder.pooling import read_out
from rasa_token_pruning.encoder.transformer import Transformer, among
from rasa_token_pruning.encoder.weights import EncoderWeights

_BATCH = 64


class Entering(NamedTuple):
    """What enters the first trained layer of one text.

    :param states: ``(length, width)``.
    :param protected: Which tokens stay as long as as many do, ``(length,)``, bool.
    """

    states: Tensor
    protected: Tensor


class TrainableEncoder:
    """An encoder whose layers from one on are trained, as it runs with its pruning policy.

    :param weights: The encoder; its arrays are not changed.
    :param spec: How it runs and what becomes of its last states; joined layers are left out.
    :param first: The first layer to train. The policy cuts in none before it.
    :param seed: Another one gives other dropout.
    """

    def __init__(self, weights: EncoderWeights, spec: EncoderSpec, first: int, seed: int = 0) -> None:
        self._weights = weights
        self._spec = spec
        self._first = first
        copied = {name: array.copy() for name, array in weights.arrays.items()}
        self._transformer = Transformer.from_weights(EncoderWeights(weights.config, copied))
        self.trained: nn.ModuleList = self._transformer.layers[first:]
        self.trained.requires_grad_(True)
        chance = torch.Generator().manual_seed(seed)
        for module in self._transformer.modules():
            if isinstance(module, Dropout):
                module.generator = chance

    def train(self, training: bool) -> None:
        """Whether ``embed`` is for training, with dropout, or for use."""
        self._transformer.train(training)

    def entering(self, ids: Sequence[np.ndarray]) -> list[Entering]:
        """What enters the first trained layer, for each text.

        :param ids: Token ids of each text with special tokens at both ends, ``(length,)``, int64.
        """
        found: dict[int, Entering] = {}
        for group in _of_equal_length([len(text) for text in ids]):
            for start in range(0, len(group), _BATCH):
                numbers = group[start : start + _BATCH]
                batch = torch.from_numpy(np.stack([ids[number] for number in numbers]))
                # A copy: what comes out of inference mode cannot take part in training.
                states = self._transformer.run_until(self._first, batch).clone()
                protected = among(batch, self._spec.protected)
                found.update(zip(numbers, map(Entering, states, protected), strict=True))
        return [found[number] for number in range(len(ids))]

    def embed(self, entering: Sequence[Entering]) -> Tensor:
        """The embeddings of texts with length 1, ``(texts, dimension)``, with gradients.

        :param entering: As the method of that name gives it.
        """
        rows: list[Tensor] = []
        order: list[int] = []
        for group in _of_equal_length([len(text.states) for text in entering]):
            hidden, protected = (torch.stack(parts) for parts in zip(*(entering[n] for n in group), strict=True))
            run = self._transformer.run_from(self._first, hidden, self._spec.policy, protected=protected)
            rows.append(read_out(run, self._spec.head))
            order.extend(group)
        back = torch.empty(len(order), dtype=torch.int64)
        back[torch.tensor(order)] = torch.arange(len(order))
        return functional.normalize(torch.cat(rows), dim=-1)[back]

    def weights(self) -> EncoderWeights:
        """All weights as they are now."""
        arrays = {name: tensor.detach().clone().numpy() for name, tensor in self._transformer.state_dict().items()}
        return EncoderWeights(self._weights.config, arrays)


def _of_equal_length(lengths: Sequence[int]) -> list[list[int]]:
    """The numbers of the texts, grouped by length."""
    groups: dict[int, list[int]] = {}
    for number, length in enumerate(lengths):
        groups.setdefault(length, []).append(number)
    return list(groups.values())
