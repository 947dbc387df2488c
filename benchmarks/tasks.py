"""Intent data sets on disk: one folder per task with ``train_5.csv``, ``train_10.csv`` and ``valid.csv``."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rasa_token_pruning import PrunedEncoder
from rasa_token_pruning.fewshot.classifier import FewShotClassifier
from rasa_token_pruning.fewshot.names import name_as_text

TASKS = ("banking77", "clinc150", "hwu64")
SHOTS = (5, 10)


def read(file: Path) -> tuple[list[str], list[str]]:
    """The texts and the intents of a CSV file with the header ``text,intent``."""
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [row["text"] for row in rows], [row["intent"] for row in rows]


def fit(encoder: PrunedEncoder, folder: Path, shots: int) -> FewShotClassifier:
    """A classifier that was trained on a task's few-shot split, intent names included."""
    texts, intents = read(folder / f"train_{shots}.csv")
    known = sorted(set(intents))
    names = dict(zip(known, encoder.encode([name_as_text(intent) for intent in known]), strict=True))
    return FewShotClassifier.fit(encoder.encode(texts), intents, names)


def accuracy(classifier: FewShotClassifier, embeddings: np.ndarray, intents: Sequence[str]) -> float:
    """The share of texts, ``(texts, dimension)``, whose most probable intent is the right one."""
    predicted = np.array(classifier.intents)[classifier.predict_proba(embeddings).argmax(axis=1)]
    return float((predicted == np.array(intents)).mean())
