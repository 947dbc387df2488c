"""What embeddings are worth to a few-shot classifier: draws of examples, and the accuracy after learning from one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rasa_token_pruning.evaluation.labelled import Labelled, LabelledError
from rasa_token_pruning.fewshot.classifier import DEFAULT_STRENGTH
from rasa_token_pruning.fewshot.examples import Examples
from rasa_token_pruning.fewshot.mixture import Mixture, fit_mixture
from rasa_token_pruning.fewshot.names import names_of

Encode = Callable[[Sequence[str]], np.ndarray]


@dataclass(frozen=True, eq=False)
class Learner:
    """FewShotIntentClassifier's head, without confidences: all that accuracy depends on.

    :param intents: The intents.
    :param head: Its rows in their order.
    """

    intents: tuple[str, ...]
    head: Mixture

    @classmethod
    def of(cls, encode: Encode, examples: Labelled, strength: float = DEFAULT_STRENGTH) -> Learner:
        """Learn from examples of at least two intents, whose names are further examples.

        :param encode: Texts to embeddings, ``(texts, dimension)``.
        """
        names = names_of(examples.intents)
        named = dict(zip(names, encode(list(names.values())), strict=True)) if names else {}
        rows = Examples.of(encode(examples.texts), examples.intents, named)
        return cls(rows.intents, fit_mixture(rows.rows, rows.labels, strength))

    def right(self, encode: Encode, judged: Labelled) -> np.ndarray:
        """Whether the most probable intent of each message is its own, ``(messages,)``, bool."""
        best = self.head.logits(encode(judged.texts)).argmax(axis=1)
        found: np.ndarray = np.array(self.intents)[best] == np.array(judged.intents)
        return found

    def accuracy(self, encode: Encode, judged: Labelled) -> float:
        """The share of messages, at least one, whose most probable intent is their own, in ``[0, 1]``."""
        return float(self.right(encode, judged).mean())


def gain(right: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    """``accuracy`` in ``[0, 1]``, its ``change`` against a reference in points, and the ``error`` of that.

    :param right: How often each message is understood, ``(messages,)``, each in ``[0, 1]``; of the reference likewise.
    """
    gained = 100 * (right - reference)
    error = float(gained.std() / np.sqrt(len(gained)))
    return {"accuracy": float(right.mean()), "change": float(gained.mean()), "error": error}


def some_of(pool: Labelled, most: int) -> Labelled:
    """At most so many messages, drawn at random, of equal pools the same."""
    return pool.chosen(np.random.default_rng(0).permutation(len(pool))[:most].tolist())


def draw(pool: Labelled, shots: int, held_out: int, seed: int) -> tuple[Labelled, Labelled]:
    """Some examples of each intent to learn from, and other messages to judge by.

    With one seed the messages to judge by are the same for any number of shots, and fewer shots are part of more.

    :param pool: What to draw from, at least two messages of each of two intents.
    :param shots: How many examples of each intent to learn from at most, at least 1.
    :param held_out: How many messages to judge by at most, at least 1; of no intent more than half.
    :param seed: Another one gives another draw. The order of the pool does not matter.
    :raises LabelledError: If the pool is too small.
    """
    order = sorted(range(len(pool)), key=lambda number: (pool.intents[number], pool.texts[number]))
    mixed = [order[place] for place in np.random.default_rng(seed).permutation(len(order))]
    spare = {intent: count // 2 for intent, count in Counter(pool.intents).items()}
    wanted = dict.fromkeys(spare, shots)
    judged = _taken(mixed, pool, spare, held_out)
    chosen = set(judged)
    learnt = _taken([number for number in mixed if number not in chosen], pool, wanted, len(mixed))
    if not judged or len(spare) < 2:
        raise LabelledError(
            f"Too few messages to learn and to judge ({len(pool)}): give several of two intents or more."
        )
    return pool.chosen(learnt), pool.chosen(judged)


def _taken(numbers: Sequence[int], pool: Labelled, at_most: dict[str, int], total: int) -> list[int]:
    """The first of the numbers, so many of each intent and so many in all."""
    left = dict(at_most)
    taken: list[int] = []
    for number in numbers:
        intent = pool.intents[number]
        if left[intent] > 0 and len(taken) < total:
            left[intent] -= 1
            taken.append(number)
    return taken
