"""A classifier of answers, of which there may be hundreds with a question or two each: by a discriminant alone."""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_limits

from rasa_token_pruning.fewshot.calibration import fit_temperature, probabilities
from rasa_token_pruning.fewshot.classifier import FewShotClassifier
from rasa_token_pruning.fewshot.discriminant import fit_discriminant, fitted, means_of, unit_rows
from rasa_token_pruning.fewshot.examples import Examples
from rasa_token_pruning.fewshot.head import LinearHead
from rasa_token_pruning.fewshot.held_out import HeldOut, folds, joined
from rasa_token_pruning.fewshot.memory import Memory
from rasa_token_pruning.fewshot.mixture import Mixture
from rasa_token_pruning.fewshot.scope import Scope, evenly_chosen


def learn_discriminant(examples: Examples, held_out: HeldOut) -> FewShotClassifier:
    """A classifier with a discriminant alone: better than others where labels have few examples, or uneven ones.

    :param held_out: From ``cross_fit``.
    """
    temperature = fit_temperature(held_out.logits, held_out.labels)
    calibrated = probabilities(held_out.logits, temperature)
    return FewShotClassifier(
        intents=examples.intents,
        out_of_scope=None,
        head=Mixture(
            fit_discriminant(examples.rows, examples.labels),
            Memory.empty(len(examples.intents), examples.rows.shape[1]),
        ),
        prototypes=unit_rows(means_of(unit_rows(examples.rows), examples.labels)),
        temperature=temperature,
        scope=Scope.fit(held_out.logits, held_out.similarities),
        true_probabilities=evenly_chosen(calibrated[np.arange(len(calibrated)), held_out.labels]),
    )


def only(label: str, dimension: int) -> FewShotClassifier:
    """A classifier that knows a single label and is certain of it.

    :param dimension: The width of the embeddings.
    """
    nothing = np.zeros((1, dimension), dtype=np.float32)
    unseen = np.empty((0, 1))
    return FewShotClassifier(
        intents=(label,),
        out_of_scope=None,
        head=Mixture(LinearHead(nothing, nothing[:, 0]), Memory.empty(1, dimension)),
        prototypes=nothing,
        temperature=1.0,
        scope=Scope.fit(unseen, unseen),
        true_probabilities=evenly_chosen(unseen[:, 0]),
    )


def cross_fit(examples: Examples) -> HeldOut:
    """As ``held_out.cross_fit``, with this head."""
    which = folds(examples.labels, examples.is_name)
    rows = unit_rows(examples.rows)
    with threadpool_limits(1):
        return joined([_view(examples, rows, which == fold) for fold in range(max(1, which.max() + 1))])


def _view(examples: Examples, rows: np.ndarray, held_out: np.ndarray) -> HeldOut:
    """Examples as they look to what has learnt from the others; see ``held_out.view``."""
    seen, unseen, learnt = rows[~held_out], rows[held_out], examples.labels[~held_out]
    head = fitted(seen, learnt)
    logits = (unseen @ head.weights.T + head.bias).astype(np.float64)
    similarities = (unseen @ unit_rows(means_of(seen, learnt)).T).astype(np.float64)
    return HeldOut(examples.numbers[held_out], examples.labels[held_out], logits, similarities)
