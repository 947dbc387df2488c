"""A head that is fitted in one step: for answers, of which there may be hundreds with a question or two each."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from threadpoolctl import threadpool_limits

from rasa_token_pruning.fewshot.calibration import fit_temperature, probabilities
from rasa_token_pruning.fewshot.classifier import FewShotClassifier
from rasa_token_pruning.fewshot.examples import Examples
from rasa_token_pruning.fewshot.head import LinearHead, normalized
from rasa_token_pruning.fewshot.held_out import HeldOut, folds, joined
from rasa_token_pruning.fewshot.scope import Scope, evenly_chosen

# How much of the identity is added to the scatter within labels. This and the scale were chosen on the validation
# splits of banking77, clinc150 and hwu64, with 1 to 20 examples of a label; half or twice as much is as good.
_RIDGE = 0.005

# With this a temperature of 1, which is what there is where nothing can be held out, suits labels of one example each,
# be they 2 or 150.
_SCALE = 1.1

# Shorter directions point where rounding points them.
_LEAST = 1e-6


def learn_discriminant(examples: Examples, held_out: HeldOut) -> FewShotClassifier:
    """A classifier with this head. Where some labels have more examples than others, it beats logistic regression.

    :param held_out: From ``cross_fit``.
    """
    temperature = fit_temperature(held_out.logits, held_out.labels)
    calibrated = probabilities(held_out.logits, temperature)
    return FewShotClassifier(
        intents=examples.intents,
        out_of_scope=None,
        head=fit_discriminant(examples.rows, examples.labels),
        prototypes=_unit(_means(_unit(examples.rows), examples.labels)),
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
        head=LinearHead(nothing, nothing[:, 0]),
        prototypes=nothing,
        temperature=1.0,
        scope=Scope.fit(unseen, unseen),
        true_probabilities=evenly_chosen(unseen[:, 0]),
    )


def fit_discriminant(embeddings: np.ndarray, labels: np.ndarray) -> LinearHead:
    """Fit a head. The same input gives the same head to the bit.

    Fisher's linear discriminant on L2-normalised embeddings, regularised, but for the lengths of the labels' means:
    where the scatter within labels is round, all are made equal. The mean of a label with one example, which averages
    nothing away, would be longer than the others, and labels may have different numbers of examples.

    :param embeddings: ``(examples, dimension)``.
    :param labels: The number of each example's label, ``(examples,)``, ascending; every number from 0 to the largest
        occurs, and there are at least two.
    """
    with threadpool_limits(1):  # more threads would change last bits
        return _fitted(_unit(embeddings), labels)


def cross_fit(examples: Examples) -> HeldOut:
    """As ``held_out.cross_fit``, with this head."""
    which = folds(examples.labels, examples.is_name)
    rows = _unit(examples.rows)
    with threadpool_limits(1):
        return joined([_view(examples, rows, which == fold) for fold in range(max(1, which.max() + 1))])


def _view(examples: Examples, rows: np.ndarray, held_out: np.ndarray) -> HeldOut:
    """Examples as they look to what has learnt from the others; see ``held_out.view``."""
    seen, unseen, learnt = rows[~held_out], rows[held_out], examples.labels[~held_out]
    head = _fitted(seen, learnt)
    logits = (unseen @ head.weights.T + head.bias).astype(np.float64)
    similarities = (unseen @ _unit(_means(seen, learnt)).T).astype(np.float64)
    return HeldOut(examples.numbers[held_out], examples.labels[held_out], logits, similarities)


def _fitted(rows: np.ndarray, labels: np.ndarray) -> LinearHead:
    """As ``fit_discriminant``, for rows of length 1, float32, in which it calculates."""
    means, centre = _means(rows, labels), rows.mean(axis=0)
    within = rows - means[labels]
    scatter = within.T @ within / max(1, len(rows) - len(means))
    scatter[np.diag_indices_from(scatter)] += _RIDGE
    offsets = means - centre
    weights = cho_solve(cho_factor(scatter), offsets.T).T
    lengths = np.sqrt((weights * offsets).sum(axis=1, keepdims=True))
    weights = np.ascontiguousarray(weights * (_SCALE / np.where(lengths > _LEAST, lengths, 1)), dtype=np.float32)
    return LinearHead(weights, -weights @ centre)


def _means(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean of each label's rows, ``(labels, dimension)``, float32."""
    starts = np.flatnonzero(np.diff(labels, prepend=-1))
    means: np.ndarray = np.add.reduceat(rows, starts) / np.diff(starts, append=len(labels))[:, None].astype(np.float32)
    return means


def _unit(embeddings: np.ndarray) -> np.ndarray:
    """Rows of length 1, float32; see ``head.normalized``."""
    return normalized(embeddings).astype(np.float32)
