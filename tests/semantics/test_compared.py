"""What is counted of outcomes that are known."""

import numpy as np
import pytest

from benchmarks.semantics import taken_out
from benchmarks.semantics.compared import flips, gap, reference, worst_intents
from benchmarks.semantics.confidence import calibration, out_of_scope
from benchmarks.semantics.observed import CLEAN, OUTSIDE, Observed
from benchmarks.semantics.parts import everything, parts
from benchmarks.semantics.systems import OFF
from benchmarks.semantics.told_apart import own_sentences
from rasa_token_pruning.encoder.readout import FINAL, FINAL_AND_CUT

LEVEL, READOUT = "balanced", FINAL_AND_CUT


@pytest.fixture
def task(make_observed):
    return make_observed()


def said(task, name, level=LEVEL):
    return task.arrays[f"{name}/{level}/{READOUT}"]


def test_broken_and_fixed_answers_are_of_the_first_draw_and_the_gap_of_all(task):
    said(task, CLEAN)[0, :6] = 9  # broken in the first of two draws
    said(task, CLEAN, OFF)[:, 6:8] = 9  # fixed in both
    found = flips([task], LEVEL, READOUT, everything)
    assert (found["messages"], found["broken"], found["fixed"]) == (120, 6, 2)
    assert found["flips"]["value"] == pytest.approx(8 / 120)
    assert found["gap"]["value"] == pytest.approx(100 * (2 - 6 / 2) / 120)
    assert found["gap"]["low"] < found["gap"]["value"] < found["gap"]["high"]
    assert found["p"] == pytest.approx(2 * (1 + 8 + 28) / 2**8)


def test_an_answer_that_is_wrong_otherwise_changes_but_is_neither_broken_nor_fixed(task):
    said(task, CLEAN)[:, 0], said(task, CLEAN, OFF)[:, 0] = 8, 9
    found = flips([task], LEVEL, READOUT, everything)
    assert found["flips"]["value"] > 0 and found["broken"] == found["fixed"] == 0


def test_parts_are_by_length_by_what_is_cut_and_by_class(task):
    task.arrays[f"{CLEAN}/pieces"][:10] = 10
    task.arrays[f"tally/{LEVEL}"][:20, :, 1] = 0
    sizes = {name: flips([task], LEVEL, READOUT, part)["messages"] for name, part in parts(LEVEL).items()}
    assert {name: size for name, size in sizes.items() if size} == {
        "all": 120, "cut at all": 100, "1 to 10 pieces": 10, "11 to 14 pieces": 110, "cut, with a negation": 100,
    }  # fmt: skip


def test_the_worst_intents_come_first(task, make_observed):
    other = make_observed(task="another")
    said(other, CLEAN)[0, other.truth == 1] = 2
    said(task, CLEAN)[0, np.flatnonzero(task.truth == 2)[:3]] = 1
    first, second, third, *_ = worst_intents([task, other], LEVEL, READOUT)
    assert (first["task"], first["intent"], first["broken"], first["messages"]) == ("another", "b", 40, 40)
    assert (second["task"], second["intent"], second["broken"]) == ("made up", "c", 3)
    assert first["p_holm"] == pytest.approx(6 * 2 / 2**40) and second["p_holm"] == third["p_holm"] == 1


def test_the_gap_of_a_set_and_what_of_it_was_not_there_before(task):
    name = "politeness"
    said(task, CLEAN)[:, :12] = 9
    said(task, name)[:, :30] = 9
    found = gap([task], name, LEVEL, READOUT)
    assert found["gap"]["value"] == pytest.approx(-25) and found["extra"]["value"] == pytest.approx(-15)
    assert found["unstable"]["value"] == pytest.approx(15) and found["unstable_full"]["value"] == 0


def test_only_messages_that_a_change_has_changed_are_compared_with_themselves(task):
    name = "politeness"
    task.arrays[f"{name}/numbers"] = np.array([5, 7])
    for key in [key for key in task.arrays if key.startswith(f"{name}/") and key.endswith(READOUT)]:
        task.arrays[key] = task.arrays[key][:, [5, 7]]
    said(task, CLEAN)[:, 7] = 9
    said(task, name)[:, 1] = 9
    found = gap([task], name, LEVEL, READOUT)
    assert found["messages"] == 2
    assert (found["gap"]["value"], found["extra"]["value"], found["unstable"]["value"]) == (-50, 0, 0)


def test_names_and_scripts_are_compared_with_english_names():
    assert reference("name: Indian") == reference("script: Han") == "name: English"
    assert reference("name: English") == reference("one typing error") == CLEAN


def test_what_is_taken_out_is_judged_where_something_is_cut(task):
    task.arrays[f"tally/{LEVEL}"][60:, :, 1] = 0
    task.arrays[f"pruned {LEVEL}/{READOUT}"][:, 30:90] = 9
    task.arrays[f"random 1 {LEVEL}/{READOUT}"][:, :] = 9
    found = taken_out.figures([task], LEVEL, READOUT)
    values = {name: row["gap"]["value"] for name, row in found["rows"].items()}
    assert found["messages"] == 60
    assert values["text without the pruned pieces"] == -50
    assert values["text without random pieces"] == pytest.approx(-100 / 3)
    assert values["text without the most frequent pieces"] == values["whole text, pruned on the way"] == 0
    assert found["rows"]["text without the pruned pieces"]["pruned_less"]["value"] == 50


def test_calibration_and_auroc_are_compared_in_points(make_observed):
    task = make_observed(messages=200)
    task.arrays[f"{CLEAN}/{LEVEL}/{READOUT} confidence"] = np.full(200, 0.75)
    task.arrays[f"{OUTSIDE}/{LEVEL}/{READOUT} confidence"] = np.repeat([0.0, 1.0], 5)
    task.arrays[f"{CLEAN}/pieces"][:40] = 10
    errors, aurocs = calibration(task, LEVEL, READOUT), out_of_scope(task, LEVEL, READOUT)
    assert set(errors) == {"all", "11 to 14 pieces"}  # where there are a hundred messages
    assert (errors["all"]["full"], errors["all"]["pruned"]) == (0, 25)
    assert errors["all"]["difference"] == {"value": 25, "low": 25, "high": 25}
    assert (aurocs["all"]["full"], aurocs["all"]["pruned"]) == (100, 50)
    assert -90 < aurocs["all"]["difference"]["low"] < -50 < aurocs["all"]["difference"]["high"] < -10


def test_negations_are_counted_by_kind_and_where_they_are(own):
    said(own, CLEAN)[:, 1:160:2] = 9  # every negated message of the first kind
    found = own_sentences(own, LEVEL, READOUT)
    assert (found["not"]["messages"], found["all"]["messages"]) == (160, 800)
    assert (found["not"]["gap"]["value"], found["not"]["gap_negated"]["value"]) == (-50, -100)
    assert found["all"]["gap"]["value"] == -10 and found["never"]["gap"]["value"] == 0
    assert found["not"]["cut"] == 0.5 and found["not"]["lost"] == 0


def test_the_model_s_own_embedding_is_counted_apart(task):
    task.arrays[f"{CLEAN}/{LEVEL}/{FINAL}"][:] = 9
    assert flips([task], LEVEL, READOUT, everything)["broken"] == 0
    assert flips([task], LEVEL, FINAL, everything)["broken"] == 120


def test_what_was_observed_comes_back_from_disk(task, tmp_path):
    task.save(tmp_path / "task.npz")
    found = Observed.load(tmp_path / "task.npz")
    assert (found.task, found.intents) == (task.task, task.intents) and (found.truth == task.truth).all()
    assert found.arrays.keys() == task.arrays.keys()
    assert all((found.arrays[name] == array).all() for name, array in task.arrays.items())
    assert [file.name for file in tmp_path.iterdir()] == ["task.npz"]
