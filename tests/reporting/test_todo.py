"""Data with planted faults, and the advice about each."""

import pytest

from rasa_token_pruning.fewshot.review import Confusion
from rasa_token_pruning.reporting.misread import pairs_of
from rasa_token_pruning.reporting.todo import ADD, KEEP_ONE, MOVE, SEPARATE, tasks_of
from tests.reporting.conftest import labelled

CLEAN = {name: [f"{name} {number}" for number in range(10)] for name in ("a", "b", "c")}


def misread(text, given, looks_like, own=0.3, other=0.6):
    return Confusion(own=own, text=text, given=given, looks_like=looks_like, other=other, usual=0.5)


def tasks(examples, confusions=(), unsure=(), outside=frozenset()):
    data = labelled(examples)
    return tasks_of(data, confusions, unsure, outside)


def test_clean_data_need_nothing():
    assert tasks(CLEAN) == []


def test_a_single_slip_is_chance():
    assert tasks(CLEAN, [misread("a 1", "a", "b")]) == []


def test_a_text_in_two_intents_is_to_be_kept_in_one():
    examples = {**CLEAN, "d": ["A  1!", "d 2", "d 3"]}
    (task,) = tasks(examples, [misread("a 1", "a", "d", own=0.01, other=0.9)])
    assert (task.kind, task.intents, task.texts) == (KEEP_ONE, ("a", "d"), ("a 1", "A  1!"))
    assert task.gain == pytest.approx(1 / 10 + 1 / 3)


@pytest.mark.parametrize("doubled", [["a 1?", "A  1!"], ["A  1!", "a 1?"]])
def test_of_a_text_that_an_intent_has_in_several_ways_the_same_is_shown_in_any_order(doubled):
    (task,) = tasks({**CLEAN, "d": [*doubled, "d 2", "d 3"]})
    assert (task.kind, task.texts) == (KEEP_ONE, ("a 1", "A  1!"))


def test_intents_that_mix_are_to_be_told_apart_and_their_examples_are_no_other_task():
    confusions = [misread(f"a {number}", "a", "b", own=0.01, other=0.9) for number in range(3)]
    confusions.append(misread("b 1", "b", "a"))
    (task,) = tasks(CLEAN, confusions)
    assert (task.kind, task.intents, task.examples) == (SEPARATE, ("a", "b"), 20)
    assert set(task.texts) == {"a 0", "a 1", "a 2", "b 1"} and task.gain == pytest.approx(0.4)
    assert dict(zip(task.texts, task.read_as, strict=True))["b 1"] == "a"


def test_a_text_in_two_intents_does_not_make_them_look_alike():
    examples = {**CLEAN, "d": ["a 1", "a 2", "d 3", "d 4"]}
    confusions = [misread(text, "d", "a", own=0.01, other=0.9) for text in ("a 1", "a 2")]
    assert [task.kind for task in tasks(examples, confusions)] == [KEEP_ONE, KEEP_ONE]


def test_an_example_that_looks_misplaced_is_to_be_moved():
    (task,) = tasks(CLEAN, [misread("a 1", "a", "b", own=0.01, other=0.9)])
    assert (task.kind, task.intents, task.texts) == (MOVE, ("a", "b"), ("a 1",))


def test_of_two_examples_none_looks_misplaced():
    found = tasks({**CLEAN, "d": ["d 1", "d 2"]}, [misread("d 1", "d", "b", own=0.01, other=0.9)])
    assert [task.kind for task in found] == [ADD]


@pytest.mark.parametrize("count, gain", [(1, 2 / 3), (2, 1 / 3)])
def test_an_intent_with_few_examples_needs_more(count, gain):
    (task,) = tasks({**CLEAN, "d": [f"d {number}" for number in range(count)]})
    assert (task.kind, task.intents, task.examples, task.texts) == (ADD, ("d",), count, ())
    assert task.gain == pytest.approx(gain)


def test_texts_that_differ_by_case_and_stops_are_one_example():
    (task,) = tasks({**CLEAN, "d": ["Hello!", "hello", "HELLO."]})
    assert (task.kind, task.examples) == (ADD, 1)


def test_an_intent_of_which_much_is_missed_needs_more_examples():
    confusions = [misread("a 1", "a", "b"), misread("a 2", "a", "c")]
    found = tasks(CLEAN, confusions, unsure=[3, 4])
    assert [(task.kind, task.intents) for task in found] == [(ADD, ("a",))]
    assert found[0].texts == ("a 1", "a 2", "a 3", "a 4") and found[0].read_as == ("b", "c", "a", "a")
    assert found[0].gain == pytest.approx(0.3)


def test_messages_that_belong_to_no_intent_need_no_topic():
    assert tasks({**CLEAN, "out_of_scope": ["x"]}, outside=frozenset({"out_of_scope"})) == []


def test_what_brings_most_stands_first():
    confusions = [misread(f"a {number}", "a", "b") for number in range(4)]
    found = tasks({**CLEAN, "d": ["d 1"]}, [*confusions, misread("c 1", "c", "a", own=0.01, other=0.9)])
    assert [task.kind for task in found] == [ADD, SEPARATE, MOVE]
    assert [task.gain for task in found] == sorted((task.gain for task in found), reverse=True)


def test_pairs_count_both_directions_by_share():
    confusions = [misread("a 1", "a", "b"), misread("b 1", "b", "a"), misread("c 1", "c", "a")]
    first, second = pairs_of(confusions, {"a": 10, "b": 5, "c": 10})
    assert (first.first, first.second, first.share) == ("a", "b", pytest.approx(0.3))
    assert first.mixing and not second.mixing
    assert [one.text for one in second.examples] == ["c 1"]
