"""From Rasa's training data to a trained classifier."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.training_data import TrainingData

from rasa_token_pruning.components.attached import attached_sentence, check_named
from rasa_token_pruning.components.intent_names import collect_intent_names, full_intent
from rasa_token_pruning.components.refining import collect_held_out
from rasa_token_pruning.fewshot.calibration import probabilities
from rasa_token_pruning.fewshot.classifier import DEFAULT_STRENGTH, FewShotClassifier
from rasa_token_pruning.fewshot.errors import ClassifierError
from rasa_token_pruning.fewshot.examples import Examples
from rasa_token_pruning.fewshot.held_out import HeldOut, cross_fit
from rasa_token_pruning.fewshot.mixture import fit_mixture
from rasa_token_pruning.fewshot.names import OUT_OF_SCOPE, base_intent, outside_scope
from rasa_token_pruning.fewshot.neighbours import Neighbours
from rasa_token_pruning.fewshot.review import review

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class LabelledMessages:
    """The examples of intents that have sentence features.

    :param texts: Their texts.
    :param intents: Their intents, of a retrieval intent with the sub-intent.
    :param rows: Their sentence features, each ``(dimension,)``.
    :param names: For intents, the embedding of the intent's name.
    :param held_out: How some of them look to an encoder that was not refined on them; nothing if none was refined.
    """

    texts: list[str]
    intents: list[str]
    rows: list[np.ndarray]
    names: dict[str, np.ndarray]
    held_out: HeldOut | None

    @classmethod
    def of(cls, training_data: TrainingData, featurizers: list[str]) -> LabelledMessages:
        """Those that training data has.

        :param featurizers: The featurizers whose features count; all if empty.
        :raises ClassifierError: If none of these is there, or a refined one is read beside others.
        """
        check_named(training_data.intent_examples, TEXT, featurizers)
        messages, rows = [], []
        for message in training_data.intent_examples:
            features = attached_sentence(message, TEXT, featurizers)
            if features is not None:
                messages.append(message)
                rows.append(features[0])
        texts, intents = [message.get(TEXT) for message in messages], [full_intent(message) for message in messages]
        # With a second dense featurizer, which knows nothing of names, they are narrower than the examples.
        named = collect_intent_names(training_data, featurizers).items()
        names = {intent: name for intent, name in named if rows and len(name) == len(rows[0])}
        return cls(texts, intents, rows, names, collect_held_out(messages, intents, featurizers))

    @property
    def base_intents(self) -> set[str]:
        """The different intents, without sub-intents."""
        return {base_intent(intent) for intent in self.intents}


def learn(messages: LabelledMessages, config: Mapping[str, Any]) -> tuple[FewShotClassifier, Neighbours | None]:
    """Train as the options of the component say; the log says how well, and which examples look wrong.

    :raises ClassifierError: If the features of the examples differ in width or are not finite, the out-of-scope intent
        that the options name has no examples, or is the only one that has, or an option does not fit refining.
    """
    strength, out_of_scope = config["C"], config["out_of_scope_intent"]
    if out_of_scope is None and outside_scope(messages.intents, OUT_OF_SCOPE).any():
        out_of_scope = OUT_OF_SCOPE
    examples = Examples.of(messages.rows, messages.intents, messages.names if config["use_intent_names"] else None)
    held_out = messages.held_out
    if held_out is None:
        held_out = cross_fit(examples, partial(fit_mixture, strength=strength))
    else:
        _check_fits_refining(config)
    classifier = FewShotClassifier.learn(examples, held_out, strength, out_of_scope)
    logger.info("%s", _summary(messages, classifier, held_out))
    if config["review_data"]:
        for finding in _findings(messages, classifier, held_out):
            logger.warning("Training data: %s", finding)
    if not config["explain"]:
        return classifier, None
    return classifier, Neighbours.of(messages.rows, messages.texts, messages.intents)


def _check_fits_refining(config: Mapping[str, Any]) -> None:
    """:raises ClassifierError: If an option changes the head for which a refined encoder's examples were held out."""
    for option, fixed in (("C", DEFAULT_STRENGTH), ("use_intent_names", True)):
        if config[option] != fixed:
            raise ClassifierError(
                f"{option} is {config[option]}, but the featurizer refines its encoder for {fixed}: leave out {option} "
                "or refine."
            )


def _summary(messages: LabelledMessages, classifier: FewShotClassifier, held_out: HeldOut) -> str:
    learnt = f"Learnt {len(classifier.intents)} intents from {len(messages.texts)} examples."
    if not len(held_out.labels):
        return learnt
    right = np.mean(held_out.logits.argmax(axis=1) == held_out.labels)
    return f"{learnt} {right:.0%} of {len(held_out.labels)} examples got their intent while they were held out."


def _findings(messages: LabelledMessages, classifier: FewShotClassifier, held_out: HeldOut) -> list[str]:
    unseen = np.full((len(messages.texts), len(classifier.intents)), np.nan)
    unseen[held_out.numbers] = probabilities(held_out.logits, classifier.temperature)
    return review(messages.texts, messages.intents, classifier.intents, unseen)
