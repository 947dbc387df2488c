"""A training by sentence-transformers' Trainer, which can be killed and started again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from transformers import EarlyStoppingCallback, TrainerCallback

from rasa_token_pruning.training.judge import FewShotAccuracy
from rasa_token_pruning.training.lesson import Lesson
from rasa_token_pruning.training.plan import Plan


def train(
    model: SentenceTransformer,
    lesson: Lesson,
    plan: Plan,
    checkpoints: Path,
    last: Path | None,
    judge: FewShotAccuracy | None = None,
) -> list[Mapping[str, float]]:
    """Train a model in place, with all processes that ``torchrun`` started, or alone.

    :param checkpoints: Where the last two checkpoints and the best are kept.
    :param last: The checkpoint to go on from, if there is one.
    :param judge: What decides which checkpoint is the best, and when training stops; None to take the last.
    :return: What was logged: losses, learning rates and the judge's figures, by ``step``.
    """
    on_cpu = not (torch.cuda.is_available() or torch.backends.mps.is_available())
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=plan.epochs,
        max_steps=plan.steps or -1,
        per_device_train_batch_size=plan.batch,
        learning_rate=plan.learning_rate,
        warmup_steps=0.1,
        seed=plan.seed,
        batch_sampler=lesson.sampler,
        save_strategy="steps",
        save_steps=plan.interval,
        save_total_limit=2,
        eval_strategy="steps" if judge else "no",
        eval_steps=plan.interval,
        eval_on_start=bool(judge) and last is None,
        load_best_model_at_end=bool(judge),
        metric_for_best_model=f"eval_{judge.figure}" if judge else None,
        greater_is_better=True if judge else None,
        restore_callback_states_from_checkpoint=True,  # how long there was no gain
        logging_steps=plan.interval,
        report_to=[],
        use_cpu=on_cpu,
        ddp_backend="gloo" if on_cpu and processes() > 1 else None,
    )
    trainer = SentenceTransformerTrainer(
        model=model,
        args=arguments,
        train_dataset=lesson.examples,
        loss=lesson.loss,
        evaluator=judge,
        callbacks=[_TellsSamplersTheEpoch(), *([EarlyStoppingCallback(plan.patience)] if judge else [])],
    )
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    history: list[Mapping[str, float]] = trainer.state.log_history
    return history


class _TellsSamplersTheEpoch(TrainerCallback):
    """Every epoch has batches of its own, after a kill the same as without.

    The Trainer tells the sampler that joins several sets, but not when it goes on in the middle of an epoch, and that
    one does not tell the sampler of each set.
    """

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """See ``TrainerCallback``."""
        joined = given["train_dataloader"].batch_sampler
        for sampler in (joined, *getattr(joined, "batch_samplers", ())):
            if hasattr(sampler, "set_epoch"):
                sampler.set_epoch(int(state.epoch + 1e-6))


def processes() -> int:
    """How many processes ``torchrun`` started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first_process() -> bool:
    """Whether this process is the one that writes, of those that ``torchrun`` started."""
    return int(os.environ.get("RANK", "0")) == 0
