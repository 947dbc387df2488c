"""Cross-validation: what is said of each example by what had not seen it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from rasa_token_pruning.evaluation.labelled import Labelled
from rasa_token_pruning.fewshot.calibration import fit_temperature, probabilities
from rasa_token_pruning.fewshot.examples import Examples
from rasa_token_pruning.fewshot.held_out import HeldOut, cross_fit, folds
from rasa_token_pruning.fewshot.mixture import fit_mixture
from rasa_token_pruning.fewshot.names import outside_scope
from rasa_token_pruning.fewshot.scope import Scope, doubted
from rasa_token_pruning.reporting.answers import Answers
from rasa_token_pruning.reporting.settings import Settings


@dataclass(frozen=True, eq=False)
class Judged:
    """Examples, each as it is understood by what has learnt from the others.

    :param numbers: Which examples, ``(judged,)``, ascending. One is missing if its intent has no other, nor a name.
    :param given: The number of each one's intent, ``(judged,)``.
    :param probabilities: ``(judged, intents)``.
    :param answers: What Rasa would be told.
    :param folds: In how many parts the examples were held out in turn.
    """

    numbers: np.ndarray
    given: np.ndarray
    probabilities: np.ndarray
    answers: Answers
    folds: int

    @property
    def right(self) -> np.ndarray:
        """Whether each example got its intent, ``(judged,)``, bool."""
        found: np.ndarray = self.answers.topics == self.given
        return found


def examples_of(data: Labelled, rows: np.ndarray, names: Mapping[str, np.ndarray], seed: int) -> Examples:
    """Examples in an order that does not depend on their embeddings, so that all encoders are judged on equal folds.

    :param rows: The embeddings of the messages, ``(messages, dimension)``.
    :param names: For intents, the embedding of the intent's name, ``(dimension,)``.
    :param seed: Another one gives other folds.
    """
    known = data.known
    number = {intent: place for place, intent in enumerate(known)}
    labels = np.array([number[intent] for intent in (*data.intents, *names)])
    numbers = np.concatenate([np.arange(len(data)), np.full(len(names), -1)])
    chance = np.concatenate([np.random.default_rng(seed).permutation(len(data)), np.full(len(names), len(data))])
    order = np.lexsort((chance, labels))
    return Examples(tuple(known), np.stack([*rows, *names.values()])[order], labels[order], numbers[order])


def judge(examples: Examples, settings: Settings, out_of_scope: str | None) -> Judged:
    """Hold out every part of the examples once.

    Temperature and familiarity, which a classifier learns from held-out examples, are for each part learnt from those
    of the other parts: no confidence has seen the label that it is judged by.

    :param out_of_scope: The intent that gets what unfamiliar messages lose, if there is one.
    """
    held_out = cross_fit(examples, partial(fit_mixture, strength=settings.strength))
    part_of = np.empty(len(examples.rows), dtype=int)
    part_of[examples.numbers] = folds(examples)  # those of names go where nobody looks
    parts = part_of[held_out.numbers]
    inside = ~outside_scope(examples.intents, out_of_scope)
    chances, confidences = np.empty_like(held_out.logits), np.empty_like(held_out.logits)
    for part in np.unique(parts):
        here = parts == part
        chances[here], confidences[here] = _said(_some(held_out, ~here), _some(held_out, here), inside, settings)
    order = np.argsort(held_out.numbers)
    return Judged(
        held_out.numbers[order],
        held_out.labels[order],
        chances[order],
        Answers.of(examples.intents, confidences[order], settings),
        len(np.unique(parts)),
    )


def _said(seen: HeldOut, judged: HeldOut, inside: np.ndarray, settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and confidences, as a ``FewShotClassifier`` has them that has learnt from what was seen."""
    chances = probabilities(judged.logits, fit_temperature(seen.logits, seen.labels))
    if not settings.doubt_unfamiliar:
        return chances, chances
    known = inside[seen.labels]
    scope = Scope.fit(seen.logits[known][:, inside], seen.similarities[known][:, inside])
    p_values = scope.p_values(judged.logits[:, inside], judged.similarities[:, inside])
    return chances, doubted(chances, p_values, ~inside)


def _some(held_out: HeldOut, which: np.ndarray) -> HeldOut:
    return HeldOut(
        held_out.numbers[which], held_out.labels[which], held_out.logits[which], held_out.similarities[which]
    )
