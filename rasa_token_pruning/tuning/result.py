"""What a search found: it can be asked for a policy again and again, under any budget, without running anything."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.readout import FINAL
from rasa_token_pruning.evaluation.long_messages import LONG, LONGEST, SHORT
from rasa_token_pruning.tuning.errors import TuningError
from rasa_token_pruning.tuning.trial import UNCUT, Setting, Trial

FORMAT = 1


@dataclass(frozen=True)
class Budget:
    """What pruning may cost, in points of accuracy.

    :param mean: On the mean over the tasks, messages as they are written, against the unpruned encoder's own embedding;
        less than 0 demands a gain.
    :param worst: The same on the worst task.
    :param long: On the mean over the tasks, long messages, against the unpruned encoder with the same read-out.
    :param longest: The same on the longest messages as they are written.
    :param overall: On the mean of these three, if all were judged by and no task is hard: what is gained on one kind of
        message may make up for what is lost on another. Hard tasks say more of what a cut can take.
    :param hard: On the mean over the hard tasks, if there are any, messages as they are written, against the unpruned
        encoder's own embedding.
    :param errors: By how many standard errors a task may be worse than ``worst``.
    """

    mean: float
    worst: float
    long: float = math.inf
    longest: float = math.inf
    overall: float = math.inf
    hard: float = math.inf
    errors: float = 0


# Speed levels, the slowest first.
LEVELS: Mapping[str, Budget] = {
    "gentle": Budget(0.1, 0.0, 0.5, 0.5, 0.0, 0.5, errors=2),
    "balanced": Budget(0.5, 1.0, 1.0, 3.0, 0.0, 1.5),
    "aggressive": Budget(2.0, 4.0, 4.0, 5.0, 0.0, 2.5),
}


@dataclass(frozen=True)
class Change:
    """A change of accuracy.

    :param points: In points.
    :param error: The standard error of ``points`` over the draws of examples, in points.
    """

    points: float
    error: float

    def __str__(self) -> str:
        return f"{self.points:+.2f} ±{self.error:.2f}"


@dataclass(frozen=True)
class Score:
    """What one policy is worth over some tasks.

    :param policy: The policy.
    :param mean: The mean change over the tasks, messages as they are written, against the unpruned encoder's own
        embedding.
    :param by_task: That change on each task and kind of message.
    :param long: The mean change on long messages against the unpruned encoder with the same read-out, if these were
        judged by: what pruning alone does to them.
    :param longest: The same on the longest messages as they are written, if these were judged by.
    :param hard: The mean change over the hard tasks, messages as they are written, against the unpruned encoder's own
        embedding, if there are such tasks.
    :param work: The mean share of the work that is left, in ``(0, 1]``, on messages as written and on long ones.
    :param time: The mean share of the time that is left, if it was measured.
    """

    policy: PruningPolicy
    mean: Change
    by_task: Mapping[tuple[str, str], Change]
    long: Change | None
    longest: Change | None
    hard: Change | None
    work: float
    time: float | None

    @property
    def worst(self) -> tuple[str, Change]:
        """The task with the lowest change, messages as they are written, and the change."""
        written = {task: change for (task, kind), change in self.by_task.items() if kind == SHORT}
        return min(written.items(), key=lambda entry: entry[1].points)

    @property
    def overall(self) -> float | None:
        """The mean of ``mean``, ``long`` and ``longest`` in points, if all three kinds of message were judged by."""
        if self.long is None or self.longest is None:
            return None
        return (self.mean.points + self.long.points + self.longest.points) / 3

    def within(self, budget: Budget) -> bool:
        """Whether it keeps to a budget; what was not judged by binds nothing."""
        tasks = [
            change.points + budget.errors * change.error >= -budget.worst
            for (_, kind), change in self.by_task.items()
            if kind == SHORT
        ]
        means = [
            (self.mean, budget.mean),
            (self.long, budget.long),
            (self.longest, budget.longest),
            (self.hard, budget.hard),
        ]
        return (
            all(tasks)
            and all(change is None or change.points >= -bound for change, bound in means)
            and (self.overall is None or self.hard is not None or self.overall >= -budget.overall)
        )


@dataclass(frozen=True, eq=False)
class SearchResult:
    """Every trial of a search.

    :param setting: How every policy was tried.
    :param identity: The hash of the encoder's files.
    :param trials: At least one per task is unpruned: its policy has a quantile of 0.
    :param provenance: Date, version of the package, machine, and what the tasks were made of.
    :param hard: The names of tasks that are known to be hard: of them the mean counts, and no single one.
    """

    setting: Setting
    identity: str
    trials: Sequence[Trial]
    provenance: Mapping[str, Any]
    hard: Sequence[str] = ()

    @property
    def tasks(self) -> list[str]:
        """The names of the tasks that each count by themselves."""
        return [task for task in self._all_tasks if task not in self.hard]

    def scores(self, readout: str, tasks: Sequence[str] | None = None) -> list[Score]:
        """What each policy is worth, the one that leaves least to do first.

        :param readout: One of ``trial.READOUTS``.
        :param tasks: Only these, and the hard ones; all if nothing is given.
        :raises TuningError: If the read-out was not tried.
        """
        if readout not in self.setting.readouts:
            raise TuningError(
                f"The read-out {readout} was not tried, but {', '.join(self.setting.readouts)}: search again with "
                f"--readout {readout}."
            )
        wanted = self.tasks if tasks is None else tasks
        found = [self._score(policy, readout, wanted) for policy in self._by_policy]
        return sorted(found, key=lambda score: score.work if score.time is None else score.time)

    def best(self, budget: Budget, readout: str, tasks: Sequence[str] | None = None) -> Score | None:
        """The policy that leaves least to do (time if it was measured, else work) within a budget, if one is.

        Not pruning at all is no policy.
        """
        pruned = (score for score in self.scores(readout, tasks) if score.policy.quantile > 0)
        return next((score for score in pruned if score.within(budget)), None)

    def leave_one_out(self, budget: Budget, readout: str) -> dict[str, Score | None]:
        """For each of several tasks: the policy that is best on the *other* ones, and what it is worth on this one."""
        held_out: dict[str, Score | None] = {}
        for task in self.tasks if len(self.tasks) > 1 else []:
            chosen = self.best(budget, readout, [other for other in self.tasks if other != task])
            held_out[task] = chosen and self._score(chosen.policy, readout, [task])
        return held_out

    def save(self, file: Path) -> None:
        """Write everything as JSON."""
        trials = [asdict(trial) for trial in self.trials]
        record = {"format": FORMAT, **self.provenance, "identity": self.identity, "setting": asdict(self.setting)}
        record |= {"hard": list(self.hard)} if self.hard else {}
        text = json.dumps(record, indent=1)[:-2] + ',\n "trials": [\n'
        file.write_text(text + ",\n".join(json.dumps(trial) for trial in trials) + "\n ]\n}\n", encoding="utf-8")

    @classmethod
    def load(cls, file: Path) -> SearchResult:
        """What ``save`` has written.

        :raises TuningError: If the file is missing or is none.
        """
        try:
            record = json.loads(file.read_bytes())
            if record.pop("format") != FORMAT:
                raise ValueError("it has another format")
            setting = record.pop("setting")
            setting = {key: tuple(value) if isinstance(value, list) else value for key, value in setting.items()}
            trials = [as_trial(trial) for trial in record.pop("trials")]
            hard = record.pop("hard", [])
            result = cls(Setting(**setting), record.pop("identity"), trials, record, hard)
            if not result.scores(FINAL):  # which misses what is missing
                raise ValueError("no policy was tried on every task")
            return result
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, EncoderError) as error:
            raise TuningError(f"{file} is no result of a search ({error!r}): run rasa-token-pruning tune.") from error

    @cached_property
    def _all_tasks(self) -> list[str]:
        return list(dict.fromkeys(trial.task for trial in self.trials))

    @cached_property
    def _by_policy(self) -> dict[PruningPolicy, dict[str, Trial]]:
        found: dict[PruningPolicy, dict[str, Trial]] = {}
        for trial in self.trials:
            found.setdefault(trial.policy, {})[trial.task] = trial
        return {policy: trials for policy, trials in found.items() if len(trials) == len(self._all_tasks)}

    @cached_property
    def _reference(self) -> dict[str, dict[str, list[float]]]:
        """The accuracies of the unpruned encoder's own embedding, by task and kind of message."""
        return {trial.task: trial.accuracies[FINAL] for trial in self.trials if trial.policy.quantile == 0}

    def _score(self, policy: PruningPolicy, readout: str, tasks: Sequence[str]) -> Score:
        trials = [self._by_policy[policy][task] for task in tasks]
        by_task = {
            (trial.task, kind): self._against_own(trial, readout, kind)
            for trial in trials
            for kind in trial.accuracies[readout]
        }
        hard = [self._against_own(self._by_policy[policy][task], readout, SHORT) for task in self.hard]
        times = [share for trial in trials for share in (trial.time or {}).values()]
        return Score(
            policy,
            _mean([change for (_, kind), change in by_task.items() if kind == SHORT]),
            by_task,
            self._by_pruning(trials, readout, LONG),
            self._by_pruning(trials, readout, LONGEST),
            _mean(hard) if hard else None,
            work=float(np.mean([trial.work[kind] for trial in trials for kind in trial.work if kind != LONGEST])),
            time=float(np.mean(times)) if all(trial.time for trial in trials) else None,
        )

    def _against_own(self, trial: Trial, readout: str, kind: str) -> Change:
        """The change on one kind of a task's messages against the unpruned encoder's own embedding."""
        return _change(self._gained(trial.accuracies[readout][kind], self._reference[trial.task][kind]))

    def _by_pruning(self, trials: Sequence[Trial], readout: str, kind: str) -> Change | None:
        """The mean change on one kind of message against the unpruned encoder with the same read-out."""
        found = []
        for trial in trials:
            if kind in trial.work:
                same = self._by_policy[PruningPolicy(trial.policy.layers[:1], *UNCUT)][trial.task]
                found.append(_change(self._gained(trial.accuracies[readout][kind], same.accuracies[readout][kind])))
        return _mean(found) if found else None

    def _gained(self, draws: Sequence[float], reference: Sequence[float]) -> np.ndarray:
        """Accuracy minus the reference's in points, for each seed the mean over the shots, ``(seeds,)``."""
        gained = np.array(draws) - np.array(reference)
        means: np.ndarray = 100 * gained.reshape(len(self.setting.shots), -1).mean(axis=0)
        return means


def as_trial(record: Mapping[str, Any]) -> Trial:
    """A trial from what ``asdict`` has made of it."""
    policy = PruningPolicy(**record["policy"])
    return Trial(policy, record["task"], record["accuracies"], record["work"], record.get("time"))


def _change(seeds: np.ndarray) -> Change:
    return Change(float(seeds.mean()), float(seeds.std(ddof=1) / np.sqrt(len(seeds))))


def _mean(changes: Sequence[Change]) -> Change:
    errors = np.array([change.error for change in changes])
    points = float(np.mean([change.points for change in changes]))
    return Change(points, float(np.sqrt((errors**2).sum()) / len(errors)))
