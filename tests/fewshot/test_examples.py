"""Tests of fewshot/examples.py."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_token_pruning.fewshot.errors import ClassifierError
from rasa_token_pruning.fewshot.examples import Examples
from tests.fewshot.conftest import DIMENSION, INTENTS, centres, scattered

# Few different embeddings and intents, so that the same example is often given twice.
embeddings = st.lists(st.sampled_from([0.0, -1.0, 2.5]), min_size=2, max_size=2).map(np.array)
given_examples = st.lists(st.tuples(embeddings, st.sampled_from("abc")), min_size=2, max_size=12).filter(
    lambda examples: len({intent for _, intent in examples}) > 1
)
given_names = st.dictionaries(st.sampled_from("abcd"), embeddings)


def of(examples, names=None) -> Examples:
    return Examples.of([embedding for embedding, _ in examples], [intent for _, intent in examples], names)


@given(given_examples, given_names)
def test_every_example_and_every_name_of_a_known_intent_is_a_row(examples, names):
    found = of(examples, names)
    known = {intent for _, intent in examples}
    assert found.intents == tuple(sorted(known))
    assert (np.diff(found.labels) >= 0).all()
    assert sorted(found.numbers[~found.is_name]) == list(range(len(examples)))
    assert sorted(found.intents[label] for label in found.labels[found.is_name]) == sorted(known & set(names))
    for row, label, number in zip(found.rows, found.labels, found.numbers, strict=True):
        intent = found.intents[label]
        embedding, given_under = (names[intent], intent) if number < 0 else examples[number]
        assert intent == given_under
        assert np.array_equal(row, embedding)


@given(given_examples, given_names, st.randoms(use_true_random=False))
def test_the_order_does_not_matter_to_the_bit(examples, names, chance):
    order = chance.sample(range(len(examples)), len(examples))
    shuffled = of([examples[number] for number in order], dict(chance.sample(list(names.items()), len(names))))
    straight = of(examples, names)
    assert shuffled.intents == straight.intents
    assert shuffled.rows.tobytes() == straight.rows.tobytes()
    assert shuffled.labels.tobytes() == straight.labels.tobytes()
    assert shuffled.is_name.tobytes() == straight.is_name.tobytes()


def test_names_are_no_examples_without_any():
    found = Examples.of(*scattered(3))
    assert not found.is_name.any()
    assert len(found.rows) == 3 * len(INTENTS)


def test_the_given_examples_are_left_as_they_were():
    points, intents = scattered(3)
    before, names = points.copy(), centres()
    Examples.of(points, intents, names)
    assert np.array_equal(points, before)
    assert all(np.array_equal(names[intent], centre) for intent, centre in centres().items())


@pytest.mark.parametrize("intents", [[], ["greet"], ["greet"] * 5], ids=str)
def test_fewer_than_two_intents_are_refused_with_what_was_given(intents):
    with pytest.raises(ClassifierError, match="at least 2") as refused:
        Examples.of(np.ones((len(intents), DIMENSION)), intents, centres())
    assert str(sorted(set(intents))) in str(refused.value)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_lengths_that_do_not_fit_each_other_are_refused_with_both(count):
    with pytest.raises(ClassifierError, match=f"{count} embeddings for 2 intents"):
        Examples.of(np.ones((count, DIMENSION)), ["greet", "bye"])


@pytest.mark.parametrize("shape", [(1,), (DIMENSION - 1,), (DIMENSION + 1,), (), (1, DIMENSION)], ids=str)
def test_another_shape_is_refused_with_both(shape):
    points, intents = scattered(2)
    for arguments in (([*points, np.ones(shape)], [*intents, "greet"]), (points, intents, {"greet": np.ones(shape)})):
        with pytest.raises(ClassifierError, match="rows of one width") as refused:
            Examples.of(*arguments)
        assert str(shape) in str(refused.value)
        assert str((DIMENSION,)) in str(refused.value)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused_also_in_names(number):
    points, intents = scattered(2)
    broken = points.copy()
    broken[-1, -1] = number
    for arguments in ((broken, intents), (points, intents, {"greet": broken[-1]})):
        with pytest.raises(ClassifierError, match="must be finite"):
            Examples.of(*arguments)


def test_a_name_that_cannot_be_used_does_no_harm_without_examples_of_its_intent():
    points, intents = scattered(2)
    assert len(Examples.of(points, intents, {"unknown": np.full(3, np.nan)}).rows) == len(points)
