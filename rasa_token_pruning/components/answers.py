"""What a response selector knows: which question wants which answer, and the answers."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import rasa.shared.utils.io
from rasa.shared.nlu.constants import RESPONSE, RESPONSE_IDENTIFIER_DELIMITER, TEXT
from rasa.shared.nlu.training_data.training_data import TrainingData
from rasa.shared.nlu.training_data.util import intent_response_key_to_template_key

from rasa_token_pruning.components.attached import attached_sentence
from rasa_token_pruning.components.intent_names import full_intent
from rasa_token_pruning.components.learning import LabelledMessages
from rasa_token_pruning.fewshot.answering import learn_discriminant, only
from rasa_token_pruning.fewshot.classifier import FewShotClassifier
from rasa_token_pruning.fewshot.discriminant import fit_discriminant
from rasa_token_pruning.fewshot.errors import ClassifierError
from rasa_token_pruning.fewshot.examples import Examples
from rasa_token_pruning.fewshot.held_out import HeldOut, cross_fit
from rasa_token_pruning.fewshot.names import base_intent
from rasa_token_pruning.fewshot.part import part_of

logger = logging.getLogger(__name__)

FORMAT = 1

_FILE = "answers.json"


@dataclass(frozen=True, eq=False)
class Answers:
    """A classifier of questions, and the responses for each of its labels.

    :param classifier: Its labels are response keys such as ``faq/opening_hours``.
    :param retrieval_intents: All retrieval intents of the assistant, in alphabetical order.
    :param responses: For each of the labels, the responses of the domain, JSON; empty if there are none.
    """

    classifier: FewShotClassifier
    retrieval_intents: list[str]
    responses: dict[str, list[dict[str, Any]]]

    @classmethod
    def learn(cls, training_data: TrainingData, config: Mapping[str, Any]) -> Answers | None:
        """Learn from the examples of retrieval intents; nothing if there are none with sentence features.

        :param config: The options of the component.
        :raises ClassifierError: If the features of the examples differ in width or are not finite, or
            ``LabelledMessages.of`` says why they cannot be read.
        """
        messages = LabelledMessages.of(training_data, config["featurizers"])
        wanted = [number for number, key in enumerate(messages.intents) if _asks(key, config["retrieval_intent"])]
        if not wanted:
            return None
        keys = sorted({messages.intents[number] for number in wanted})
        texts = _response_features(training_data, config["featurizers"]) if config["use_text_as_label"] else {}
        names = messages.names if config["use_intent_names"] else {}
        responses = {key: training_data.responses.get(intent_response_key_to_template_key(key), []) for key in keys}
        return cls(
            classifier=_classifier(messages, wanted, names, texts),
            retrieval_intents=sorted(training_data.retrieval_intents),
            responses=responses,
        )

    def responses_for(self, key: str) -> list[dict[str, Any]]:
        """The responses for a label, which the caller may change; where there are none, a warning and the label."""
        if not self.responses[key]:
            rasa.shared.utils.io.raise_warning(
                f"There are no responses for '{key}'. Add '{intent_response_key_to_template_key(key)}' to the "
                "responses of the domain and train again."
            )
            return [{TEXT: key}]
        return deepcopy(self.responses[key])

    def save(self, folder: Path) -> None:
        """Write to a folder as safetensors and JSON."""
        self.classifier.save(folder)
        facts = {"format": FORMAT, "retrieval_intents": self.retrieval_intents, "responses": self.responses}
        (folder / _FILE).write_text(json.dumps(facts), encoding="utf-8")  # escaped: a text may be a lone surrogate

    @classmethod
    def load(cls, folder: Path) -> Answers:
        """Read what ``save`` wrote.

        :raises ClassifierError: If the files are missing, damaged, or of another format.
        """
        try:
            facts = json.loads((folder / _FILE).read_bytes())
            if facts["format"] != FORMAT:
                raise ValueError(f"format {facts['format']!r} instead of {FORMAT}")
            answers = cls(FewShotClassifier.load(folder), facts["retrieval_intents"], facts["responses"])
            answers._check()
        except ClassifierError:
            raise
        except (OSError, KeyError, TypeError, ValueError, RecursionError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise ClassifierError(f"The stored answers cannot be read ({reason}): train again.") from error
        return answers

    def _check(self) -> None:
        """:raises ValueError: If the stored parts do not fit each other."""
        intents, responses = self.retrieval_intents, self.responses
        if not isinstance(intents, list) or not all(isinstance(intent, str) for intent in intents):
            raise ValueError("the retrieval intents must be a list of names")
        if not isinstance(responses, dict) or responses.keys() != set(self.classifier.intents):
            raise ValueError("the responses must be those of the labels")
        if not all(isinstance(response, dict) for found in responses.values() for response in found):
            raise ValueError("responses must be objects")


def _asks(key: str, retrieval_intent: str | None) -> bool:
    """Whether an example's full intent belongs to a retrieval intent, or to any."""
    return RESPONSE_IDENTIFIER_DELIMITER in key and retrieval_intent in (None, base_intent(key))


def _response_features(training_data: TrainingData, featurizers: list[str]) -> dict[str, np.ndarray]:
    """For response keys, the sentence features of a response's text, ``(dimension,)``."""
    rows = {}
    for message in training_data.intent_examples:
        features = attached_sentence(message, RESPONSE, featurizers)
        if features is not None:
            rows[full_intent(message)] = features[0]
    return rows


def _classifier(
    messages: LabelledMessages, wanted: list[int], names: Mapping[str, np.ndarray], texts: Mapping[str, np.ndarray]
) -> FewShotClassifier:
    """Learn from some of the messages, and from names and responses of their labels as further examples."""
    rows, keys = [messages.rows[number] for number in wanted], [messages.intents[number] for number in wanted]
    if len(set(keys)) == 1:
        return only(keys[0], len(rows[0]))
    told = {key: text for key, text in sorted(texts.items()) if key in set(keys) and len(text) == len(rows[0])}
    examples = Examples.of([*rows, *told.values()], [*keys, *told], names)
    # Responses are, as names are, no questions that could be held out.
    examples = replace(examples, numbers=np.where(examples.numbers < len(rows), examples.numbers, -1))
    if messages.held_out is None:
        held_out = cross_fit(examples, fit_discriminant)
        classifier = learn_discriminant(examples, held_out)
    else:  # the encoder knows the examples by heart, and what had not seen them was logistic regression
        known = sorted(set(messages.intents))
        held_out = part_of(messages.held_out, wanted, [known.index(key) for key in examples.intents])
        classifier = FewShotClassifier.learn(examples, held_out)
    _report(classifier, len(rows), held_out)
    return classifier


def _report(classifier: FewShotClassifier, questions: int, held_out: HeldOut) -> None:
    right, count = (held_out.logits.argmax(axis=1) == held_out.labels).sum(), len(held_out.labels)
    tested = f" {right / count:.0%} of {count} questions got their answer while they were held out." if count else ""
    logger.info("Learnt %d answers from %d questions.%s", len(classifier.intents), questions, tested)
