"""A transformer encoder in neutral terms, which can be shortened inside a layer.

Without padding: every text of a batch has the same length. Attention probabilities are computed only where a cut needs
them; elsewhere the fused kernel runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from rasa_token_pruning.encoder.blocks import Embeddings, Layer
from rasa_token_pruning.encoder.policy import LEARNT, PruningPolicy
from rasa_token_pruning.encoder.reduction import gather_tokens, merge_tokens, most_important, scatter_tokens
from rasa_token_pruning.encoder.relative_positions import distance_buckets, gather_bias
from rasa_token_pruning.encoder.scores import SCORES, Scorer
from rasa_token_pruning.encoder.weights import EncoderWeights, TransformerConfig, scored_layers


@dataclass(frozen=True)
class LayerCut:
    """What a cut did to a batch of texts of equal length.

    :param layer: The layer inside which it was made, from 0 on.
    :param before: The states of the tokens that it was offered, ``(batch, offered, width)``.
    :param importance: Their importance, ``(batch, offered)``.
    :param chosen: Which of them stayed, ascending, ``(batch, kept)``.
    :param targets: For each of them which of those that stayed it is part of from then on, ``(batch, offered)``;
        nothing if what goes is dropped.
    """

    layer: int
    before: Tensor
    importance: Tensor
    chosen: Tensor
    targets: Tensor | None


@dataclass(frozen=True)
class Run:
    """What one pass over a batch of texts of equal length gives.

    :param final: Last hidden states of the tokens that stayed, ``(batch, kept, width)``.
    :param sizes: How many tokens each of them stands for, ``(batch, kept)``; nothing if no token was merged.
    :param joined: For each layer that the caller named, the mean of the states that enter it, ``(batch, width)``.
    :param cuts: The cuts at which a token went, in their order.
    """

    final: Tensor
    sizes: Tensor | None
    joined: tuple[Tensor, ...]
    cuts: tuple[LayerCut, ...] = ()

    @property
    def kept(self) -> Tensor:
        """The positions that stayed, ascending, ``(batch, kept)``."""
        offered = self.cuts[0].importance if self.cuts else self.final[..., 0]
        kept = torch.arange(offered.shape[1], device=offered.device).expand_as(offered)
        for cut in self.cuts:
            kept = kept.gather(1, cut.chosen)
        return kept

    @property
    def reached(self) -> Tensor:
        """For every token the last state that it reached, ``(batch, length, width)``: its last hidden state if it
        stayed, else the state in which it went.
        """
        states = self.final
        for cut in reversed(self.cuts):
            states = scatter_tokens(cut.before, cut.chosen, states)
        return states


class Transformer(nn.Module):
    """Embeddings and layers; ``run`` applies a pruning policy on the way."""

    def __init__(self, config: TransformerConfig, scored: Sequence[int] = ()) -> None:
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        buckets = config.relative_buckets
        self.relative_bias = nn.Embedding(buckets, config.heads) if buckets else None
        self.scorers = nn.ModuleDict({str(number): Scorer(config.width) for number in scored})

    @classmethod
    def from_weights(cls, weights: EncoderWeights) -> Transformer:
        """A transformer that shares its memory with the given arrays, ready to run."""
        with torch.device("meta"):
            transformer = cls(weights.config, scored_layers(weights.arrays))
        arrays = {name: torch.from_numpy(array) for name, array in weights.arrays.items()}
        transformer.load_state_dict(arrays, assign=True)
        return transformer.eval().requires_grad_(False)

    @torch.inference_mode()
    def run(self, ids: Tensor, policy: PruningPolicy, joined: Sequence[int] = (), protected: Sequence[int] = ()) -> Run:
        """Run all layers over texts of equal length and drop or merge tokens where the policy says so.

        :param ids: Token ids with special tokens at both ends, ``(batch, length)``, int64, without padding.
        :param policy: Which layers cut, and how much; layers that the encoder lacks are an error of the caller.
        :param joined: Layers, from 0 on, of which the mean of what enters them is wanted.
        :param protected: The ids of the tokens that stay as long as as many do.
        :return: Hidden states and kept positions.
        """
        staying = among(ids, protected) if protected else None  # with none, a cut has less to do
        return self.run_from(0, self.embeddings(ids), policy, joined, staying)

    def run_from(
        self,
        first: int,
        hidden: Tensor,
        policy: PruningPolicy,
        joined: Sequence[int] = (),
        protected: Tensor | None = None,
    ) -> Run:
        """Run the layers from one on, such that gradients can be had; else as ``run``.

        :param first: The first layer to run. Neither the policy nor ``joined`` names an earlier one.
        :param hidden: What enters it, ``(batch, length, width)``.
        :param protected: Which tokens stay as long as as many do, ``(batch, length)``, bool; None for none.
        """
        tokens = _Tokens(hidden, self.distance_bias(hidden), protected)
        means: dict[int, Tensor] = {}
        cuts: list[LayerCut] = []
        for number, layer in list(enumerate(cast("Iterable[Layer]", self.layers)))[first:]:
            if number in joined:
                means[number] = mean_of_tokens(tokens.hidden, tokens.sizes)
            length = tokens.hidden.shape[1]
            count = policy.tokens_kept(length) if number in policy.layers else length
            if count == length:
                tokens.hidden = layer.attend(tokens.hidden, tokens.attention_bias())
            else:
                before, scores = self.attend_and_score(number, tokens.hidden, tokens.attention_bias(), policy)
                chosen = most_important(scores.detach(), count, tokens.protected)
                targets = tokens.keep(before, chosen, merge=policy.reduction == "merge")
                cuts.append(LayerCut(number, before, scores.detach(), chosen, targets))
            tokens.hidden = layer.feed_forward(tokens.hidden)
        return Run(
            final=tokens.hidden,
            sizes=tokens.sizes,
            joined=tuple(means[number] for number in joined),
            cuts=tuple(cuts),
        )

    def attend_and_score(
        self, number: int, hidden: Tensor, bias: Tensor | None, policy: PruningPolicy
    ) -> tuple[Tensor, Tensor]:
        """The attention half of a layer that cuts, and the importance of each token, ``(batch, length)``."""
        layer = cast("Layer", self.layers[number])
        if policy.score != LEARNT:
            return layer.attend_and_score(hidden, bias, SCORES[policy.score])
        attended = layer.attend(hidden, bias)
        return attended, cast("Scorer", self.scorers[str(number)])(attended)

    @torch.inference_mode()
    def run_until(self, last: int, ids: Tensor) -> Tensor:
        """What enters a layer if nothing is cut before it, ``(batch, length, width)``: for ``run_from``."""
        hidden: Tensor = self.embeddings(ids)
        for layer in list(cast("Iterable[Layer]", self.layers))[:last]:
            hidden = layer.feed_forward(layer.attend(hidden, self.distance_bias(hidden)))
        return hidden

    def distance_bias(self, hidden: Tensor) -> Tensor | None:
        """What the distance of tokens adds to the attention scores, ``(1, heads, length, length)``."""
        if self.relative_bias is None:
            return None
        buckets = torch.from_numpy(distance_buckets(hidden.shape[1], self.config.relative_buckets)).to(hidden.device)
        bias: Tensor = self.relative_bias(buckets)
        return bias.permute(2, 0, 1).unsqueeze(0)


class _Tokens:
    """The tokens of a batch on their way through the layers."""

    def __init__(self, hidden: Tensor, relative_bias: Tensor | None, protected: Tensor | None = None) -> None:
        self.hidden = hidden
        self.sizes: Tensor | None = None
        self.protected = protected
        self._relative_bias = relative_bias

    def attention_bias(self) -> Tensor | None:
        """What is added to the attention scores: a token that stands for several counts as often."""
        if self.sizes is None:
            return self._relative_bias
        of_size = self.sizes.log()[:, None, None, :]
        return of_size if self._relative_bias is None else self._relative_bias + of_size

    def keep(self, before: Tensor, positions: Tensor, merge: bool) -> Tensor | None:
        """Only the given positions, ``(batch, count)``, stay, of states ``(batch, length, width)``.

        :return: If the others are merged, for each token which of those that stay it is part of, ``(batch, length)``.
        """
        targets = None
        if merge:
            sizes = torch.ones_like(before[..., 0]) if self.sizes is None else self.sizes
            self.hidden, self.sizes, targets = merge_tokens(before, sizes, positions)
        else:
            self.hidden = gather_tokens(before, positions)
        if self.protected is not None:
            self.protected = self.protected.gather(1, positions)
        if self._relative_bias is not None:
            self._relative_bias = gather_bias(self._relative_bias, positions)
        return targets


def among(ids: Tensor, wanted: Sequence[int]) -> Tensor:
    """Which of the token ids ``(batch, length)`` are among those wanted, bool."""
    return torch.isin(ids, torch.tensor(wanted, dtype=ids.dtype, device=ids.device))


def mean_of_tokens(hidden: Tensor, sizes: Tensor | None) -> Tensor:
    """The mean over tokens, ``(batch, length, width)`` to ``(batch, width)``, each counted by its size."""
    if sizes is None:
        return hidden.mean(dim=1)
    return (hidden * sizes.unsqueeze(-1)).sum(dim=1) / sizes.sum(dim=1, keepdim=True)
