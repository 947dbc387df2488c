"""What makes a token important to the embedding of its text, learnt from embeddings of texts without some of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.pooling import read_out
from rasa_token_pruning.encoder.pruned import batches_of_equal_length
from rasa_token_pruning.encoder.readout import ModelHead
from rasa_token_pruning.encoder.scores import Scorer
from rasa_token_pruning.encoder.tokenization import WordPieces
from rasa_token_pruning.encoder.transformer import Transformer
from rasa_token_pruning.encoder.weights import EncoderWeights
from rasa_token_pruning.training.scorer_fit import fitted

# How much is cut at random: more than a preset does, so that it shows what must not go.
QUANTILE, FLOOR = 0.7, 6
_CUTS = 24  # of each text
_BATCH = 16  # texts


class Told(NamedTuple):
    """A message and the request in it, whose embedding it should have: itself, where there is nothing around it."""

    text: WordPieces
    meant: WordPieces


class _CutAtRandom(Transformer):
    """Cuts tokens whatever they are."""

    def attend_and_score(
        self, number: int, hidden: Tensor, bias: Tensor | None, policy: PruningPolicy
    ) -> tuple[Tensor, Tensor]:
        attended, scores = super().attend_and_score(number, hidden, bias, policy)
        return attended, torch.rand_like(scores)


def learnt_scorer(
    weights: EncoderWeights, head: ModelHead, told: Sequence[Told], layer: int, seed: int
) -> tuple[Scorer, float]:
    """What says from a layer's states which tokens an embedding needs.

    Of each text many random sets of tokens are dropped in the layer. A token's importance is by how much less the
    embedding turns away from the unpruned one of what is meant with it than without it, on average over the sets (its
    Banzhaf value, see Wang and Jia 2023, arXiv 2205.15466), in standard deviations within its text. A small
    network learns to predict it from the token's state behind the layer's attention.

    :param weights: The encoder.
    :param head: From its last hidden states to its embedding.
    :param told: Texts of which a cut takes fewer than two tokens are left out.
    :param layer: From 0 on.
    :param seed: Another one drops others.
    :return: The network, and the correlation of what it predicts with the importance in batches of texts of which one
        like it has not learnt; a request of theirs may stand alone, or in another story, in those of which it has.
    :raises ValueError: If fewer than 8 texts are long enough.
    """
    policy = PruningPolicy((layer,), QUANTILE, FLOOR)
    enough = [one for one in told if policy.tokens_kept(len(one.text.ids)) < len(one.text.ids) - 1]
    if len(enough) < 8:
        raise ValueError(f"fewer than 8 texts have more than {FLOOR + 2} word pieces")
    torch.manual_seed(seed)
    transformer = cast("_CutAtRandom", _CutAtRandom.from_weights(weights))
    meant = _embedded(transformer, head, [one.meant for one in enough], policy.without_cuts())
    batches = list(batches_of_equal_length([one.text for one in enough], _BATCH))
    found = [
        _importance(transformer, head, torch.from_numpy(ids), meant[rows], policy)
        for rows, ids in tqdm(batches, f"Learning scores in layer {layer}", unit="batch")
    ]
    unseen, seen = found[::8], [one for place, one in enumerate(found) if place % 8]
    trial = fitted(*map(torch.cat, zip(*seen or found, strict=True)))
    states, importance = map(torch.cat, zip(*unseen, strict=True))
    correlation = float(torch.corrcoef(torch.stack([trial.worth(states), importance]))[0, 1])
    return fitted(*map(torch.cat, zip(*found, strict=True))), correlation


@torch.inference_mode()
def _embedded(transformer: Transformer, head: ModelHead, texts: Sequence[WordPieces], policy: PruningPolicy) -> Tensor:
    """The embeddings, of unit length, ``(texts, width)``."""
    found: dict[int, Tensor] = {}
    for rows, ids in batches_of_equal_length(texts):
        embeddings = read_out(transformer.run(torch.from_numpy(ids), policy), head)
        found.update(zip(rows, functional.normalize(embeddings, dim=-1), strict=True))
    return torch.stack([found[row] for row in range(len(texts))])


@torch.inference_mode()
def _importance(
    transformer: _CutAtRandom, head: ModelHead, ids: Tensor, meant: Tensor, policy: PruningPolicy
) -> tuple[Tensor, Tensor]:
    """The states of all tokens but the special ones, ``(tokens, width)``, and their importance, ``(tokens,)``.

    :param ids: ``(texts, length)``.
    :param meant: What the embeddings should be, of unit length, ``(texts, width)``.
    """
    (layer,) = policy.layers
    below = transformer.run_until(layer, ids)
    run = transformer.run_from(layer, below.repeat_interleave(_CUTS, dim=0), policy)
    cut = functional.normalize(read_out(run, head), dim=-1)
    turned = 1 - (cut * meant.repeat_interleave(_CUTS, dim=0)).sum(dim=-1)
    kept = torch.zeros(len(turned), ids.shape[1]).scatter(1, run.kept, 1.0).view(len(ids), _CUTS, -1)
    turned = turned.view(len(ids), _CUTS, 1)
    less = _mean(turned, 1 - kept) - _mean(turned, kept)
    inner = less[:, 1:-1]
    spread = inner.std(dim=1, keepdim=True).clamp(min=1e-6)
    importance = (inner - inner.mean(dim=1, keepdim=True)) / spread
    states = run.cuts[0].before[::_CUTS, 1:-1]
    return states.reshape(-1, states.shape[-1]), importance.reshape(-1)


def _mean(turned: Tensor, where: Tensor) -> Tensor:
    """For each token the mean over the cuts in which it was kept, or was not, ``(texts, length)``."""
    return (turned * where).sum(dim=1) / where.sum(dim=1).clamp(min=1)
