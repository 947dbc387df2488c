"""What a transformer encoder is built of: post-layer-norm blocks as in BERT (arXiv 1810.04805).

Dropout is for training mode alone.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from rasa_token_pruning.encoder.weights import TransformerConfig

DROPOUT = 0.1  # as in BERT's own training


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


class Dropout(nn.Module):
    """Dropout in training mode, by torch's own chance, or by a generator that no other training disturbs."""

    generator: torch.Generator | None = None

    def forward(self, hidden: Tensor) -> Tensor:
        """Any shape to the same shape."""
        if not self.training:
            return hidden
        staying = torch.empty_like(hidden).bernoulli_(1 - DROPOUT, generator=self.generator)
        return hidden * staying / (1 - DROPOUT)


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
        self.dropout = Dropout()

    def attend(self, hidden: Tensor, bias: Tensor | None = None) -> Tensor:
        """The attention half, ``(batch, length, width)`` to the same shape.

        :param bias: What is added to the attention scores, ``(1 or batch, heads, length, length)``, or nothing.
        """
        query, key, value = self.project(hidden)
        return self.join_heads(functional.scaled_dot_product_attention(query, key, value, attn_mask=bias), hidden)

    def attend_and_score(
        self, hidden: Tensor, bias: Tensor | None, score: Callable[[Tensor, Tensor], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """The attention half, and the importance of each token in it, ``(batch, length)``, by one of ``SCORES``."""
        query, key, value = self.project(hidden)
        scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        probabilities = (scores if bias is None else scores + bias).softmax(dim=-1)
        return self.join_heads(probabilities @ value, hidden), score(probabilities, value)

    def feed_forward(self, hidden: Tensor) -> Tensor:
        """The feed-forward half, ``(batch, length, width)`` to the same shape."""
        contracted = self.contract(functional.gelu(self.expand(hidden)))
        changed: Tensor = self.output_norm(hidden + self.dropout(contracted))
        return changed

    def project(self, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value, each ``(batch, heads, length, width / heads)``."""
        batch, length, _ = hidden.shape
        joined = self.query_key_value(hidden).view(batch, length, 3, self.heads, -1)
        query, key, value = joined.permute(2, 0, 3, 1, 4).unbind(0)
        return query, key, value

    def join_heads(self, context: Tensor, hidden: Tensor) -> Tensor:
        """Heads ``(batch, heads, length, width / heads)`` back to ``(batch, length, width)``, with the residual."""
        merged = context.transpose(1, 2).reshape(hidden.shape)
        changed: Tensor = self.attention_norm(hidden + self.dropout(self.attention_output(merged)))
        return changed
