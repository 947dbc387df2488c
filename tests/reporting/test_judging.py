"""Cross-validation: what is said of an example by what had not seen it."""

from dataclasses import replace

import numpy as np
import pytest

from rasa_token_pruning.evaluation.labelled import Labelled
from rasa_token_pruning.fewshot.classifier import FewShotClassifier
from rasa_token_pruning.fewshot.held_out import folds
from rasa_token_pruning.fewshot.names import names_of
from rasa_token_pruning.reporting.judging import examples_of, judge

INTENTS = ("a", "b", "c", "out_of_scope")


@pytest.fixture(scope="module")
def data():
    """Clusters with 10 examples each that overlap."""
    texts = tuple(f"{intent} {number}" for intent in INTENTS for number in range(10))
    return Labelled(texts, tuple(intent for intent in INTENTS for _ in range(10)))


@pytest.fixture(scope="module")
def rows():
    chance = np.random.default_rng(1)
    centres = chance.normal(size=(4, 12))
    return np.repeat(centres, 10, axis=0) + 0.9 * chance.normal(size=(40, 12))


@pytest.fixture(scope="module")
def names(rows):
    return {"a": rows[0] + 0.1}


def parts_of(examples):
    which = folds(examples)
    return {int(number): int(part) for number, part in zip(examples.numbers, which, strict=True) if number >= 0}


@pytest.mark.parametrize("out_of_scope", [None, "out_of_scope"])
def test_it_is_nearly_what_classifiers_say_that_had_not_seen_the_example(data, rows, names, settings, out_of_scope):
    examples = examples_of(data, rows, names, 0)
    judged = judge(examples, settings, out_of_scope)
    parts = parts_of(examples)
    assert judged.numbers.tolist() == list(range(40)) and judged.folds == 5
    for part in range(5):
        away = np.array([parts[number] == part for number in range(40)])
        kept = [intent for intent, gone in zip(data.intents, away, strict=True) if not gone]
        classifier = FewShotClassifier.fit(rows[~away], kept, names, out_of_scope=out_of_scope)
        said = classifier.predict(rows[away])
        np.testing.assert_array_equal(said.probabilities.argmax(axis=1), judged.probabilities[away].argmax(axis=1))
        # One temperature is of heads that had seen 4 parts, the other of heads that had seen 3.
        assert np.abs(said.probabilities - judged.probabilities[away]).mean() < 0.05
        assert np.abs(said.confidences.max(axis=1) - judged.answers.confidences[away]).mean() < 0.1


def test_what_is_right_is_counted_by_intents(data, rows, settings):
    judged = judge(examples_of(data, rows, {}, 0), settings, None)
    known = np.array(data.known)
    np.testing.assert_array_equal(known[judged.given], data.intents)
    np.testing.assert_array_equal(judged.right, known[judged.answers.topics] == np.array(data.intents))
    assert 0.5 < judged.right.mean() < 1


def test_parts_do_not_depend_on_embeddings_but_on_the_seed(data, rows):
    one, other = examples_of(data, rows, {}, 0), examples_of(data, -rows[::-1], {}, 0)
    assert parts_of(one) == parts_of(other)
    assert parts_of(one) != parts_of(examples_of(data, rows, {}, 1))


def test_examples_keep_their_rows_and_names_their_intents(data, rows, names):
    examples = examples_of(data, rows, names, 3)
    for row, label, number in zip(examples.rows, examples.labels, examples.numbers, strict=True):
        expected = names["a"] if number < 0 else rows[number]
        np.testing.assert_array_equal(row, expected)
        assert examples.intents[label] == ("a" if number < 0 else data.intents[number])
    assert (np.diff(examples.labels) >= 0).all()


def test_an_intents_only_example_is_judged_by_its_name_or_not_at_all(data, rows, settings):
    alone = Labelled((*data.texts, "alone"), (*data.intents, "lonely"))
    wide = np.concatenate([rows, rows[:1]])
    assert 40 not in judge(examples_of(alone, wide, {}, 0), settings, None).numbers
    assert 40 in judge(examples_of(alone, wide, {"lonely": rows[0]}, 0), settings, None).numbers


def test_without_doubt_confidences_are_probabilities(data, rows, settings):
    judged = judge(examples_of(data, rows, {}, 0), replace(settings, doubt_unfamiliar=False), "out_of_scope")
    np.testing.assert_allclose(judged.answers.confidences, judged.probabilities.max(axis=1))


def test_names_of_intents_are_their_last_part_in_words():
    assert names_of(["faq/openingHours", "greet", "faq/?"]) == {"faq/openingHours": "opening hours", "greet": "greet"}
