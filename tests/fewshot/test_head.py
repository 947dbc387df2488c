"""Tests of fewshot/head.py."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from rasa_token_pruning.fewshot.head import LinearHead, fit_head, normalized, prototypes, similarities

DIMENSION = 16


def clusters(intents: int, examples: int, noise: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(intents)
    centres = chance.normal(size=(intents, DIMENSION))
    labels = np.repeat(np.arange(intents), examples)
    return (centres[labels] + noise * chance.normal(size=(len(labels), DIMENSION))).astype(np.float32), labels


@pytest.mark.parametrize("intents", [2, 3, 40])
def test_head_has_a_row_for_each_intent_in_float32(intents):
    embeddings, labels = clusters(intents, 4)
    head = fit_head(embeddings, labels, 20.0)
    assert (head.weights.shape, head.bias.shape) == ((intents, DIMENSION), (intents,))
    assert (head.weights.dtype, head.bias.dtype) == (np.float32, np.float32)
    logits = head.logits(embeddings)
    assert logits.shape == (len(embeddings), intents)
    assert logits.dtype == np.float64


@pytest.mark.parametrize("intents", [2, 3, 40])
def test_head_learns_what_can_be_told_apart(intents):
    embeddings, labels = clusters(intents, 8)
    head = fit_head(embeddings[::2], labels[::2], 20.0)
    assert np.array_equal(head.logits(embeddings[1::2]).argmax(axis=1), labels[1::2])


@pytest.mark.parametrize("intents", [2, 3, 10])
def test_logits_are_the_log_probabilities_of_scikit_learn_up_to_a_constant(intents):
    embeddings, labels = clusters(intents, 6, noise=1.0)
    # Of two intents scikit-learn keeps one row of weights and regularises that; here both have theirs, half as long.
    strength = 40.0 if intents == 2 else 20.0
    theirs = LogisticRegression(C=strength, max_iter=2000, tol=1e-6).fit(normalized(embeddings), labels)
    ours = log_softmax(fit_head(embeddings, labels, 20.0).logits(embeddings), axis=1)
    np.testing.assert_allclose(ours, theirs.predict_log_proba(normalized(embeddings)), atol=0.01)


@pytest.mark.parametrize("intents", [2, 12])
def test_the_same_examples_give_the_same_head_to_the_bit(intents):
    embeddings, labels = clusters(intents, 5, noise=1.0)
    first, second = fit_head(embeddings, labels, 20.0), fit_head(embeddings.copy(), labels.copy(), 20.0)
    assert first.weights.tobytes() == second.weights.tobytes()
    assert first.bias.tobytes() == second.bias.tobytes()


@pytest.mark.parametrize("intents", [2, 3, 10])
def test_the_logits_of_a_message_sum_to_0_for_any_number_of_intents(intents):
    embeddings, labels = clusters(intents, 6, noise=1.0)
    np.testing.assert_allclose(fit_head(embeddings, labels, 20.0).logits(embeddings).sum(axis=1), 0, atol=1e-4)


def test_of_two_intents_none_comes_first():
    embeddings, labels = clusters(2, 6, noise=1.0)
    logits = fit_head(embeddings, labels, 20.0).logits(embeddings)
    swapped = fit_head(embeddings, 1 - labels, 20.0).logits(embeddings)
    np.testing.assert_allclose(swapped[:, ::-1], logits, atol=1e-3)


def test_the_length_of_an_embedding_does_not_matter():
    embeddings, labels = clusters(3, 5)
    lengths = np.random.default_rng(0).uniform(0.01, 100, size=(len(embeddings), 1))
    head = fit_head(embeddings, labels, 20.0)
    stretched = fit_head(embeddings * lengths, labels, 20.0)
    np.testing.assert_allclose(head.logits(embeddings * lengths), head.logits(embeddings), rtol=1e-5)
    np.testing.assert_allclose(stretched.weights, head.weights, atol=1e-3)


def test_a_row_of_zeros_scores_the_bias():
    embeddings, labels = clusters(3, 5)
    head = fit_head(embeddings, labels, 20.0)
    assert np.array_equal(head.logits(np.zeros((2, DIMENSION))), np.tile(head.bias.astype(np.float64), (2, 1)))


def test_a_row_of_zeros_among_the_examples_does_no_harm():
    embeddings, labels = clusters(3, 5)
    embeddings[0] = 0
    head = fit_head(embeddings, labels, 20.0)
    assert np.isfinite(head.weights).all()
    assert np.array_equal(head.logits(embeddings[1:]).argmax(axis=1), labels[1:])


def test_no_messages_give_no_logits():
    embeddings, labels = clusters(3, 5)
    assert fit_head(embeddings, labels, 20.0).logits(np.empty((0, DIMENSION))).shape == (0, 3)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_message_scores_alike_alone_and_among_others_to_the_bit(kind):
    # As large as a real bot: small matrices would not show it.
    chance = np.random.default_rng(0)
    intents, width = 151, 768
    head = LinearHead(
        chance.normal(size=(intents, width)).astype(np.float32), chance.normal(size=intents).astype(np.float32)
    )
    embeddings = chance.normal(size=(64, width)).astype(kind)
    together = head.logits(embeddings)
    assert all(
        np.array_equal(head.logits(row[None])[0], logits) for row, logits in zip(embeddings, together, strict=True)
    )


def test_more_strength_follows_the_examples_further():
    embeddings, labels = clusters(4, 6, noise=1.0)
    fits = [fit_head(embeddings, labels, strength).logits(embeddings) for strength in (0.1, 1.0, 20.0, 500.0)]
    likelihoods = [log_softmax(logits, axis=1)[np.arange(len(labels)), labels].mean() for logits in fits]
    assert likelihoods == sorted(set(likelihoods))


def test_a_prototype_is_the_mean_direction_of_the_examples_of_its_intent():
    embeddings, labels = clusters(5, 4, noise=1.0)
    found = prototypes(embeddings, labels)
    assert (found.shape, found.dtype) == ((5, DIMENSION), np.float32)
    for label, row in enumerate(found):
        mean = normalized(embeddings[labels == label]).mean(axis=0)
        np.testing.assert_allclose(row, mean / np.linalg.norm(mean), atol=1e-6)


def test_examples_without_a_direction_in_common_have_a_prototype_of_zeros():
    found = prototypes(np.array([[1.0, 0.0], [-2.0, 0.0], [0.0, 3.0], [0.0, 0.0]]), np.array([0, 0, 1, 2]))
    assert found.tolist() == [[0, 0], [0, 1], [0, 0]]


def test_similarities_are_the_cosines():
    messages = np.array([[2.0, 0.0], [1.0, 1.0], [0.0, -5.0], [0.0, 0.0]])
    rows = np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
    found = similarities(messages, rows)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, [[1, 0], [0.5**0.5, 0.5**0.5], [0, -1], [0, 0]], atol=1e-6)
    assert similarities(messages[:0], rows).shape == (0, 2)


@given(st.lists(st.lists(st.floats(-1e6, 1e6, width=32), min_size=4, max_size=4), min_size=1, max_size=5))
def test_normalized_rows_have_length_one_and_zeros_stay(rows):
    embeddings = np.array(rows, dtype=np.float32)
    unit = normalized(embeddings)
    assert unit.dtype == np.float64
    nonzero = (embeddings != 0).any(axis=1)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), nonzero.astype(float), atol=1e-9)
    assert np.array_equal(np.sign(unit), np.sign(embeddings.astype(np.float64)))
