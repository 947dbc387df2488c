"""A smaller encoder that gives the embeddings of larger ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from scipy.linalg import orthogonal_procrustes
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import EmbedDistillLoss

from rasa_token_pruning.encoder.architectures import architecture_of
from rasa_token_pruning.training.errors import TrainingError
from rasa_token_pruning.training.lesson import Lesson


def shallower(model: SentenceTransformer, layers: Sequence[int]) -> SentenceTransformer:
    """Keep some layers of an encoder, in place.

    :param layers: Their numbers, from 0 on, ascending.
    :raises TrainingError: If it has no such layers.
    :raises EncoderError: If its architecture is not supported.
    """
    transformer: Any = model[0].auto_model
    parent, _, name = architecture_of(transformer.config.to_dict()).layer.rpartition(".")
    holder = transformer.get_submodule(parent)
    stack = getattr(holder, name)
    if not layers or list(layers) != sorted(set(layers)) or not 0 <= layers[0] <= layers[-1] < len(stack):
        raise TrainingError(
            f"layers is {list(layers)}, but the encoder has {len(stack)}: give numbers from 0 to {len(stack) - 1}, "
            "ascending."
        )
    setattr(holder, name, torch.nn.ModuleList(stack[number] for number in layers))
    count = "n_layers" if hasattr(transformer.config, "n_layers") else "num_hidden_layers"
    setattr(transformer.config, count, len(layers))
    return model


def targets(teachers: Sequence[np.ndarray], now: np.ndarray) -> np.ndarray:
    """What the student is to give for each text, ``(texts, width)``, of length 1.

    The inner products of the targets are the mean of those of the teachers, as far as the student's width has room for
    them: the teachers' embeddings side by side, projected on their largest singular directions if they are wider, and
    turned (Schoenemann 1966) so that they lie as near as can be to what the student gives already.

    :param teachers: The embeddings of each, ``(texts, its width)``, of length 1.
    :param now: What the student gives before training, ``(texts, width)``, or the model that it is made of.
    """
    rows = np.hstack(teachers) / np.sqrt(len(teachers))
    width = now.shape[1]
    if rows.shape[1] > width:
        _, vectors = np.linalg.eigh(rows.T @ rows)
        rows = rows @ vectors[:, -width:]
    elif rows.shape[1] < width:
        rows = np.pad(rows, ((0, 0), (0, width - rows.shape[1])))
    rotation, _ = orthogonal_procrustes(rows, now)
    turned = rows @ rotation
    scaled: np.ndarray = turned / np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-12)
    return scaled


def lesson_of_embeddings(student: SentenceTransformer, texts: Sequence[str], wanted: np.ndarray) -> Lesson:
    """What there is to learn of embeddings; the loss is 1 minus the cosine.

    :param wanted: The embedding of each text, ``(texts, dimension)``.
    """
    examples = Dataset.from_dict({"text": list(texts), "label": wanted.astype(np.float32)})
    return Lesson(examples, EmbedDistillLoss(student, distance_metric="cosine"))


def encoded(model: SentenceTransformer, texts: Sequence[str]) -> np.ndarray:
    """A model's embeddings of length 1, ``(texts, dimension)``, float64."""
    rows = model.encode(list(texts), batch_size=128, show_progress_bar=True, normalize_embeddings=True)
    return np.asarray(rows, dtype=np.float64)
