"""Messages that belong to no intent: those that the user has, else those of intents held out in turn."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rasa_token_pruning.evaluation.few_shot import Encode
from rasa_token_pruning.evaluation.labelled import Labelled
from rasa_token_pruning.fewshot.classifier import FewShotClassifier, Predictions
from rasa_token_pruning.fewshot.names import base_intent, names_of, outside_scope
from rasa_token_pruning.reporting.answers import Answers
from rasa_token_pruning.reporting.errors import ReportError
from rasa_token_pruning.reporting.settings import Settings

# What teams call the intent of messages that belong to no other.
NAMES = frozenset({"out_of_scope", "out-of-scope", "outofscope", "oos", "nlu_fallback"})

_GROUPS, _MANY_GROUPS = 5, 2  # of intents held out; of many messages not all groups, to save time
_MANY = 5000
_LEAST_LEFT = 2  # of intents to learn from


@dataclass(frozen=True, eq=False)
class Outsiders:
    """Messages that should not be answered, as they are understood.

    :param answers: What Rasa would be told.
    :param topics: The intents that ``answers.topics`` counts, for each message.
    """

    answers: Answers
    topics: tuple[Sequence[str], ...]


def scope_intents(data: Labelled, settings: Settings) -> frozenset[str]:
    """The intents of the data that stand for messages which belong to no other.

    :raises ReportError: If the config names one that has no examples.
    """
    named = settings.out_of_scope
    known, chosen = data.known, outside_scope(data.known, named)
    if named is not None and not chosen.any():
        raise ReportError(
            f"The config has out_of_scope_intent {named!r}, but the data has no examples of it: add some, or leave it "
            "out."
        )
    usual = [base_intent(intent).lower() in NAMES for intent in known]
    return frozenset(intent for intent, outside in zip(known, chosen | usual, strict=True) if outside)


def read_lines(file: Path, data: Labelled) -> list[str]:
    """The messages of a file, one a line, without those that the data has as examples.

    :raises ReportError: If it cannot be read, or none is left.
    """
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(f"{file} cannot be read ({error}): give a text file in UTF-8, one message a line.") from error
    known = set(data.texts)
    found = [line for line in dict.fromkeys(lines) if line and line not in known]
    if not found:
        raise ReportError(f"{file} holds no messages that are not examples: give a text file with one message a line.")
    return found


def can_hold_out(data: Labelled) -> bool:
    """Whether intents can be held out: enough are left to learn from."""
    return len({base_intent(intent) for intent in data.intents}) > _LEAST_LEFT


def held_out_in_turn(
    data: Labelled, encode: Encode, settings: Settings, seed: int, progress: Callable[[str], None]
) -> Outsiders:
    """The messages of each intent, as they are understood by what has never heard of it.

    Retrieval intents are held out whole. With more than 5,000 messages two fifths of the intents are.

    :param data: Of at least three intents, none of which stands for what belongs to no other.
    :param encode: Texts to embeddings, ``(texts, dimension)``.
    :param seed: Another one puts other intents together.
    """
    bases = sorted({base_intent(intent) for intent in data.intents})
    mixed = [bases[place] for place in np.random.default_rng(seed).permutation(len(bases))]
    groups = [group for group in (mixed[start::_GROUPS] for start in range(_GROUPS)) if group]
    if len(data) > _MANY:
        groups = groups[:_MANY_GROUPS]
    found = []
    for number, group in enumerate(groups, 1):
        progress(f"messages out of scope, part {number} of {len(groups)}")
        found.append(_without(data, frozenset(group), encode, settings))
    return _joined(found)


def _without(data: Labelled, group: Collection[str], encode: Encode, settings: Settings) -> Outsiders:
    away = np.array([base_intent(intent) in group for intent in data.intents])
    kept, judged = data.chosen(np.flatnonzero(~away).tolist()), data.chosen(np.flatnonzero(away).tolist())
    names = names_of(kept.known) if settings.use_intent_names else {}
    vectors = dict(zip(names, encode(list(names.values())), strict=True)) if names else {}
    classifier = FewShotClassifier.fit(encode(kept.texts), kept.intents, vectors, settings.strength)
    return understood(classifier, encode(judged.texts), settings)


def understood(classifier: FewShotClassifier, rows: np.ndarray, settings: Settings) -> Outsiders:
    """What a classifier makes of messages.

    :param rows: Their embeddings, ``(messages, dimension)``.
    """
    said = classifier.predict(rows)
    answers = Answers.of(classifier.intents, _confidences(said, settings), settings)
    return Outsiders(answers, (classifier.intents,) * len(rows))


def _confidences(said: Predictions, settings: Settings) -> np.ndarray:
    return said.confidences if settings.doubt_unfamiliar else said.probabilities


def _joined(parts: Sequence[Outsiders]) -> Outsiders:
    answers = [part.answers for part in parts]
    return Outsiders(
        Answers(
            np.concatenate([one.topics for one in answers]),
            np.concatenate([one.confidences for one in answers]),
            np.concatenate([one.leads for one in answers]),
        ),
        tuple(topics for part in parts for topics in part.topics),
    )
