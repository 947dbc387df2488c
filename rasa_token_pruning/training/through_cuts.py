"""Learning from pairs while tokens are cut: what tells intents apart has to be in the tokens that stay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from datasets import DatasetDict
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn
from torch.nn import functional

from rasa_token_pruning.training.confusable import LABEL
from rasa_token_pruning.training.contrastive import examples_of_pairs
from rasa_token_pruning.training.lesson import Lesson
from rasa_token_pruning.training.material import Pairs
from rasa_token_pruning.training.pruned_module import PrunedModule
from rasa_token_pruning.training.stories import some_in_stories

_SCALE = 20.0  # of cosines, as in MultipleNegativesRankingLoss


def lesson_through_cuts(
    model: SentenceTransformer, before: PrunedModule, sets: Mapping[str, Pairs], stories: float, keep: float, seed: int
) -> Lesson:
    """What there is to learn from pairs with cuts, some of whose messages stand in the middle of a story.

    :param model: The encoder that is trained, a ``PrunedModule``.
    :param before: The encoder without cuts, as it is before.
    :param sets: The pairs of each task.
    :param stories: The share of messages that get a story around them, in ``[0, 1]``.
    :param keep: See ``RankedAndKept``.
    :param seed: Another one tells other stories.
    """
    examples, batches = examples_of_pairs(model, sets)
    told = DatasetDict()
    for name, pairs in examples.items():
        in_stories = some_in_stories(pairs["anchor"], stories, seed)
        columns = pairs.rename_column("anchor", "bare").add_column("anchor", in_stories)
        labels = [LABEL] if LABEL in columns.column_names else []
        told[name] = columns.select_columns(["anchor", "positive", "bare", *labels])  # as the loss takes them
    return Lesson(told, RankedAndKept(model, before, keep), batches)


class RankedAndKept(nn.Module):
    """Messages are nearer to their own than to others, and to what the uncut encoder gave for them before.

    The first is the loss of van den Oord et al. 2018 (arXiv 1807.03748) in both directions, the second 1 minus the
    cosine. The embedding to keep for a message in a story is that of the message alone.

    :param model: The encoder that is trained.
    :param before: What says what is to be kept.
    :param keep: What the second counts beside the first, at least 0.
    """

    def __init__(self, model: SentenceTransformer, before: PrunedModule, keep: float) -> None:
        super().__init__()
        self.model, self.before, self.keep = model, before, keep

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Any = None) -> Tensor:
        """The loss of a batch of anchors, positives and bare anchors; intents do not matter here."""
        anchors, positives, bare = sentence_features
        given = [self.model(features)["sentence_embedding"] for features in (anchors, positives)]
        similarities = _SCALE * given[0] @ given[1].T
        own = torch.arange(len(similarities), device=similarities.device)
        ranked = functional.cross_entropy(similarities, own) + functional.cross_entropy(similarities.T, own)
        with torch.no_grad():
            wanted = [self.before(dict(features))["sentence_embedding"] for features in (bare, positives)]
        turned = torch.stack([1 - (one * other).sum(dim=1).mean() for one, other in zip(given, wanted, strict=True)])
        loss: Tensor = ranked / 2 + self.keep * turned.sum()
        return loss
