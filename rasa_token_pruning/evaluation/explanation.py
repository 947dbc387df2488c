"""Why an assistant understands a message as it does: what was read of it, what it may mean, what it is like."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from rasa_token_pruning.evaluation.assistant import Assistant
from rasa_token_pruning.evaluation.reading import Reading, read
from rasa_token_pruning.fewshot.names import base_intent
from rasa_token_pruning.fewshot.neighbours import Neighbour
from rasa_token_pruning.fewshot.scope import TAIL

_RANKED = 5
_CHANGED = 0.005  # of confidences that are shown with two digits


@dataclass(frozen=True)
class Ranked:
    """An intent as it was learnt: of a retrieval intent a sub-intent, as in ``faq/opening_hours``.

    :param confidence: The probability, lowered if the message is unfamiliar, or raised if it stands for such messages.
    :param probability: Given that the message belongs to an intent at all.
    :param unpruned: The confidence that it has with pruning off.
    """

    intent: str
    confidence: float
    probability: float
    unpruned: float


@dataclass(frozen=True)
class Unpruned:
    """What the same classifier says of the message if the same encoder drops nothing.

    :param intent: What the component would tell Rasa.
    :param confidence: How sure it would be of that.
    :param familiarity: The share of examples that would look no more familiar, in ``(0, 1]``.
    :param changed: Whether that is another intent than the pruned one: pruning decided.
    """

    intent: str
    confidence: float
    familiarity: float
    changed: bool


@dataclass(frozen=True)
class Explanation(Reading):
    """What there is to say about a message, beside what was read of it.

    :param intent: What the component tells Rasa: sub-intents count together for their retrieval intent.
    :param confidence: How sure it is of that, before ``renormalize_confidences``.
    :param margin: By how much its probability exceeds that of the next intent.
    :param ranking: The intents with the highest confidences, 5 if there are as many, and those that would be among them
        with pruning off and another confidence.
    :param familiarity: The share of examples that look no more familiar than the message, in ``(0, 1]``.
    :param familiar: Whether that is enough for the message to count as one for this assistant.
    :param lowered: Whether confidences were lowered because it is not.
    :param coverage: The share of messages whose intent is to be in ``candidates``, in ``(0, 1)``.
    :param candidates: The intents that the message may have, the likeliest first.
    :param nearest_examples: The examples that it is most like, the nearest first, at most 3; ``None`` if the assistant
        remembers none.
    :param unpruned: The same with pruning off.
    """

    intent: str
    confidence: float
    margin: float
    ranking: tuple[Ranked, ...]
    familiarity: float
    familiar: bool
    lowered: bool
    coverage: float
    candidates: tuple[str, ...]
    nearest_examples: tuple[Neighbour, ...] | None
    unpruned: Unpruned


@dataclass(frozen=True, eq=False)
class _Answer:
    """What the classifier says of an embedding: ``(labels,)`` each, and what Rasa is told."""

    probabilities: np.ndarray
    confidences: np.ndarray
    familiarity: float
    intent: str
    confidence: float


def explain(text: str, assistant: Assistant) -> Explanation:
    """Explain one message.

    :raises ClassifierError: If encoder and classifier do not fit each other.
    :raises TextsError: If the encoder reads nothing of the message.
    """
    reading = read(text, assistant.encoder)
    embedding = assistant.encoder.encode(text)
    found = _answer(embedding, assistant)
    whole = _answer(assistant.encoder.without_cuts().encode(text), assistant)
    intents = assistant.classifier.intents
    possible = assistant.classifier.predict_sets(embedding[None], assistant.coverage)[0]
    return Explanation(
        **vars(reading),
        intent=found.intent,
        confidence=found.confidence,
        margin=_margin([probability for _, probability in _for_rasa(intents, found.probabilities)]),
        ranking=_ranking(intents, found, whole),
        familiarity=found.familiarity,
        familiar=found.familiarity >= TAIL,
        lowered=assistant.doubting and found.familiarity < TAIL,
        coverage=assistant.coverage,
        candidates=tuple(intents[index] for index in _descending(found.probabilities) if possible[index]),
        nearest_examples=tuple(assistant.neighbours.nearest(embedding)) if assistant.neighbours else None,
        unpruned=Unpruned(whole.intent, whole.confidence, whole.familiarity, whole.intent != found.intent),
    )


def _answer(embedding: np.ndarray, assistant: Assistant) -> _Answer:
    predictions = assistant.classifier.predict(embedding[None])
    probabilities = predictions.probabilities[0]
    confidences = predictions.confidences[0] if assistant.doubting else probabilities
    intent, confidence = _for_rasa(assistant.classifier.intents, confidences)[0]
    return _Answer(probabilities, confidences, float(predictions.familiarity[0]), intent, confidence)


def _ranking(intents: tuple[str, ...], found: _Answer, whole: _Answer) -> tuple[Ranked, ...]:
    changed = np.abs(whole.confidences - found.confidences) >= _CHANGED
    shown = {index for index in _descending(whole.confidences)[:_RANKED] if changed[index]}
    shown.update(_descending(found.confidences)[:_RANKED])
    values = [array.tolist() for array in (found.confidences, found.probabilities, whole.confidences)]
    order = [index for index in _descending(found.confidences) if index in shown]
    return tuple(Ranked(intents[index], *(value[index] for value in values)) for index in order)


def _for_rasa(labels: Iterable[str], values: np.ndarray) -> list[tuple[str, float]]:
    """The intents as Rasa knows them, each with the sum over its labels, the highest first."""
    sums: defaultdict[str, float] = defaultdict(float)
    for label, value in zip(labels, values.tolist(), strict=True):
        sums[base_intent(label)] += value
    return sorted(sums.items(), key=lambda entry: (-entry[1], entry[0]))


def _margin(descending: list[float]) -> float:
    return descending[0] - (descending[1] if len(descending) > 1 else 0.0)


def _descending(values: np.ndarray) -> list[int]:
    order: list[int] = np.argsort(-values, kind="stable").tolist()
    return order
