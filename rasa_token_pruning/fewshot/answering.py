"""A classifier of answers, of which there may be hundreds with a question or two each: by a discriminant alone."""

from __future__ import annotations

import numpy as np

from rasa_token_pruning.fewshot.calibration import fit_temperature, probabilities
from rasa_token_pruning.fewshot.classifier import FewShotClassifier
from rasa_token_pruning.fewshot.discriminant import fit_discriminant
from rasa_token_pruning.fewshot.examples import Examples
from rasa_token_pruning.fewshot.head import LinearHead, prototypes
from rasa_token_pruning.fewshot.held_out import HeldOut
from rasa_token_pruning.fewshot.memory import Memory
from rasa_token_pruning.fewshot.mixture import Mixture
from rasa_token_pruning.fewshot.scope import Scope, evenly_chosen


def learn_discriminant(examples: Examples, held_out: HeldOut) -> FewShotClassifier:
    """A classifier with a discriminant alone: better than others where labels have few examples, or uneven ones.

    :param held_out: From ``held_out.cross_fit``, with ``fit_discriminant``.
    """
    temperature = fit_temperature(held_out.logits, held_out.labels)
    calibrated = probabilities(held_out.logits, temperature)
    return FewShotClassifier(
        intents=examples.intents,
        out_of_scope=None,
        head=Mixture(
            fit_discriminant(examples.rows, examples.labels),
            Memory.empty(len(examples.intents), examples.rows.shape[1]),
        ),
        prototypes=prototypes(examples.rows, examples.labels),
        temperature=temperature,
        scope=Scope.fit(held_out.logits, held_out.similarities),
        true_probabilities=evenly_chosen(calibrated[np.arange(len(calibrated)), held_out.labels]),
    )


def only(label: str, dimension: int) -> FewShotClassifier:
    """A classifier that knows a single label and is certain of it.

    :param dimension: The width of the embeddings.
    """
    nothing = np.zeros((1, dimension), dtype=np.float32)
    unseen = np.empty((0, 1))
    return FewShotClassifier(
        intents=(label,),
        out_of_scope=None,
        head=Mixture(LinearHead(nothing, nothing[:, 0]), Memory.empty(1, dimension)),
        prototypes=nothing,
        temperature=1.0,
        scope=Scope.fit(unseen, unseen),
        true_probabilities=evenly_chosen(unseen[:, 0]),
    )
