"""What Rasa would be told: compared with the component that tells it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_token_pruning.components.ranking import Ranking, shown
from rasa_token_pruning.fewshot.names import base_intent
from rasa_token_pruning.reporting.answers import Answers

TOPICS = ("faq/hours", "faq/parking", "greet", "out_of_scope")


def numbers(rows):
    return st.lists(st.lists(st.floats(0.001, 0.25), min_size=4, max_size=4), min_size=rows, max_size=rows)


@given(numbers(5), st.integers(0, 4), st.booleans())
def test_it_is_what_the_component_tells(settings, rows, length, renormalize):
    confidences = np.array(rows)
    found = Answers.of(TOPICS, confidences, replace(settings, ranking_length=length, renormalize=renormalize))
    for row, topic, confidence, lead in zip(confidences, found.topics, found.confidences, found.leads, strict=True):
        ranking = shown(Ranking(TOPICS).rank(row), length, renormalize)
        assert base_intent(TOPICS[topic]) == ranking[0]["name"]
        assert confidence == pytest.approx(ranking[0]["confidence"])
        if len(ranking) > 1:
            assert lead == pytest.approx(ranking[0]["confidence"] - ranking[1]["confidence"], abs=1e-12)
        else:
            assert lead >= 1  # Rasa's fallback compares no single intent


def test_sub_intents_win_together_and_the_best_of_them_is_the_topic(settings):
    found = Answers.of(TOPICS, np.array([[0.3, 0.25, 0.4, 0.05]]), settings)
    assert TOPICS[found.topics[0]] == "faq/hours"
    assert found.confidences[0] == pytest.approx(0.55) and found.leads[0] == pytest.approx(0.15)


def test_some_of_them(settings):
    found = Answers.of(TOPICS, np.array([[0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]]), settings)
    chosen = found.chosen(np.array([False, True]))
    assert chosen.topics.tolist() == [0] and chosen.confidences[0] == pytest.approx(0.7)
