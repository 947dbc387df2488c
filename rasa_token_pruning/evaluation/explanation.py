"""Why an assistant understands a message as it does: what was read of it, what it may mean, what it is like."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from rasa_token_pruning.encoder.pruned import EncodedText
from rasa_token_pruning.evaluation.assistant import Assistant
from rasa_token_pruning.evaluation.texts import TextsError
from rasa_token_pruning.fewshot.neighbours import Neighbour
from rasa_token_pruning.fewshot.scope import TAIL

_RANKED = 5


@dataclass(frozen=True)
class Piece:
    """A word piece of the message.

    :param piece: As the encoder's vocabulary writes it.
    :param start: Its first character in the message.
    :param end: The character after its last.
    :param kept: Whether it stayed to the end; else it was dropped on the way.
    """

    piece: str
    start: int
    end: int
    kept: bool


@dataclass(frozen=True)
class Ranked:
    """An intent as it was learnt: of a retrieval intent a sub-intent, as in ``faq/opening_hours``.

    :param confidence: The probability, lowered if the message is unfamiliar, or raised if it stands for such messages.
    :param probability: Given that the message belongs to an intent at all.
    """

    intent: str
    confidence: float
    probability: float


@dataclass(frozen=True)
class Explanation:
    """What there is to say about a message.

    :param text: The message.
    :param pieces: Its word pieces, without special tokens and prompts.
    :param truncated: How many pieces at its end were not read, because the encoder has a limit.
    :param intent: What the component tells Rasa: sub-intents count together for their retrieval intent.
    :param confidence: How sure it is of that, before ``renormalize_confidences``.
    :param margin: By how much its probability exceeds that of the next intent.
    :param ranking: The intents with the highest confidences, at most 5.
    :param familiarity: The share of examples that look no more familiar than the message, in ``(0, 1]``.
    :param familiar: Whether that is enough for the message to count as one for this assistant.
    :param lowered: Whether confidences were lowered because it is not.
    :param coverage: The share of messages whose intent is to be in ``candidates``, in ``(0, 1)``.
    :param candidates: The intents that the message may have, the likeliest first.
    :param nearest_examples: The examples that it is most like, the nearest first, at most 3; ``None`` if the assistant
        remembers none.
    """

    text: str
    pieces: tuple[Piece, ...]
    truncated: int
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


def explain(text: str, assistant: Assistant) -> Explanation:
    """Explain one message.

    :raises ClassifierError: If encoder and classifier do not fit each other.
    :raises TextsError: If the encoder reads nothing of the message.
    """
    (encoded,) = assistant.encoder.encode_tokens([text])
    if not encoded.offsets.any():
        raise TextsError(f"Of {text[:100]!r} the encoder reads nothing; the assistant says that it has no intent.")
    classifier, embeddings = assistant.classifier, encoded.embedding[None]
    predictions = classifier.predict(embeddings)
    probabilities = predictions.probabilities[0]
    confidences = predictions.confidences[0] if assistant.doubting else probabilities
    possible = classifier.predict_sets(embeddings, assistant.coverage)[0]
    intent, confidence = _for_rasa(classifier.intents, confidences)[0]
    familiarity = float(predictions.familiarity[0])
    return Explanation(
        text=text,
        pieces=_pieces(encoded),
        truncated=encoded.pieces.truncated,
        intent=intent,
        confidence=confidence,
        margin=_margin([probability for _, probability in _for_rasa(classifier.intents, probabilities)]),
        ranking=tuple(
            Ranked(classifier.intents[index], float(confidences[index]), float(probabilities[index]))
            for index in _descending(confidences)[:_RANKED]
        ),
        familiarity=familiarity,
        familiar=familiarity >= TAIL,
        lowered=assistant.doubting and familiarity < TAIL,
        coverage=assistant.coverage,
        candidates=tuple(classifier.intents[index] for index in _descending(probabilities) if possible[index]),
        nearest_examples=tuple(assistant.neighbours.nearest(encoded.embedding)) if assistant.neighbours else None,
    )


def _pieces(encoded: EncodedText) -> tuple[Piece, ...]:
    rows = zip(encoded.pieces.texts, encoded.pieces.offsets.tolist(), encoded.kept.tolist(), strict=True)
    return tuple(Piece(piece, start, end, kept) for piece, (start, end), kept in rows if end)


def _for_rasa(labels: Iterable[str], values: np.ndarray) -> list[tuple[str, float]]:
    """The intents as Rasa knows them, each with the sum over its labels, the highest first."""
    sums: defaultdict[str, float] = defaultdict(float)
    for label, value in zip(labels, values.tolist(), strict=True):
        sums[label.partition("/")[0]] += value
    return sorted(sums.items(), key=lambda entry: (-entry[1], entry[0]))


def _margin(descending: list[float]) -> float:
    return descending[0] - (descending[1] if len(descending) > 1 else 0.0)


def _descending(values: np.ndarray) -> list[int]:
    order: list[int] = np.argsort(-values, kind="stable").tolist()
    return order
