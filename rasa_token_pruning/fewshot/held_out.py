"""Cross-fitting: what is said about each example by what had not seen it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rasa_token_pruning.fewshot.examples import Examples
from rasa_token_pruning.fewshot.head import prototypes, similarities

# Every head is fitted on 4 of 5 parts of the data; on 1 of 2 where there is enough of it, to save time.
FEW, MANY = 5, 2
_ENOUGH = 5000


class Head(Protocol):
    """What scores intents."""

    def logits(self, embeddings: np.ndarray) -> np.ndarray:
        """Unscaled log-probabilities, ``(messages, intents)``, float64, of embeddings ``(messages, dimension)``."""


# From embeddings, ``(examples, dimension)``, and the number of each one's intent, ascending, ``(examples,)``.
Fit = Callable[[np.ndarray, np.ndarray], Head]


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


def cross_fit(examples: Examples, fit: Fit) -> HeldOut:
    """Hold out every example once, as ``folds`` says.

    :param fit: Fits the heads, of which each has not seen what it is asked about.
    """
    which = folds(examples)
    views = [view(examples, examples.rows, which == fold, fit) for fold in range(which.max() + 1)]
    return joined(views) if views else view(examples, examples.rows, which >= 0, fit)


def view(examples: Examples, rows: np.ndarray, held_out: np.ndarray, fit: Fit) -> HeldOut:
    """Examples as they look to what has learnt from the others.

    :param rows: The embeddings of the examples by an encoder that has not seen those held out, ``(rows, dimension)``.
    :param held_out: Which rows, ``(rows,)``, bool; if there are any, each intent has others.
    :param fit: As in ``cross_fit``.
    """
    numbers, labels = examples.numbers[held_out], examples.labels[held_out]
    if not held_out.any():
        none = np.empty((0, len(examples.intents)))
        return HeldOut(numbers, labels, none, none)
    seen, unseen = rows[~held_out], rows[held_out]
    learnt = examples.labels[~held_out]
    return HeldOut(numbers, labels, fit(seen, learnt).logits(unseen), similarities(unseen, prototypes(seen, learnt)))


def joined(views: Sequence[HeldOut]) -> HeldOut:
    """Views of different examples as one; at least one."""
    parts = zip(*((one.numbers, one.labels, one.logits, one.similarities) for one in views), strict=True)
    return HeldOut(*(np.concatenate(part) for part in parts))


def folds(examples: Examples) -> np.ndarray:
    """The fold of each example, ``(rows,)``, spread evenly within its intent.

    Equal embeddings of an intent, as of "Hi" and "hi" where case does not matter, share a fold: the one would tell what
    the other is. Names of intents are part of every fold's training.

    :return: -1 for names, and for examples without which their intent would have none.
    """
    count = FEW if len(examples.rows) <= _ENOUGH else MANY
    found = np.full(len(examples.rows), -1)
    for label in range(len(examples.intents)):
        own = examples.labels == label
        members = np.flatnonzero(own & ~examples.is_name)
        places = _places(examples.rows[members])
        if places.any() or (own & examples.is_name).any():
            found[members] = (places + label) % count
    return found


def _places(rows: np.ndarray) -> np.ndarray:
    """Rows numbered from 0 in their order, ``(rows,)``; equal ones have one number."""
    seen: dict[bytes, int] = {}
    return np.array([seen.setdefault(row.tobytes(), len(seen)) for row in rows], dtype=int)
