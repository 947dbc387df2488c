"""Tests of fewshot/calibration.py."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.special import log_softmax

from rasa_token_pruning.fewshot.calibration import fit_temperature, probabilities

logit_arrays = arrays(
    np.float64,
    array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=6),
    elements=st.floats(-1e4, 1e4),
)
temperatures = st.floats(0.02, 50)


@given(logit_arrays, temperatures)
def test_probabilities_are_between_0_and_1_and_their_rows_sum_to_1(logits, temperature):
    found = probabilities(logits, temperature)
    assert found.shape == logits.shape
    assert found.dtype == np.float64
    assert ((found >= 0) & (found <= 1)).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)


@given(logit_arrays, temperatures)
def test_the_temperature_never_changes_the_order_of_the_intents(logits, temperature):
    found = probabilities(logits, temperature)
    best = found[np.arange(len(logits)), logits.argmax(axis=1)]
    assert (best[:, None] >= found).all()


@given(logit_arrays, st.floats(0.02, 25), st.floats(1, 2))
def test_a_higher_temperature_is_never_more_certain(logits, temperature, factor):
    cooler, hotter = probabilities(logits, temperature), probabilities(logits, temperature * factor)
    assert (hotter.max(axis=1) <= cooler.max(axis=1) + 1e-12).all()


def test_no_messages_give_no_probabilities():
    assert probabilities(np.empty((0, 3)), 1.0).shape == (0, 3)


def noisy_logits(count: int, intents: int, margin: float, right: float) -> tuple[np.ndarray, np.ndarray]:
    """Predictions with a margin for one intent, of which a share is right."""
    chance = np.random.default_rng(count)
    labels = np.arange(count) % intents
    predicted = np.where(np.arange(count) < right * count, labels, (labels + 1) % intents)
    logits = 0.01 * chance.normal(size=(count, intents))
    logits[np.arange(count), predicted] += margin
    return logits, labels


@pytest.mark.parametrize("intents", [2, 3, 20])
def test_overconfident_wrong_answers_get_a_temperature_above_1(intents):
    assert fit_temperature(*noisy_logits(60, intents, margin=12.0, right=0.6)) > 1


@pytest.mark.parametrize("intents", [2, 3, 20])
def test_underconfident_right_answers_get_a_temperature_below_1(intents):
    assert fit_temperature(*noisy_logits(60, intents, margin=0.5, right=1.0)) < 1


def test_no_examples_get_a_temperature_of_1():
    assert fit_temperature(np.empty((0, 3)), np.empty(0, dtype=np.int64)) == 1.0


@pytest.mark.parametrize("count", [1, 2, 10, 200])
@pytest.mark.parametrize("intents", [2, 5, 50])
def test_perfect_separation_stays_finite_and_is_as_certain_as_the_number_of_examples_allows(count, intents):
    labels = np.arange(count) % intents
    logits = 8.0 * np.eye(intents)[labels]
    temperature = fit_temperature(logits, labels)
    assert np.isfinite(temperature)
    certainty = probabilities(logits, temperature).max(axis=1)
    assert (certainty < 1).all()
    np.testing.assert_allclose(certainty, (count + 1) / (count + 2), rtol=1e-3)


@pytest.mark.parametrize("scale", [0.0, 1e-9, 1e-3, 1.0, 1e3, 1e6])
@pytest.mark.parametrize("right", [0.0, 0.5, 1.0])
def test_temperature_stays_in_its_bounds(scale, right):
    logits, labels = noisy_logits(30, 4, margin=1.0, right=right)
    assert 0.02 <= fit_temperature(scale * logits, labels) <= 50


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("scale", [0.3, 3.0, 30.0])
def test_no_other_temperature_makes_the_labels_likelier(seed, scale):
    chance = np.random.default_rng(seed)
    count, intents = chance.integers(5, 60), chance.integers(2, 10)
    labels = chance.integers(0, intents, size=count)
    logits = scale * (chance.normal(size=(count, intents)) + np.eye(intents)[labels])

    def cross_entropy(temperature: float) -> float:
        logs = log_softmax(logits / temperature, axis=1)
        true = logs[np.arange(count), labels]
        target = (count + 1) / (count + 2)
        return -(target * true + (1 - target) / (intents - 1) * (logs.sum(axis=1) - true)).mean()

    fitted = cross_entropy(fit_temperature(logits, labels))
    assert all(fitted <= cross_entropy(other) + 1e-6 for other in np.geomspace(0.02, 50, 300))


@pytest.mark.parametrize("kind", [np.float32, np.int64])
def test_the_type_of_the_logits_does_not_matter(kind):
    logits, labels = noisy_logits(30, 4, margin=3.0, right=0.8)
    rounded = np.round(logits)
    assert fit_temperature(rounded.astype(kind), labels) == pytest.approx(fit_temperature(rounded, labels), rel=1e-3)
