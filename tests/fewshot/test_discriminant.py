"""Tests of fewshot/discriminant.py and fewshot/answering.py."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from rasa_token_pruning.fewshot.answering import learn_discriminant, only
from rasa_token_pruning.fewshot.classifier import FewShotClassifier
from rasa_token_pruning.fewshot.discriminant import fit_discriminant
from rasa_token_pruning.fewshot.examples import Examples
from rasa_token_pruning.fewshot.head import fit_head, normalized, prototypes
from rasa_token_pruning.fewshot.held_out import FEW, cross_fit, folds
from tests.fewshot.conftest import DIMENSION, INTENTS, centres, scattered
from tests.fewshot.test_held_out import examples


def clusters(counts, noise, seed=0, dimension=64):
    """Points around a centre for each label: so many to learn from, and 20 others."""
    chance = np.random.default_rng(seed)
    middles = chance.normal(size=(len(counts), dimension))

    def draw(labels):
        return middles[labels] + noise * chance.normal(size=(len(labels), dimension))

    learnt, judged = np.repeat(np.arange(len(counts)), counts), np.repeat(np.arange(len(counts)), 20)
    return draw(learnt), learnt, draw(judged), judged


def logistic(rows, labels):
    return fit_head(rows, labels, 20.0)


def accuracy(head, embeddings, labels):
    return (head.logits(embeddings).argmax(axis=1) == labels).mean()


@pytest.mark.parametrize("labels", [2, 3, 40])
def test_it_tells_apart_what_can_be_told_apart(labels):
    rows, learnt, judged, truths = clusters([4] * labels, noise=0.3)
    head = fit_discriminant(rows, learnt)
    assert (head.weights.shape, head.bias.shape) == ((labels, 64), (labels,))
    assert head.weights.dtype == head.bias.dtype == np.float32
    assert accuracy(head, judged, truths) == 1


def test_single_examples_are_told_apart_by_their_directions():
    head = fit_discriminant(np.eye(5) * [[1], [2], [3], [4], [5]], np.arange(5))
    logits = head.logits(np.eye(5))
    assert (logits.argmax(axis=1) == np.arange(5)).all()
    np.testing.assert_allclose(np.diag(logits), logits[0, 0], rtol=1e-5)


def test_what_differs_within_labels_counts_less():
    # The first direction tells the labels apart; the second is larger and differs within each of them.
    rows = np.array([[0.3, 1, 0.2], [0.3, -1, 0.2], [-0.3, 1, 0.2], [-0.3, -1, 0.2]])
    head = fit_discriminant(rows, np.array([0, 0, 1, 1]))
    assert np.abs(head.weights[:, 0]).min() > 10 * np.abs(head.weights[:, 1]).max()


def test_labels_with_few_examples_are_chosen_as_often_as_others():
    rows, learnt, judged, _ = clusters([1] * 20 + [8] * 20, noise=1.2)
    ours, theirs = (
        head.logits(judged).argmax(axis=1) < 20 for head in (fit_discriminant(rows, learnt), logistic(rows, learnt))
    )
    assert 0.4 < ours.mean() < 0.6
    assert theirs.mean() < 0.2


def test_uneven_examples_cost_less_than_they_cost_logistic_regression():
    counts = np.random.default_rng(0).integers(1, 6, 60)
    rows, learnt, judged, truths = clusters(counts, noise=1.2)
    ours, theirs = (accuracy(head, judged, truths) for head in (fit_discriminant(rows, learnt), logistic(rows, learnt)))
    assert ours > theirs + 0.02


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_examples_give_the_same_head_to_the_bit(threads):
    rows, learnt, _, _ = clusters([3] * 50, noise=1.0, dimension=300)
    first = fit_discriminant(rows, learnt)
    with threadpool_limits(threads):
        second = fit_discriminant(rows.copy(), learnt)
    assert first.weights.tobytes() == second.weights.tobytes()
    assert first.bias.tobytes() == second.bias.tobytes()


def test_the_length_of_an_embedding_does_not_matter():
    rows, learnt, judged, _ = clusters([5] * 3, noise=1.0)
    lengths = np.random.default_rng(0).uniform(0.01, 100, size=(len(rows), 1))
    np.testing.assert_allclose(
        fit_discriminant(rows * lengths, learnt).logits(judged),
        fit_discriminant(rows, learnt).logits(judged),
        atol=1e-3,
    )


@pytest.mark.parametrize("rows", [np.ones((4, 6)), np.zeros((4, 6))], ids=["equal", "zero"])
def test_examples_that_are_all_alike_make_no_difference(rows):
    head = fit_discriminant(rows, np.array([0, 0, 1, 1]))
    assert np.isfinite(head.weights).all()
    np.testing.assert_allclose(head.logits(np.eye(6)), 0, atol=0.01)


@pytest.mark.parametrize("sizes", [[2, 2], [5, 7, 3], [40, 2, 11]], ids=str)
@pytest.mark.parametrize("named", [(), ("intent 00", "intent 01")], ids=["without names", "with names"])
def test_every_example_is_held_out_once_under_its_label(sizes, named):
    given, intents = examples(sizes, named)
    found = cross_fit(given, fit_discriminant)
    assert sorted(found.numbers) == list(range(len(intents)))
    assert [given.intents[label] for label in found.labels] == [intents[number] for number in found.numbers]
    assert found.logits.shape == found.similarities.shape == (len(intents), len(sizes))
    assert found.logits.dtype == found.similarities.dtype == np.float64


def test_a_held_out_example_was_seen_neither_by_its_head_nor_by_its_prototypes():
    given, _ = examples([6, 4, 5])
    found, which = cross_fit(given, fit_discriminant), folds(given)
    for fold in range(FEW):
        seen = which != fold
        head = fit_discriminant(given.rows[seen], given.labels[seen])
        means = prototypes(given.rows[seen], given.labels[seen])
        own = np.isin(found.numbers, given.numbers[~seen])
        np.testing.assert_allclose(found.logits[own], head.logits(given.rows[~seen]), atol=1e-4)
        np.testing.assert_allclose(found.similarities[own], normalized(given.rows[~seen]) @ means.T, atol=1e-5)


def test_single_examples_alone_leave_nothing_to_hold_out_and_are_learnt_all_the_same():
    given = Examples.of(np.eye(DIMENSION)[:5], INTENTS)
    found = cross_fit(given, fit_discriminant)
    assert found.logits.shape == found.similarities.shape == (0, 5)
    classifier = learn_discriminant(given, found)
    assert classifier.temperature == 1
    said = classifier.predict(given.rows)
    assert (said.probabilities.argmax(axis=1) == np.arange(5)).all()
    assert np.array_equal(said.confidences, said.probabilities)


@pytest.mark.parametrize("labels", [30, 150])
def test_single_examples_without_names_are_modestly_certain(labels):
    rows, learnt, judged, truths = clusters([1] * labels, noise=2.0, dimension=200)
    given = Examples.of(rows, [f"{label:03}" for label in learnt])
    probabilities = learn_discriminant(given, cross_fit(given, fit_discriminant)).predict_proba(judged)
    right = (probabilities.argmax(axis=1) == truths).mean()
    assert 5 / labels < probabilities.max(axis=1).mean() < right


def test_it_is_a_classifier_that_can_be_stored_and_doubts(tmp_path):
    rows, intents = scattered(4)
    given = Examples.of(rows, intents, centres())
    learn_discriminant(given, cross_fit(given, fit_discriminant)).save(tmp_path)
    said = FewShotClassifier.load(tmp_path).predict(np.concatenate([scattered(3, seed=1)[0], -rows.sum(axis=0)[None]]))
    truths = [sorted(INTENTS).index(intent) for intent in scattered(3)[1]]
    assert said.probabilities[:-1].argmax(axis=1).tolist() == truths
    assert said.familiarity[-1] < 0.06 < said.familiarity[:-1].mean()


def test_the_order_of_the_examples_does_not_matter_to_the_bit(tmp_path):
    rows, intents = scattered(4, noise=1.5)
    files = []
    for order in (np.arange(len(rows)), np.random.default_rng(0).permutation(len(rows))):
        given = Examples.of(rows[order], [intents[place] for place in order], centres())
        learn_discriminant(given, cross_fit(given, fit_discriminant)).save(tmp_path)
        files.append([file.read_bytes() for file in sorted(tmp_path.iterdir())])
    assert files[0] == files[1]


def test_it_is_as_certain_as_it_is_right():
    rows, learnt, judged, truths = clusters([8] * 40, noise=2.2)
    given = Examples.of(rows, [f"{label:02}" for label in learnt])
    probabilities = learn_discriminant(given, cross_fit(given, fit_discriminant)).predict_proba(judged)
    right = (probabilities.argmax(axis=1) == truths).mean()
    assert 0.5 < right < 0.95
    assert abs(probabilities.max(axis=1).mean() - right) < 0.1


def test_a_single_label_is_certain_and_can_be_stored(tmp_path):
    only("faq/parking", 7).save(tmp_path)
    loaded = FewShotClassifier.load(tmp_path)
    assert (loaded.intents, loaded.dimension) == (("faq/parking",), 7)
    said = loaded.predict(np.array([np.ones(7), np.zeros(7)]))
    assert said.probabilities.tolist() == said.confidences.tolist() == [[1.0], [1.0]]
