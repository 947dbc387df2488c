"""Shortening a text inside the encoder: our pruning, and what it is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from rasa_token_pruning.encoder.blocks import Layer
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.reduction import gather_tokens, most_important
from rasa_token_pruning.encoder.scores import mean_attention
from rasa_token_pruning.encoder.transformer import Transformer
from rasa_token_pruning.evaluation.layer_loop import Part, Pass, Passed, Tokens
from rasa_token_pruning.evaluation.work import work_left


@dataclass(frozen=True)
class EarlyExit(Pass):
    """Only the first layers.

    :param layers: How many, at least 1.
    """

    layers: int

    def _layers(self, transformer: Transformer) -> Sequence[Layer]:
        return super()._layers(transformer)[: self.layers]


@dataclass(frozen=True)
class RandomCuts(Pass):
    """Where and as many as a policy says, but random tokens: always the same of a text.

    :param policy: Layers, quantile and floor.
    :param seed: Another one takes other tokens, at least 0.
    """

    policy: PruningPolicy
    seed: int = 0

    def _attend(self, layer: Layer, tokens: Tokens, number: int, depth: float) -> list[Tokens]:
        (attended,) = super()._attend(layer, tokens, number, depth)
        length = tokens.positions.shape[1]
        count = self.policy.tokens_kept(length) if number in self.policy.layers else length
        if count == length:
            return [attended]
        scores = np.stack([self._scores(ids) for ids in tokens.ids.numpy()])
        return [attended.keep(most_important(torch.from_numpy(scores).gather(1, tokens.positions), count))]

    def _scores(self, ids: np.ndarray) -> np.ndarray:
        """Random numbers that depend on the text alone, ``(length,)``."""
        return np.random.default_rng((self.seed, crc32(ids.tobytes()))).random(len(ids))


@dataclass(frozen=True)
class Threshold(Pass):
    """Tokens with little mean attention go, from layer 1 on, as in Learned Token Pruning (arXiv 2107.00910).

    The threshold grows linearly with the layer; here it is set, not learned.

    :param threshold: That of the last layer, at least 0. A text's attention sums to 1.
    """

    threshold: float

    def _attend(self, layer: Layer, tokens: Tokens, number: int, depth: float) -> list[Tokens]:
        if number == 0:
            return super()._attend(layer, tokens, number, depth)
        hidden, scores = layer.attend_and_score(tokens.hidden, tokens.attention_bias(), mean_attention)
        attended = replace(tokens, hidden=hidden)
        stays = scores >= self.threshold * depth
        stays[:, 0] = stays[:, -1] = True
        counts = stays.sum(dim=1)
        if int(counts.min()) == stays.shape[1]:
            return [attended]
        same = [(count, (counts == count).nonzero().squeeze(1)) for count in sorted(set(counts.tolist()))]
        return [attended.chosen(rows).keep(most_important(scores[rows], count)) for count, rows in same]


@dataclass(frozen=True)
class Merging(Pass):
    """Tokens of similar keys are merged in every layer, as in ToMe (arXiv 2210.09461).

    Sizes count in attention and in the mean at the end. The special tokens take no part, and the others keep the order
    of the text, where ToMe puts those that were merged into last.

    :param share: The share of a text's tokens that goes in each layer, in ``[0, 1]``, as far as there are pairs. Of
        short texts, too, where it is less than a token: the count is rounded after adding up the layers.
    """

    share: float

    def _attend(self, layer: Layer, tokens: Tokens, number: int, depth: float) -> list[Tokens]:
        length, before = tokens.ids.shape[1], tokens.positions.shape[1]
        # Half of the tokens between the special ones can go; the tiny term undoes binary rounding.
        count = max(length - int(self.share * (number + 1) * length + 1e-9), before - (before - 2) // 2)
        if count >= before:
            return super()._attend(layer, tokens, number, depth)
        # As Layer.attend, which does not give the keys away.
        query, key, value = layer.project(tokens.hidden)
        bias = tokens.attention_bias()
        context = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        attended = replace(tokens, hidden=layer.join_heads(context, tokens.hidden))
        return [merge_pairs(attended, key.mean(dim=1), count)]


@dataclass(frozen=True)
class Pruning(Pass):
    """Ours.

    :param policy: Where and how much is cut.
    :param joined: The layers that join the model's own embedding, see ``readout.joined_layers``.
    """

    policy: PruningPolicy
    joined: tuple[int, ...] = ()

    def run(self, transformer: Transformer, ids: Tensor) -> Passed:
        """See ``Pass``."""
        run = transformer.run(ids, self.policy, self.joined)
        layers = transformer.config.layers
        work = work_left(self.policy, layers, [ids.shape[1]]) * ids.numel() * layers
        return Passed([Part(torch.arange(len(ids)), run, run.kept)], work)


def merge_pairs(tokens: Tokens, keys: Tensor, count: int) -> Tokens:
    """Merge tokens at even places into those at odd places whose keys are most similar (ToMe's bipartite matching).

    :param tokens: At most half of those between the special ones can go.
    :param keys: What similarity is measured on, by cosine, ``(texts, tokens, width)``.
    :param count: How many tokens stay.
    :return: The tokens that stay, each the mean of all that it stands for.
    """
    length, width = tokens.hidden.shape[1:]
    direction = functional.normalize(keys, dim=-1)
    even, odd = direction[:, 2 : length - 1 : 2], direction[:, 1 : length - 1 : 2]
    similarity, nearest = (even @ odd.transpose(1, 2)).max(dim=-1)
    pairs = similarity.sort(dim=1, descending=True, stable=True).indices[:, : length - count]
    goes, target = 2 + 2 * pairs, 1 + 2 * nearest.gather(1, pairs)
    sizes = torch.ones_like(tokens.hidden[..., 0]) if tokens.sizes is None else tokens.sizes
    weighted = tokens.hidden * sizes.unsqueeze(-1)
    sums = weighted.scatter_add(1, target.unsqueeze(-1).expand(-1, -1, width), gather_tokens(weighted, goes))
    sizes = sizes.scatter_add(1, target, sizes.gather(1, goes))
    stays = torch.ones_like(sizes, dtype=torch.bool).scatter(1, goes, False)
    places = stays.nonzero()[:, 1].view(-1, count)
    return replace(tokens, hidden=sums / sizes.unsqueeze(-1), sizes=sizes).keep(places)
