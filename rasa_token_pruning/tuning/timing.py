"""The time that a policy leaves, measured, as an alternative to counting its work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tqdm import tqdm

from rasa_token_pruning.evaluation.few_shot import draw
from rasa_token_pruning.evaluation.long_messages import LONG, SHORT, lengthened
from rasa_token_pruning.evaluation.paired_time import paired_time
from rasa_token_pruning.evaluation.tasks import Task
from rasa_token_pruning.tuning.trial import Setting, Trial

MESSAGES = 60


def timed(trials: Sequence[Trial], tasks: Sequence[Task], setting: Setting) -> list[Trial]:
    """The trials with the share of time that is left, one message at a time. Leave the machine alone meanwhile.

    :param trials: Of these tasks with this setting.
    """
    unpruned = setting.encoder(next(trial.policy for trial in trials if trial.policy.quantile == 0))
    messages = {task.name: _messages(task, setting) for task in tasks}
    measured = []
    for policy in tqdm(list(dict.fromkeys(trial.policy for trial in trials)), "Timing policies", unit="policy"):
        encoder = setting.encoder(policy)
        for trial in trials:
            if trial.policy == policy:
                kinds = messages[trial.task].items()
                shares = {kind: paired_time(encoder.encode, unpruned.encode, texts).share for kind, texts in kinds}
                measured.append(replace(trial, time=shares))
    return measured


def _messages(task: Task, setting: Setting) -> dict[str, Sequence[str]]:
    _, judged = draw(task.pool, max(setting.shots), MESSAGES, seed=0)
    return {SHORT: judged.texts, **({LONG: lengthened(judged).texts} if setting.long else {})}
