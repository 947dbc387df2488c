"""Refining the encoder on Rasa's training data, and how the classifier learns what that says about confidences."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from safetensors.numpy import load_file, save_file

from rasa_token_pruning.components.attached import attached_sentence, origins
from rasa_token_pruning.components.intent_names import full_intent
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.fewshot.errors import ClassifierError
from rasa_token_pruning.fewshot.held_out import HeldOut
from rasa_token_pruning.fewshot.names import names_of

logger = logging.getLogger(__name__)

# None of Rasa's own attributes. A row of features: the logits of all intents, then the similarities to them.
HELD_OUT = "rasa_token_pruning_held_out"

_FILE = "held_out.safetensors"
_FORMAT = 1


def refine_encoder(encoder: PrunedEncoder, training_data: TrainingData, folder: Path) -> PrunedEncoder:
    """An encoder refined on the examples of intents; with fewer than two intents the encoder itself.

    :param folder: In the archive, for ``attach_held_out``.
    """
    from rasa_token_pruning.adaptation.assistant import refined

    messages = _labelled(training_data)
    intents = [full_intent(message) for message in messages]
    if len(set(intents)) < 2:
        logger.warning("refine is true, but there are no two intents to tell apart: the encoder stays as it is.")
        return encoder
    better, held_out = refined(encoder, [message.get(TEXT) for message in messages], intents, names_of(intents))
    said = np.hstack([held_out.logits, held_out.similarities]).astype(np.float32)
    tensors = {"numbers": held_out.numbers, "said": said, "examples": _mark(messages)}
    save_file({"format": np.array([_FORMAT]), **tensors}, folder / _FILE)
    return better


def attach_held_out(training_data: TrainingData, folder: Path, origin: str) -> None:
    """Give the examples that were held out what was said about them, as features for ``collect_held_out``.

    :param training_data: Changed in place: features are added.
    :param folder: As for ``refine_encoder``.
    :param origin: The identifier of the featurizer.
    """
    if not (folder / _FILE).exists():  # nothing was refined
        return
    messages, tensors = _labelled(training_data), load_file(folder / _FILE)
    if not messages:  # stories in words have none
        return
    if tensors["format"] != _FORMAT:  # impossible within one training
        logger.warning(
            "What refining found out has format %d, but this version reads %d: confidences are not calibrated. Train "
            "again with --force.", tensors["format"].item(), _FORMAT,
        )  # fmt: skip
        return
    if not np.array_equal(tensors["examples"], _mark(messages)):
        logger.warning("The encoder was refined on other examples than these: confidences are not calibrated.")
        return
    for number, row in zip(tensors["numbers"], tensors["said"], strict=True):
        messages[number].add_features(Features(row[None].copy(), FEATURE_TYPE_SENTENCE, HELD_OUT, origin))


def collect_held_out(messages: Sequence[Message], intents: Sequence[str], featurizers: Sequence[str]) -> HeldOut | None:
    """What ``attach_held_out`` attached; nothing if it was not called by a featurizer that counts.

    :param messages: The examples that the classifier learns from.
    :param intents: The intent of each.
    :param featurizers: The featurizers whose features count; all if empty.
    :raises ClassifierError: If the classifier reads other features beside those of a refined encoder: of them it is not
        known how they look to what has not seen them.
    """
    if not origins(messages, HELD_OUT, featurizers):
        return None
    read = sorted(origins(messages, TEXT, featurizers))
    if len(read) > 1:
        raise ClassifierError(
            f"A featurizer with refine: true has to be the only one that is read, but the features of "
            f"{', '.join(map(repr, read))} are. Name it alone in featurizers, or leave out refine."
        )
    known = {intent: number for number, intent in enumerate(sorted(set(intents)))}
    rows = {}
    for number, message in enumerate(messages):
        said = attached_sentence(message, HELD_OUT, featurizers)
        if said is not None and said.shape == (1, 2 * len(known)):
            rows[number] = said[0].astype(np.float64)
    if not rows:
        logger.warning("The encoder was refined for other intents than these: confidences are not calibrated.")
        return None
    # The order of the examples must not show in the last bits of what is learnt from them.
    order = sorted(rows, key=lambda number: (known[intents[number]], rows[number].tobytes()))
    logits, similarities = np.hsplit(np.stack([rows[number] for number in order]), 2)
    return HeldOut(np.array(order), np.array([known[intents[number]] for number in order]), logits, similarities)


def _labelled(training_data: TrainingData) -> list[Message]:
    """The examples of intents that have a text."""
    return [message for message in training_data.intent_examples if message.get(TEXT)]


def _mark(messages: Sequence[Message]) -> np.ndarray:
    """What tells these examples from others, ``(32,)``, uint8."""
    content = json.dumps([[message.get(TEXT), full_intent(message)] for message in messages])
    return np.frombuffer(hashlib.sha256(content.encode()).digest(), dtype=np.uint8)
