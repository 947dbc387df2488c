"""FewShotIntentClassifier's head: logistic regression, a little of a discriminant, and the nearest example."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rasa_token_pruning.fewshot.discriminant import fit_discriminant
from rasa_token_pruning.fewshot.head import LinearHead, fit_head
from rasa_token_pruning.fewshot.memory import Memory

# How much they count beside logistic regression. Chosen on validation splits (docs/tried.md); from 2 to 6 for
# the nearest example, and from 0.2 to 0.5 for the discriminant, nothing changes that is sure.
NEAREST, DISCRIMINANT = 4.0, 0.2


@dataclass(frozen=True, eq=False)
class Mixture:
    """Scores for each intent.

    :param linear: What is linear in the embedding.
    :param memory: The examples to be near to.
    """

    linear: LinearHead
    memory: Memory

    def logits(self, embeddings: np.ndarray) -> np.ndarray:
        """Unscaled log-probabilities.

        :param embeddings: ``(messages, dimension)``.
        :return: ``(messages, intents)``, float64.
        """
        scores: np.ndarray = self.linear.logits(embeddings) + NEAREST * self.memory.nearest(embeddings)
        return scores


def fit_mixture(embeddings: np.ndarray, labels: np.ndarray, strength: float) -> Mixture:
    """Fit a head. The same input gives the same head to the bit.

    Logistic regression draws one line between two intents; the discriminant knows along which directions examples of
    one intent differ, whichever it is; and the nearest example knows of intents that are said in several ways.

    :param embeddings: ``(examples, dimension)``.
    :param labels: The number of each example's intent, ``(examples,)``, ascending; every number from 0 to the largest
        occurs, and there are at least two.
    :param strength: As in ``head.fit_head``.
    """
    line, discriminant = fit_head(embeddings, labels, strength), fit_discriminant(embeddings, labels)
    weights = line.weights + np.float32(DISCRIMINANT) * discriminant.weights
    bias = line.bias + np.float32(DISCRIMINANT) * discriminant.bias
    return Mixture(LinearHead(weights, bias), Memory.of(embeddings, labels))
