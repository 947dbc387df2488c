import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rasa.shared.nlu.constants import RESPONSE_IDENTIFIER_DELIMITER

from rasa_token_pruning.components.ranking import Ranking, shown

LABELS = ("faq/opening_hours", "faq/parking", "goodbye", "greet")

confidences = st.lists(st.sampled_from([0.0, 0.125, 0.25, 0.5]), min_size=4, max_size=4).map(np.array)
rankings = st.lists(st.floats(0.001, 1), min_size=1, max_size=12).map(
    lambda found: [{"name": f"intent {n}", "confidence": c} for n, c in enumerate(sorted(found, reverse=True))]
)


def test_topics_are_summed_and_the_likeliest_intent_comes_first():
    assert Ranking(LABELS).rank(np.array([0.25, 0.25, 0.125, 0.375])) == [
        {"name": "faq", "confidence": 0.5},
        {"name": "greet", "confidence": 0.375},
        {"name": "goodbye", "confidence": 0.125},
    ]


def test_labels_are_parted_where_rasa_parts_them():
    [first] = Ranking([f"faq{RESPONSE_IDENTIFIER_DELIMITER}{part}" for part in "ab"]).rank(np.array([0.5, 0.5]))
    assert first == {"name": "faq", "confidence": 1.0}


def test_equal_confidences_are_in_alphabetical_order():
    ranking = Ranking(["c", "b/2", "a", "b/1"]).rank(np.array([0.5, 0.25, 0.5, 0.25]))
    assert [entry["name"] for entry in ranking] == ["a", "b", "c"]
    many = [f"intent {number:03}" for number in range(200)]
    assert [entry["name"] for entry in Ranking(many[::-1]).rank(np.arange(200) % 2)] == [*many[::2], *many[1::2]]


@given(confidences)
def test_a_ranking_descends_and_has_the_sum_of_the_confidences(values):
    ranking = Ranking(LABELS).rank(values)
    found = [entry["confidence"] for entry in ranking]
    assert found == sorted(found, reverse=True)
    assert sum(found) == sum(values)
    assert {entry["name"] for entry in ranking} == {"faq", "goodbye", "greet"}


def test_a_ranking_is_json():
    ranking = Ranking(LABELS).rank(np.full(4, 0.25, dtype=np.float64))
    assert json.loads(json.dumps(ranking)) == ranking


def test_an_intent_is_contained_if_one_of_its_labels_is():
    ranking = Ranking(LABELS)
    assert ranking.containing(np.array([False, True, False, True])) == {"faq", "greet"}
    assert ranking.containing(np.array([True, True, False, False])) == {"faq"}
    assert ranking.containing(np.zeros(4, dtype=bool)) == set()


def test_without_labels_nothing_can_go_wrong_before_there_is_something_to_rank():
    assert Ranking(()).containing(np.empty(0, dtype=bool)) == set()


@given(rankings, st.integers(0, 15), st.booleans())
def test_what_is_shown_is_the_beginning_scaled_if_so_wished_and_a_copy(ranking, length, renormalize):
    before = [dict(entry) for entry in ranking]
    found = shown(ranking, length, renormalize)
    kept = ranking[:length] if length else ranking
    assert [entry["name"] for entry in found] == [entry["name"] for entry in kept]
    total = sum(entry["confidence"] for entry in kept) if renormalize else 1
    assert [entry["confidence"] for entry in found] == pytest.approx([entry["confidence"] / total for entry in kept])
    for entry in found:
        entry["name"] = "changed"
    assert ranking == before
