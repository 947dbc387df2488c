"""A training from its options to a folder, whichever kind it is of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sentence_transformers import SentenceTransformer

from rasa_token_pruning.evaluation.machine import machine
from rasa_token_pruning.evaluation.tasks import read_task
from rasa_token_pruning.training.checkpoints import claim
from rasa_token_pruning.training.judge import FewShotAccuracy
from rasa_token_pruning.training.lesson import Lesson
from rasa_token_pruning.training.output import check_free, checkpoints_of, write
from rasa_token_pruning.training.plan import Plan
from rasa_token_pruning.training.running import is_first_process, train


@dataclass(frozen=True)
class Job:
    """What all kinds have in common.

    :param kind: Which of them it is.
    :param plan: How long and how fast.
    :param model: What to start from.
    :param output: The folder to write.
    :param held_out: A task that decides when the encoder is best, as ``read_task`` takes it.
    """

    kind: str
    plan: Plan
    model: str
    output: Path
    held_out: str | None

    def done(
        self,
        particulars: Mapping[str, Any],
        make: Callable[[], tuple[SentenceTransformer, Lesson]],
        save: Callable[[SentenceTransformer, Path], Any],
    ) -> str:
        """Train, write, and say what came of it.

        :param particulars: What else decides the result, as JSON can say it.
        :param make: Gives the model as it is before, and what it learns from.
        :param save: Writes the model to a folder.
        :raises TrainingError: If the output exists, or its checkpoints are those of another training.
        """
        check_free(self.output)
        task = read_task(self.held_out) if self.held_out else None
        judge = FewShotAccuracy(task.name, task.pool) if task else None
        settings = {"kind": self.kind, "model": self.model, **asdict(self.plan), **particulars}
        settings["held_out"] = task.name if task else None
        last = claim(checkpoints_of(self.output), settings)
        model, lesson = make()
        history = train(model, lesson, self.plan, checkpoints_of(self.output), last, judge)
        if not is_first_process():
            return ""
        judged = _by_step(history, f"eval_{judge.figure}") if judge else {}
        if judge and len(judged) == 1:  # training was shorter than the first interval
            judged[int(history[-1]["step"])] = judge(model)[judge.figure]
        record = {"settings": settings, "machine": machine(), "judged": judged, "losses": _by_step(history, "loss")}
        write(self.output, lambda folder: save(model, folder), record)
        if not judged:
            return f"{self.output} is trained."
        return f"{self.output} is trained. Of the held-out messages it understands {_gain(judged)}."


def _gain(judged: Mapping[int, float]) -> str:
    """What became of the accuracy; the Trainer takes the best step after the start, even if that was better."""
    start, *later = judged.values()
    said = f"{start:.4f} before, {max(later):.4f} now"
    return said if max(later) > start else f"{said}: no step was better than the start, and this is the best of them"


def _by_step(history: list[Mapping[str, float]], key: str) -> dict[int, float]:
    return {int(entry["step"]): entry[key] for entry in history if key in entry}
