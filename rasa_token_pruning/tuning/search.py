"""Trying every policy on every task: over processes or a cluster, and again from where it was interrupted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from joblib import Parallel, delayed, parallel_config
from tqdm import tqdm

from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.readout import JOINED_WEIGHT
from rasa_token_pruning.evaluation.tasks import Task
from rasa_token_pruning.fewshot.classifier import DEFAULT_STRENGTH
from rasa_token_pruning.fewshot.mixture import DISCRIMINANT, NEAREST
from rasa_token_pruning.tuning.errors import TuningError
from rasa_token_pruning.tuning.result import as_trial
from rasa_token_pruning.tuning.trial import UNCUT, Setting, Trial, tried
from rasa_token_pruning.version import __version__


def search(
    policies: Sequence[PruningPolicy],
    tasks: Sequence[Task],
    setting: Setting,
    notes: Path,
    jobs: int = 1,
    cluster: str | None = None,
) -> list[Trial]:
    """Try every policy, and none, on every task.

    :param policies: What to try.
    :param tasks: At least one; names differ.
    :param setting: How.
    :param notes: A file to which every trial is written when it is done; what is there already is not tried again.
    :param jobs: How many processes, at least 1.
    :param cluster: The address of a dask scheduler whose workers are to do it, as in ``tcp://10.0.0.1:8786``.
    :return: The trials, policy by policy.
    :raises TuningError: If names are equal, or dask is wanted and not installed.
    :raises EncoderError: If a policy or the model does not fit.
    :raises LabelledError: If a task is too small.
    """
    if len({task.name for task in tasks}) < len(tasks):
        raise TuningError(f"Tasks need names of their own, but are called {[task.name for task in tasks]}.")
    # Without cuts, but with the layer that the joined read-out is taken before: one for each such layer.
    unpruned = dict.fromkeys(PruningPolicy(policy.layers[:1], *UNCUT) for policy in policies)
    wanted = [(policy, task) for policy in dict.fromkeys([*unpruned, *policies]) for task in tasks]
    identity = shared_model(setting.model, setting.adapter_file).identity
    keys = [_key(identity, setting, policy, task) for policy, task in wanted]
    done = _noted(notes)
    missing = [(key, *unit) for key, unit in zip(keys, wanted, strict=True) if key not in done]
    with _workers(jobs, cluster), notes.open("a", encoding="utf-8") as stream:
        units = Parallel(return_as="generator_unordered")(
            delayed(_tried)(key, policy, task, setting) for key, policy, task in missing
        )
        for key, trial in tqdm(units, "Trying policies", total=len(missing), unit="trial", disable=not missing):
            stream.write(json.dumps({"key": key, **asdict(trial)}) + "\n")
            stream.flush()
            done[key] = trial
    return [done[key] for key in keys]


def _tried(key: str, policy: PruningPolicy, task: Task, setting: Setting) -> tuple[str, Trial]:
    return key, tried(policy, task, setting)


def _key(identity: str, setting: Setting, policy: PruningPolicy, task: Task) -> str:
    """What a trial depends on.

    :param identity: The hash of the model's files and its adapter's, wherever they are.
    """
    head = {"weight": JOINED_WEIGHT, "strength": DEFAULT_STRENGTH, "mixture": (NEAREST, DISCRIMINANT)}
    how = {**asdict(setting), "model": identity, "adapter": "", "version": __version__, **head}
    content = json.dumps([how, asdict(policy), asdict(task)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _noted(notes: Path) -> dict[str, Trial]:
    """The trials in the file. An interruption may have cut the last line short: it is taken out."""
    found: dict[str, Trial] = {}
    content = notes.read_bytes() if notes.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            record = json.loads(line)
            found[record.pop("key")] = as_trial(record)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise TuningError(f"{notes} is damaged in line {number}: remove it.") from error
    if whole != content:
        notes.write_bytes(whole)
    return found


@contextmanager
def _workers(jobs: int, cluster: str | None) -> Iterator[None]:
    if cluster is None:
        with parallel_config("loky", n_jobs=jobs):
            yield
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise TuningError("A cluster needs the package distributed: pip install distributed.") from error
    with Client(cluster), parallel_config("dask"):
        yield
