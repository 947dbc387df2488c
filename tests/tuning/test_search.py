"""Every policy on every task: what is tried, what is not tried again, and by how many processes."""

import hashlib
import json
import shutil
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from joblib.externals.loky import get_reusable_executor

from rasa_token_pruning.encoder.adapter import Adapter
from rasa_token_pruning.encoder.adapter_files import write_adapter
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.location import WEIGHTS_FILE, sha256
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.evaluation.labelled import Labelled, LabelledError
from rasa_token_pruning.evaluation.tasks import Task
from rasa_token_pruning.tuning import search as search_module
from rasa_token_pruning.tuning.errors import TuningError
from rasa_token_pruning.tuning.result import SearchResult
from rasa_token_pruning.tuning.search import search
from rasa_token_pruning.tuning.trial import READOUTS, SHORT, UNCUT, Trial, tried
from tests.encoder.conftest import write_tiny_model
from tests.tuning.test_result import without_long

POLICIES = [PruningPolicy((1,), 0.5, 4), PruningPolicy((2,), 0.5, 4), PruningPolicy((1, 3), 0.7, 6)]
UNPRUNED = [PruningPolicy((1,), *UNCUT), PruningPolicy((2,), *UNCUT)]


@pytest.fixture
def notes(tmp_path):
    return tmp_path / "tuned.json.trials"


@pytest.fixture
def tries(monkeypatch):
    """What was tried; the trials hold a number that tells them from each other."""
    found = []

    def fake(policy, task, setting):
        found.append((policy, task.name))
        content = json.dumps([asdict(policy), asdict(task), asdict(setting)]).encode()
        number = int(hashlib.sha256(content).hexdigest()[:8], 16) / 2**32
        accuracies = {SHORT: [number] * len(setting.shots) * setting.seeds}
        return Trial(policy, task.name, dict.fromkeys(READOUTS, accuracies), {SHORT: number})

    monkeypatch.setattr(search_module, "tried", fake)
    return found


def test_every_policy_and_none_on_every_task(desk, visitors, setting, notes, tries):
    found = search(POLICIES, [desk, visitors], setting, notes)
    wanted = [(policy, task) for policy in [*UNPRUNED, *POLICIES] for task in ("desk", "visitors")]
    assert [(trial.policy, trial.task) for trial in found] == tries == wanted


def test_what_is_given_twice_is_tried_once(desk, setting, notes, tries):
    found = search([*POLICIES, POLICIES[0], UNPRUNED[0]], [desk], setting, notes)
    assert [trial.policy for trial in found] == [policy for policy, _ in tries] == [*UNPRUNED, *POLICIES]


def test_what_is_not_pruned_is_tried_for_every_first_layer(desk, setting, notes, tries):
    policies = [
        PruningPolicy((1, 2), 0.3, 10, "merge", "max_attention"),
        PruningPolicy((3,), 0.3, 10),
        PruningPolicy((1, 3), 0.3, 16),
    ]
    found = search(policies, [desk], setting, notes)
    unpruned = [PruningPolicy((1,), *UNCUT), PruningPolicy((3,), *UNCUT)]
    assert [trial.policy for trial in found] == [*unpruned, *policies]


def test_every_policy_can_be_judged_by_long_messages(desk, setting, notes):
    policies = [PruningPolicy((1, 3), 0.7, 4, "merge"), PruningPolicy((2,), 0.9, 4)]
    found = SearchResult(setting, "hash", search(policies, [desk], setting, notes), {})
    for readout in READOUTS:
        scores = found.scores(readout)
        assert {score.policy for score in scores} == {*UNPRUNED, *policies}
        assert all(score.long is not None for score in scores)
        assert {score.long.points for score in scores if score.policy in UNPRUNED} == {0}
    assert all(score.long is None for score in without_long(found).scores(READOUTS[0]))


def test_it_is_the_trials_that_are_noted(desk, visitors, setting, notes):
    found = search(POLICIES[:1], [desk, visitors], setting, notes)
    assert found == [tried(policy, task, setting) for policy in (UNPRUNED[0], POLICIES[0]) for task in (desk, visitors)]
    records = [json.loads(line) for line in notes.read_text().splitlines()]
    assert [record["accuracies"] for record in records] == [trial.accuracies for trial in found]
    assert search(POLICIES[:1], [desk, visitors], setting, notes) == found
    result = SearchResult(setting, "hash", found, {})
    assert [score.policy for score in result.scores(READOUTS[0])] == [POLICIES[0], UNPRUNED[0]]
    assert result.scores(READOUTS[0])[1].mean.points == 0


def test_two_processes_find_the_same(desk, visitors, setting, notes, tmp_path):
    alone = search(POLICIES[:1], [desk, visitors], setting, notes)
    try:
        assert search(POLICIES[:1], [desk, visitors], setting, tmp_path / "other", jobs=2) == alone
    finally:
        get_reusable_executor().shutdown(wait=True)
    assert sorted((tmp_path / "other").read_text().splitlines()) == sorted(notes.read_text().splitlines())


def test_a_second_search_tries_nothing(desk, visitors, setting, notes, tries):
    first = search(POLICIES, [desk, visitors], setting, notes)
    content = notes.read_bytes()
    tries.clear()
    assert search(POLICIES, [desk, visitors], setting, notes) == first
    assert tries == [] and notes.read_bytes() == content


def test_only_what_is_new_is_tried(desk, visitors, setting, notes, tries):
    search(POLICIES[:1], [desk], setting, notes)
    tries.clear()
    found = search([POLICIES[2], POLICIES[0]], [visitors, desk], setting, notes)
    assert tries == [
        (UNPRUNED[0], "visitors"),
        (POLICIES[2], "visitors"),
        (POLICIES[2], "desk"),
        (POLICIES[0], "visitors"),
    ]
    policies = [UNPRUNED[0], POLICIES[2], POLICIES[0]]
    assert [(t.policy, t.task) for t in found] == [(p, task) for p in policies for task in ("visitors", "desk")]


def test_an_interrupted_search_goes_on(desk, visitors, setting, notes, tries, monkeypatch):
    fake = search_module.tried

    def interrupted(policy, task, setting):
        if len(tries) == 3:
            raise KeyboardInterrupt
        return fake(policy, task, setting)

    monkeypatch.setattr(search_module, "tried", interrupted)
    with pytest.raises(KeyboardInterrupt):
        search(POLICIES, [desk, visitors], setting, notes)
    assert len(notes.read_text().splitlines()) == 3
    monkeypatch.setattr(search_module, "tried", fake)
    found = search(POLICIES, [desk, visitors], setting, notes)
    assert len(tries) == len(set(tries)) == len(found) == 10


@pytest.mark.parametrize("lost", [1, 2, 30, -1])
def test_an_interrupted_line(desk, setting, notes, tries, lost):
    """Some bytes of the last line were not written, or all but one were not."""
    first = search(POLICIES, [desk], setting, notes)
    whole = notes.read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    notes.write_bytes(whole[: len(whole) - (lost if lost > 0 else len(last) - 1)])
    tries.clear()
    assert search(POLICIES, [desk], setting, notes) == first
    assert tries == [(POLICIES[2], "desk")] and notes.read_bytes() == whole
    tries.clear()
    assert search(POLICIES, [desk], setting, notes) == first and tries == []


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"5",
        b"[]",
        b"null",
        b"\xff",
        b"{}",
        b'{"key": "x"}',
        b'{"key": "x", "policy": {"layers": [1], "quantile": 2, "min_tokens": 2}}',
    ],
)
@pytest.mark.parametrize("number", [0, 2, 5])
def test_a_damaged_line(desk, setting, notes, tries, line, number):
    search(POLICIES, [desk], setting, notes)
    lines = notes.read_bytes().splitlines()
    lines.insert(number, line)
    content = b"".join(line + b"\n" for line in lines)
    notes.write_bytes(content)
    tries.clear()
    with pytest.raises(TuningError, match=rf"tuned\.json\.trials is damaged in line {number + 1}: remove it"):
        search(POLICIES, [desk], setting, notes)
    assert tries == [] and notes.read_bytes() == content


@pytest.mark.parametrize(
    "change", [{"shots": (1, 2)}, {"seeds": 3}, {"held_out": 5}, {"long": 3}, {"longest": 3}, {"precision": "int8"}]
)
def test_another_setting_is_tried_again(desk, setting, notes, tries, change):
    search(POLICIES, [desk], setting, notes)
    tries.clear()
    other = search(POLICIES, [desk], replace(setting, **change), notes)
    assert len(tries) == len(other) == 5
    tries.clear()
    search(POLICIES, [desk], setting, notes)
    assert tries == []


def test_another_task_of_the_same_name_is_tried_again(desk, visitors, setting, notes, tries):
    search(POLICIES, [desk], setting, notes)
    tries.clear()
    search(POLICIES, [Task("desk", visitors.pool)], setting, notes)
    assert len(tries) == 5


def test_it_is_the_content_of_the_model_that_counts(desk, setting, notes, tries, tmp_path):
    search(POLICIES, [desk], setting, notes)
    tries.clear()
    same = write_tiny_model(tmp_path / "same", max_length=60)
    search(POLICIES, [desk], replace(setting, model=str(same)), notes)
    assert tries == []
    other = write_tiny_model(tmp_path / "other", max_length=60, seed=1)
    search(POLICIES, [desk], replace(setting, model=str(other)), notes)
    assert len(tries) == 5


def test_it_is_the_content_of_the_adapter_that_counts(desk, setting, notes, tries, tmp_path):
    weights = shared_model(setting.model).weights
    name = next(name for name, array in weights.arrays.items() if name.startswith("layers.") and array.ndim == 1)
    base = sha256(Path(setting.model) / WEIGHTS_FILE)
    for file, change in (("one", 1), ("other", 2)):
        adapter = Adapter({name: np.full_like(weights.arrays[name], change, dtype=np.float16)})
        write_adapter(tmp_path / file, adapter, base, {})
    shutil.copy(tmp_path / "one", tmp_path / "copy")
    tried_anew = []
    for file in ("none", "one", "copy", "other", "none"):
        tries.clear()
        adapter = file if file == "none" else str(tmp_path / file)
        search(POLICIES, [desk], replace(setting, adapter=adapter), notes)
        tried_anew.append(len(tries))
    assert tried_anew == [5, 5, 0, 5, 0]


def test_tasks_of_one_name(desk, visitors, setting, notes, tries):
    with pytest.raises(TuningError, match=r"names of their own, but are called \['desk', 'visitors', 'desk'\]"):
        search(POLICIES, [desk, visitors, desk], setting, notes)
    assert tries == [] and not notes.exists()


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_goes_wrong_in_a_trial(desk, setting, notes, jobs):
    try:
        with pytest.raises(EncoderError, match="this encoder has 4 layers"):
            search([PruningPolicy((4,), 0.5, 4)], [desk], setting, notes, jobs=jobs)
        with pytest.raises(LabelledError, match="Too few messages"):
            search(POLICIES, [Task("small", Labelled(("a", "b"), ("x", "y")))], setting, notes, jobs=jobs)
    finally:
        get_reusable_executor().shutdown(wait=True)


def test_what_goes_wrong_before(desk, setting, notes, tmp_path):
    with pytest.raises(EncoderError, match="nowhere"):
        search(POLICIES, [desk], replace(setting, model="/nowhere"), notes)
    with pytest.raises(OSError, match="nowhere"):
        search(POLICIES, [desk], setting, tmp_path / "nowhere" / "notes")
    with pytest.raises(OSError, match="directory"):
        search(POLICIES, [desk], setting, tmp_path)


def test_a_cluster_without_its_package(desk, setting, notes, tries, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(TuningError, match="pip install distributed"):
        search(POLICIES, [desk], setting, notes, cluster="tcp://127.0.0.1:1")
    assert tries == []
