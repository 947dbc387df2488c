"""A loop over an encoder's layers in which texts may be shortened in any way: ids in, last hidden states out.

``transformer.Transformer.run`` knows our own way alone, and keeps batches rectangular; here a batch may fall apart into
groups of equal length.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor

from rasa_token_pruning.encoder.blocks import Layer
from rasa_token_pruning.encoder.reduction import gather_tokens
from rasa_token_pruning.encoder.relative_positions import gather_bias
from rasa_token_pruning.encoder.transformer import Run, Transformer


@dataclass(frozen=True)
class Tokens:
    """Texts with equally many tokens on their way through the layers.

    :param texts: Which texts of the batch they are, ``(texts,)``, int64.
    :param ids: All ids that they came with, ``(texts, length)``.
    :param positions: The positions that are left, ascending, ``(texts, count)``.
    :param hidden: Their states, ``(texts, count, width)``.
    :param bias: What their distance adds to the attention scores, ``(1 or texts, heads, count, count)``, or nothing.
    :param sizes: How many tokens each of them stands for, ``(texts, count)``; nothing if no token was merged.
    """

    texts: Tensor
    ids: Tensor
    positions: Tensor
    hidden: Tensor
    bias: Tensor | None
    sizes: Tensor | None = None

    @property
    def number(self) -> int:
        """How many tokens there are, over all texts."""
        return self.positions.numel()

    def attention_bias(self) -> Tensor | None:
        """What is added to the attention scores: a token that stands for several counts as often."""
        if self.sizes is None:
            return self.bias
        of_size = self.sizes.log()[:, None, None, :]
        return of_size if self.bias is None else self.bias + of_size

    def chosen(self, rows: Tensor) -> Tokens:
        """Only the texts of the given rows, ``(chosen,)``."""
        return replace(
            self,
            texts=self.texts[rows],
            ids=self.ids[rows],
            positions=self.positions[rows],
            hidden=self.hidden[rows],
            bias=self.bias if self.bias is None or len(self.bias) == 1 else self.bias[rows],
            sizes=None if self.sizes is None else self.sizes[rows],
        )

    def keep(self, places: Tensor) -> Tokens:
        """Only the tokens at the given places, ``(texts, kept)``, each in ``[0, count)``, ascending."""
        return replace(
            self,
            positions=self.positions.gather(1, places),
            hidden=gather_tokens(self.hidden, places),
            bias=None if self.bias is None else gather_bias(self.bias, places),
            sizes=None if self.sizes is None else self.sizes.gather(1, places),
        )


@dataclass(frozen=True)
class Part:
    """Some texts of a batch behind the last layer.

    :param texts: Which texts, ``(texts,)``.
    :param run: Their last hidden states.
    :param kept: The positions that stayed, ascending, ``(texts, kept)``.
    """

    texts: Tensor
    run: Run
    kept: Tensor


@dataclass(frozen=True)
class Passed:
    """A batch behind the last layer.

    :param parts: Together all texts.
    :param work: Token-layer products; the layer that shortens counts half before and half after.
    """

    parts: list[Part]
    work: float


class Pass:
    """All layers without shortening; subclasses say what else happens in the attention half of a layer."""

    def run(self, transformer: Transformer, ids: Tensor) -> Passed:
        """Run texts of equal length, ``(batch, length)``, without padding."""
        hidden = transformer.embeddings(ids)
        positions = torch.arange(ids.shape[1]).expand_as(ids)
        # Transformer's own way to the bias, which no other module had to know so far.
        groups = [Tokens(torch.arange(len(ids)), ids, positions, hidden, transformer.distance_bias(hidden))]
        work = 0.0
        for number, layer in enumerate(self._layers(transformer)):
            before = sum(tokens.number for tokens in groups)
            depth = (number + 1) / transformer.config.layers
            groups = [part for tokens in groups for part in self._attend(layer, tokens, number, depth)]
            groups = _of_equal_length(groups)
            groups = [replace(tokens, hidden=layer.feed_forward(tokens.hidden)) for tokens in groups]
            work += (before + sum(tokens.number for tokens in groups)) / 2
        return Passed([Part(tokens.texts, _run(tokens), tokens.positions) for tokens in groups], work)

    def _layers(self, transformer: Transformer) -> Sequence[Layer]:
        return list(cast("Iterable[Layer]", transformer.layers))

    def _attend(self, layer: Layer, tokens: Tokens, number: int, depth: float) -> list[Tokens]:
        """The attention half of a layer, and what it leaves of the tokens.

        :param number: The layer's number, from 0 on.
        :param depth: The share of the layers up to this one, in ``(0, 1]``.
        """
        return [replace(tokens, hidden=layer.attend(tokens.hidden, tokens.attention_bias()))]


def _run(tokens: Tokens) -> Run:
    """What a read-out needs; what became of the tokens that left is nobody's question here."""
    return Run(final=tokens.hidden, sizes=tokens.sizes, joined=())


def _of_equal_length(groups: Sequence[Tokens]) -> list[Tokens]:
    """The same texts in as few groups as possible."""
    by_length: dict[int, list[Tokens]] = {}
    for tokens in groups:
        by_length.setdefault(tokens.positions.shape[1], []).append(tokens)
    return [same[0] if len(same) == 1 else _joined(same) for same in by_length.values()]


def _joined(groups: Sequence[Tokens]) -> Tokens:
    return Tokens(
        texts=torch.cat([tokens.texts for tokens in groups]),
        ids=torch.cat([tokens.ids for tokens in groups]),
        positions=torch.cat([tokens.positions for tokens in groups]),
        hidden=torch.cat([tokens.hidden for tokens in groups]),
        bias=_joined_if_any([tokens.bias for tokens in groups]),
        sizes=_joined_if_any([tokens.sizes for tokens in groups]),
    )


def _joined_if_any(parts: Sequence[Tensor | None]) -> Tensor | None:
    """Of a batch either all groups have one or none has."""
    found = [part for part in parts if part is not None]
    return torch.cat(found) if found else None
