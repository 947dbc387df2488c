"""What a threshold comes to, counted one message at a time."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_token_pruning.reporting.answers import Answers
from rasa_token_pruning.reporting.fallback import Crowd, Outcomes

# What is less than a step apart is told from a step in the last test.
confidences = st.integers(0, 20_000).map(lambda half_steps: half_steps / 20_000)
messages = st.lists(
    st.tuples(confidences, st.sampled_from([0.0, 0.05, 0.1, 0.5]), st.booleans(), st.booleans()),
    min_size=1,
    max_size=30,
)


def crowd_of(rows, settings, ambiguity=0.1):
    confidences, leads, right, declined = map(np.array, zip(*rows, strict=True))
    answers = Answers(np.zeros(len(rows), dtype=int), confidences, leads)
    return Crowd.of(answers, right, declined, replace(settings, ambiguity=ambiguity))


@given(messages, st.integers(0, 100))
def test_it_is_what_rasas_fallback_does(settings, rows, hundredths):
    threshold = hundredths / 100
    answered = [
        right for confidence, lead, right, declined in rows if confidence >= threshold and lead >= 0.1 and not declined
    ]
    found = crowd_of(rows, settings).outcomes(threshold)
    assert found == Outcomes(sum(answered), len(answered) - sum(answered), len(rows) - len(answered))
    assert found.total == len(rows)


@given(messages)
def test_a_higher_threshold_answers_no_more(settings, rows):
    crowd = crowd_of(rows, settings)
    steps = [crowd.outcomes(threshold) for threshold in np.linspace(0, 1, 21)]
    assert all(one.right >= two.right and one.wrong >= two.wrong for one, two in pairwise(steps))


@pytest.mark.parametrize("threshold", [0.1, 0.29, 0.3, 0.35, 0.57, 0.7, 1.0])
def test_a_confidence_that_equals_the_threshold_is_enough(settings, threshold):
    assert crowd_of([(threshold, 1.0, True, False)], settings).outcomes(threshold) == Outcomes(1, 0, 0)
    assert crowd_of([(threshold - 1e-9, 1.0, True, False)], settings).outcomes(threshold).again in (0, 1)
    assert crowd_of([(threshold - 1e-5, 1.0, True, False)], settings).outcomes(threshold) == Outcomes(0, 0, 1)
