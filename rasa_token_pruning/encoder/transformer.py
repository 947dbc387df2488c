"""A transformer encoder in neutral terms, which can be shortened inside a layer.

Post-layer-norm blocks as in BERT (arXiv 1810.04805), without dropout and without padding: every text of a batch
has the same length. Attention probabilities are computed only where a cut needs them; elsewhere the fused kernel runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.reduction import gather_tokens, most_important, scatter_tokens
from rasa_token_pruning.encoder.relative_positions import distance_buckets, gather_bias
from rasa_token_pruning.encoder.scores import mean_attention


@dataclass(frozen=True)
class TransformerConfig:
    """The shape of an encoder: sizes in numbers of units.

    ``relative_buckets`` is 0 for encoders whose attention does not depend on the distance of tokens.
    """

    vocabulary_size: int
    max_positions: int
    width: int
    layers: int
    heads: int
    feed_forward_width: int
    layer_norm_epsilon: float
    relative_buckets: int = 0


@dataclass(frozen=True)
class Run:
    """What one pass over a batch of texts of equal length gives.

    :param final: Last hidden states of the tokens that stayed, ``(batch, kept, width)``.
    :param at_cut: Hidden states of all tokens that enter the first cut layer, ``(batch, length, width)``;
        the last hidden states if the policy names no layer.
    :param reached: For every token the last state that it reached, ``(batch, length, width)``: its last hidden state
        if it stayed, else the state in which it was dropped.
    :param kept: The positions that stayed, ascending, ``(batch, kept)``.
    """

    final: Tensor
    at_cut: Tensor
    reached: Tensor
    kept: Tensor


class Embeddings(nn.Module):
    """Word plus position embeddings, normalised; the embedding of token type 0 is folded into the positions."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.words = nn.Embedding(config.vocabulary_size, config.width)
        self.positions = nn.Embedding(config.max_positions, config.width)
        self.norm = nn.LayerNorm(config.width, eps=config.layer_norm_epsilon)

    def forward(self, ids: Tensor) -> Tensor:
        """Token ids ``(batch, length)`` to hidden states ``(batch, length, width)``."""
        hidden: Tensor = self.norm(self.words(ids) + self.positions.weight[: ids.shape[1]])
        return hidden


class Layer(nn.Module):
    """One block in two halves, so that tokens can leave between them."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.query_key_value = nn.Linear(config.width, 3 * config.width)
        self.attention_output = nn.Linear(config.width, config.width)
        self.attention_norm = nn.LayerNorm(config.width, eps=config.layer_norm_epsilon)
        self.expand = nn.Linear(config.width, config.feed_forward_width)
        self.contract = nn.Linear(config.feed_forward_width, config.width)
        self.output_norm = nn.LayerNorm(config.width, eps=config.layer_norm_epsilon)

    def attend(self, hidden: Tensor, bias: Tensor | None = None) -> Tensor:
        """The attention half, ``(batch, length, width)`` to the same shape.

        :param bias: What is added to the attention scores, ``(1 or batch, heads, length, length)``, or nothing.
        """
        query, key, value = self._project(hidden)
        return self._join(functional.scaled_dot_product_attention(query, key, value, attn_mask=bias), hidden)

    def attend_and_score(self, hidden: Tensor, bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The attention half, and the importance of each token in it, ``(batch, length)``."""
        query, key, value = self._project(hidden)
        scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        probabilities = (scores if bias is None else scores + bias).softmax(dim=-1)
        return self._join(probabilities @ value, hidden), mean_attention(probabilities)

    def feed_forward(self, hidden: Tensor) -> Tensor:
        """The feed-forward half, ``(batch, length, width)`` to the same shape."""
        changed: Tensor = self.output_norm(hidden + self.contract(functional.gelu(self.expand(hidden))))
        return changed

    def _project(self, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value, each ``(batch, heads, length, width / heads)``."""
        batch, length, _ = hidden.shape
        joined = self.query_key_value(hidden).view(batch, length, 3, self.heads, -1)
        query, key, value = joined.permute(2, 0, 3, 1, 4).unbind(0)
        return query, key, value

    def _join(self, context: Tensor, hidden: Tensor) -> Tensor:
        """Heads ``(batch, heads, length, width / heads)`` back to ``(batch, length, width)``, with the residual."""
        merged = context.transpose(1, 2).reshape(hidden.shape)
        changed: Tensor = self.attention_norm(hidden + self.attention_output(merged))
        return changed


class Transformer(nn.Module):
    """Embeddings and layers; ``run`` applies a pruning policy on the way."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        buckets = config.relative_buckets
        self.relative_bias = nn.Embedding(buckets, config.heads) if buckets else None

    def _bias(self, length: int) -> Tensor | None:
        """What the distance of tokens adds to the attention scores, ``(1, heads, length, length)``."""
        if self.relative_bias is None:
            return None
        bias: Tensor = self.relative_bias(distance_buckets(length, self.config.relative_buckets))
        return bias.permute(2, 0, 1).unsqueeze(0)

    @torch.inference_mode()
    def run(self, ids: Tensor, policy: PruningPolicy) -> Run:
        """Run all layers over texts of equal length and drop tokens where the policy says so.

        :param ids: Token ids with special tokens at both ends, ``(batch, length)``, int64, without padding.
        :param policy: Which layers cut, and how much; layers that the encoder lacks are an error of the caller.
        :return: Hidden states and kept positions.
        """
        hidden, bias = self.embeddings(ids), self._bias(ids.shape[1])
        kept = torch.arange(ids.shape[1]).expand(ids.shape)
        at_cut: Tensor | None = None
        reached: Tensor | None = None
        for number, layer in enumerate(cast("Iterable[Layer]", self.layers)):
            cuts_here = number in policy.layers
            if cuts_here and at_cut is None:
                at_cut = hidden
            length = hidden.shape[1]
            count = policy.tokens_kept(length) if cuts_here else length
            if count == length:
                hidden = layer.attend(hidden, bias)
            else:
                hidden, scores = layer.attend_and_score(hidden, bias)
                reached = hidden if reached is None else scatter_tokens(reached, kept, hidden)
                positions = most_important(scores, count)
                hidden, kept = gather_tokens(hidden, positions), kept.gather(1, positions)
                bias = None if bias is None else gather_bias(bias, positions)
            hidden = layer.feed_forward(hidden)
        reached = hidden if reached is None else scatter_tokens(reached, kept, hidden)
        return Run(final=hidden, at_cut=hidden if at_cut is None else at_cut, reached=reached, kept=kept)
