"""Cross-fitting: what is said about each example by what had not seen it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rasa_token_pruning.fewshot.examples import Examples
from rasa_token_pruning.fewshot.head import prototypes, similarities
from rasa_token_pruning.fewshot.mixture import fit_mixture

# Every head is fitted on 4 of 5 parts of the data; on 1 of 2 where there is enough of it, to save time.
FEW, MANY = 5, 2
_ENOUGH = 5000


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Examples as they look to a head and to prototypes that had not seen them.

    :param numbers: Which examples, ``(held out,)``, as in ``Examples.numbers``.
    :param labels: The number of each one's intent, ``(held out,)``.
    :param logits: ``(held out, intents)``.
    :param similarities: The cosine to the prototype of each intent, ``(held out, intents)``.
    """

    numbers: np.ndarray
    labels: np.ndarray
    logits: np.ndarray
    similarities: np.ndarray


def cross_fit(examples: Examples, strength: float) -> HeldOut:
    """Hold out every example once; not those that are the only one of an intent whose name is no example.

    Names of intents are part of every fold's training and never held out.

    :param strength: As in ``head.fit_head``.
    """
    which = folds(examples.labels, examples.is_name)
    views = [view(examples, examples.rows, which == fold, strength) for fold in range(which.max() + 1)]
    return joined(views) if views else view(examples, examples.rows, which >= 0, strength)


def view(examples: Examples, rows: np.ndarray, held_out: np.ndarray, strength: float) -> HeldOut:
    """Examples as they look to what has learnt from the others.

    :param rows: The embeddings of the examples by an encoder that has not seen those held out, ``(rows, dimension)``.
    :param held_out: Which rows, ``(rows,)``, bool; if there are any, each intent has others.
    :param strength: As in ``head.fit_head``.
    """
    numbers, labels = examples.numbers[held_out], examples.labels[held_out]
    if not held_out.any():
        none = np.empty((0, len(examples.intents)))
        return HeldOut(numbers, labels, none, none)
    seen, unseen = rows[~held_out], rows[held_out]
    learnt = examples.labels[~held_out]
    logits = fit_mixture(seen, learnt, strength).logits(unseen)
    return HeldOut(numbers, labels, logits, similarities(unseen, prototypes(seen, learnt)))


def joined(views: Sequence[HeldOut]) -> HeldOut:
    """Views of different examples as one; at least one."""
    parts = zip(*((one.numbers, one.labels, one.logits, one.similarities) for one in views), strict=True)
    return HeldOut(*(np.concatenate(part) for part in parts))


def folds(labels: np.ndarray, always: np.ndarray) -> np.ndarray:
    """The fold of each example, ``(examples,)``, spread evenly within its intent.

    :param labels: The number of each example's intent, ``(examples,)``.
    :param always: Which examples are part of every fold's training, ``(examples,)``, bool.
    :return: -1 for those, and for an example without which its intent would have none.
    """
    count = FEW if len(labels) <= _ENOUGH else MANY
    found = np.full(len(labels), -1)
    for label in np.unique(labels):
        members = np.flatnonzero((labels == label) & ~always)
        if len(members) > 1 or (always & (labels == label)).any():
            found[members] = (np.arange(len(members)) + label) % count
    return found
