"""Learning from pairs: texts that mean the same come near each other, those of other intents go away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from datasets import Dataset, DatasetDict
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from rasa_token_pruning.training.confusable import LABEL, ConfusableBatches
from rasa_token_pruning.training.lesson import Lesson
from rasa_token_pruning.training.material import Pairs

_ALIKE = 64  # similar intents that are known of each


def lesson_of_pairs(model: SentenceTransformer, sets: Mapping[str, Pairs]) -> Lesson:
    """What there is to learn from pairs.

    The loss is that of van den Oord et al. 2018 (arXiv 1807.03748) over cosines.

    :param model: The encoder as it is before. By it intents are found that are alike.
    :param sets: The pairs of each task.
    """
    examples, batches = examples_of_pairs(model, sets)
    return Lesson(examples, MultipleNegativesRankingLoss(model), batches)


def examples_of_pairs(
    model: SentenceTransformer, sets: Mapping[str, Pairs]
) -> tuple[DatasetDict, Callable[..., ConfusableBatches]]:
    """Pairs with the columns ``anchor`` and ``positive``, and what makes batches of them, each of one task.

    :param model: By it intents are found that are alike.
    :param sets: The pairs of each task.
    """
    examples, alike = DatasetDict(), list[list[int]]()
    # Once, though messages stand in two sets: with another of their intent, and with its name.
    anchors = list(dict.fromkeys(text for pairs in sets.values() if pairs.intents for text in pairs.anchors))
    embeddings = dict(zip(anchors, model.encode(anchors, show_progress_bar=False), strict=True))
    for name, pairs in sets.items():
        columns: dict[str, Any] = {"anchor": pairs.anchors, "positive": pairs.positives}
        if pairs.intents is not None:
            known = sorted(set(pairs.intents))
            numbers = {intent: len(alike) + number for number, intent in enumerate(known)}
            columns[LABEL] = [numbers[intent] for intent in pairs.intents]
            first = len(alike)
            alike += [[first + other for other in others] for others in _alike(embeddings, pairs, known)]
        examples[name] = Dataset.from_dict(columns)
    return examples, partial(ConfusableBatches, alike=alike)


def _alike(embeddings: Mapping[str, np.ndarray], pairs: Pairs, known: list[str]) -> list[list[int]]:
    """For each intent the numbers of those whose mean embeddings are most similar to its own, most similar first."""
    rows = np.stack([embeddings[anchor] for anchor in pairs.anchors])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    intents = np.array(pairs.intents)
    means = np.stack([rows[intents == intent].mean(axis=0) for intent in known])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    similarities = means @ means.T
    np.fill_diagonal(similarities, -np.inf)
    return [[int(other) for other in order[: min(_ALIKE, len(known) - 1)]] for order in np.argsort(-similarities)]
