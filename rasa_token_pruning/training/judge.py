"""A task that takes no part in a training, and what the encoder is worth to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sentence_transformers.sentence_transformer.evaluation import SentenceEvaluator

from rasa_token_pruning.evaluation.few_shot import Learner, draw
from rasa_token_pruning.evaluation.labelled import Labelled

SHOTS, _SEEDS, _JUDGED = 5, 2, 400


class FewShotAccuracy(SentenceEvaluator):
    """The accuracy of FewShotIntentClassifier's head after five examples an intent, the mean of two draws.

    :param name: The task's.
    :param pool: Its labelled messages.
    :raises LabelledError: If there are too few.
    """

    def __init__(self, name: str, pool: Labelled) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.name = name
        self.figure = f"{name}_accuracy"
        self.primary_metric = self.figure  # where the Trainer looks for its name
        self._draws = [draw(pool, SHOTS, _JUDGED, seed) for seed in range(_SEEDS)]

    def __call__(
        self, model: Any, output_path: str | None = None, epoch: int = -1, steps: int = -1
    ) -> dict[str, float]:
        """See ``SentenceEvaluator``; the accuracy is in ``[0, 1]``."""

        def encode(texts: Sequence[str]) -> np.ndarray:
            return np.asarray(model.encode(list(texts), show_progress_bar=False), dtype=np.float64)

        found = [Learner.of(encode, learnt).accuracy(encode, judged) for learnt, judged in self._draws]
        return {self.figure: float(np.mean(found))}
