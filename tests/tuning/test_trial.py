"""One policy on one task, compared with doing it by hand."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from rasa_token_pruning.encoder.adapter_files import shipped_adapter
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.location import WEIGHTS_FILE, locate, sha256
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.encoder.readout import FINAL, FINAL_AND_CUT
from rasa_token_pruning.evaluation.few_shot import Learner, draw
from rasa_token_pruning.evaluation.labelled import Labelled, LabelledError
from rasa_token_pruning.evaluation.long_messages import lengthened, longest
from rasa_token_pruning.evaluation.tasks import Task
from rasa_token_pruning.tuning.trial import LONG, LONGEST, READOUTS, SHORT, Trial, tried
from tests.encoder.conftest import write_tiny_model

POLICY = PruningPolicy((1,), 0.7, 4)
UNPRUNED = PruningPolicy((1,), 0.0, 2)
TWO_CUTS = PruningPolicy((0, 2), 0.6, 4, "merge", "max_attention")


def by_hand(encode, task, setting, kind):
    """The accuracies of an encoder, draw by draw."""
    found = []
    for shots in setting.shots:
        for seed in range(setting.seeds):
            learnt, judged = draw(task.pool, shots, setting.held_out, seed)
            if kind == LONG:
                judged = lengthened(judged.chosen(range(min(setting.long, len(judged)))))
            elif kind == LONGEST:
                judged = longest(task.pool, setting.longest, without=learnt)
            found.append(Learner.of(encode, learnt).accuracy(encode, judged))
    return found


@pytest.mark.parametrize("policy", [POLICY, UNPRUNED, TWO_CUTS], ids=["one", "none", "two"])
@pytest.mark.parametrize("readout", READOUTS)
def test_accuracies_are_those_of_an_encoder_with_the_read_out(policy, readout, desk, setting):
    setting = replace(setting, longest=5)
    trial = tried(policy, desk, setting)
    encoder = PrunedEncoder(setting.model, policy, readout, engine="onnx", num_threads=1)
    assert (trial.policy, trial.task, trial.time) == (policy, "desk", None)
    assert set(trial.accuracies) == set(READOUTS) and set(trial.accuracies[readout]) == {SHORT, LONG, LONGEST}
    for kind, accuracies in trial.accuracies[readout].items():
        assert accuracies == by_hand(encoder.encode, desk, setting, kind)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_without_pruning_it_is_the_sentence_embedding(desk, tmp_path, setting, precision):
    folder = write_tiny_model(tmp_path / "model", normalize=False, seed=1)
    setting = replace(setting, model=str(folder), precision=precision)
    encoder = PrunedEncoder(str(folder), "off", engine="onnx", precision=precision, num_threads=1)
    trial = tried(UNPRUNED, desk, setting)
    for kind in (SHORT, LONG):
        assert trial.accuracies[FINAL][kind] == by_hand(encoder.encode, desk, setting, kind)
    assert trial.work == {SHORT: 1, LONG: 1}


def test_the_model_in_use(desk, setting):
    setting = replace(setting, model="all-MiniLM-L6-v2", shots=(2,), held_out=4, long=2)
    trial = tried(POLICY, desk, setting)
    for readout in READOUTS:
        encoder = PrunedEncoder(pruning=POLICY, readout=readout, engine="onnx", num_threads=1)
        for kind in (SHORT, LONG):
            assert trial.accuracies[readout][kind] == by_hand(encoder.encode, desk, setting, kind)
    assert np.mean(trial.accuracies[FINAL_AND_CUT][SHORT]) > 0.6


@pytest.mark.parametrize("adapter", ["auto", "none"])
def test_an_adapter_changes_the_unpruned_encoder_too(desk, setting, adapter):
    setting = replace(setting, model="all-MiniLM-L6-v2", shots=(2,), held_out=4, long=2, adapter=adapter)
    file = "none" if adapter == "none" else str(shipped_adapter(sha256(locate(setting.model) / WEIGHTS_FILE)))
    assert setting.adapter_file == (None if adapter == "none" else Path(file))
    for policy in (POLICY, UNPRUNED):
        expected = PrunedEncoder(pruning=policy, readout=FINAL_AND_CUT, engine="onnx", num_threads=1, adapter=file)
        assert np.array_equal(setting.encoder(policy).encode(["hello"]), expected.encode(["hello"]))
        for kind in (SHORT, LONG):
            assert tried(policy, desk, setting).accuracies[FINAL_AND_CUT][kind] == by_hand(
                expected.encode, desk, setting, kind
            )


def test_it_is_the_same_again_and_in_another_order(desk, visitors, setting):
    units = [(POLICY, desk), (POLICY, visitors), (UNPRUNED, desk), (UNPRUNED, visitors)]
    first = [tried(policy, task, setting) for policy, task in units]
    again = [tried(policy, task, setting) for policy, task in reversed(units)]
    assert first == again[::-1]
    mixed = Task("desk", desk.pool.chosen(list(range(len(desk.pool)))[::-1]))
    assert tried(POLICY, mixed, setting) == first[0]


def test_draws_do_not_depend_on_the_policy(desk, setting):
    never = replace(POLICY, min_tokens=300)
    assert tried(never, desk, setting).accuracies == tried(UNPRUNED, desk, setting).accuracies
    assert tried(never, desk, setting).work == {SHORT: 1, LONG: 1}


def test_shots_follow_each_other(desk, setting):
    both, one, three = (tried(POLICY, desk, replace(setting, shots=shots)) for shots in ((1, 3), (1,), (3,)))
    more = tried(POLICY, desk, replace(setting, seeds=3, shots=(1,)))
    for readout in READOUTS:
        for kind in (SHORT, LONG):
            joined = one.accuracies[readout][kind] + three.accuracies[readout][kind]
            assert both.accuracies[readout][kind] == joined and len(joined) == 4
            assert more.accuracies[readout][kind][:2] == one.accuracies[readout][kind]


@pytest.mark.parametrize("long, judged", [(0, 0), (4, 4), (100, 6)])
def test_how_many_are_made_long(desk, setting, long, judged, monkeypatch):
    asked = []

    def accuracy(self, encode, messages):
        asked.append(messages)
        return 0.5

    monkeypatch.setattr(Learner, "accuracy", accuracy)
    trial = tried(POLICY, desk, replace(setting, long=long))
    assert set(trial.work) == set(trial.accuracies[FINAL]) == ({SHORT, LONG} if long else {SHORT})
    kinds = [messages for messages in asked if len(messages.texts[0]) > 100]
    assert {len(messages) for messages in kinds} == ({judged} if long else set())
    assert len(asked) - len(kinds) == 8 and {len(messages) for messages in asked if messages not in kinds} == {6}


def test_the_work_that_is_left(desk, setting):
    """The tiny tokenizer spells: a message has as many pieces as letters and signs, and two special ones."""
    short = tried(POLICY, desk, setting).work[SHORT]
    judged = {text for seed in range(2) for text in draw(desk.pool, 1, 6, seed)[1].texts}
    left = total = 0
    for text in judged:
        length = min(60, len(text.replace(" ", "")) + 2)
        after = length - int(0.7 * (length - 4) + 1e-9)
        left += length + (length + after) / 2 + 2 * after
        total += 4 * length
    assert short == pytest.approx(left / total)
    assert tried(replace(POLICY, layers=(2,)), desk, setting).work[SHORT] > short


def test_what_does_not_fit(desk, setting):
    with pytest.raises(EncoderError, match="this encoder has 4 layers"):
        tried(PruningPolicy((4,), 0.5, 4), desk, setting)
    with pytest.raises(EncoderError, match="needs a layer to read from"):
        tried(PruningPolicy((), 0.5, 4), desk, setting)
    with pytest.raises(EncoderError, match="nowhere"):
        tried(POLICY, desk, replace(setting, model="/nowhere"))
    with pytest.raises(LabelledError, match="Too few messages"):
        tried(POLICY, Task("small", Labelled(("a", "b"), ("x", "y"))), setting)


def test_it_can_be_written_as_json(desk, setting):
    trial = tried(POLICY, desk, setting)
    assert isinstance(trial, Trial)
    record = json.loads(json.dumps(asdict(trial)))
    assert record["accuracies"] == trial.accuracies and record["work"] == trial.work
