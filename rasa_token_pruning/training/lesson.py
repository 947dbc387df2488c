"""What a training learns from, as the Trainer takes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from datasets import Dataset, DatasetDict
from sentence_transformers.sentence_transformer.training_args import BatchSamplers
from torch import nn


@dataclass(frozen=True, eq=False)
class Lesson:
    """Examples, and what is to become of them.

    :param examples: What the loss asks for; of several sets in proportion to their sizes.
    :param loss: One of sentence-transformers' losses, around the model that is trained.
    :param sampler: How batches are made, as the Trainer's ``batch_sampler``.
    """

    examples: Dataset | DatasetDict
    loss: nn.Module
    sampler: BatchSamplers | Callable[..., Any] = BatchSamplers.BATCH_SAMPLER
