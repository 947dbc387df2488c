"""Tests of fewshot/held_out.py."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_token_pruning.fewshot.examples import Examples
from rasa_token_pruning.fewshot.head import prototypes, similarities
from rasa_token_pruning.fewshot.held_out import FEW, MANY, HeldOut, cross_fit, folds
from rasa_token_pruning.fewshot.mixture import fit_mixture

DIMENSION = 12
FIT = partial(fit_mixture, strength=20.0)


def examples(sizes: list[int], named: tuple[str, ...] = (), dimension: int = DIMENSION) -> tuple[Examples, list[str]]:
    """Examples in no order at all, and the intent of each."""
    chance = np.random.default_rng(0)
    intents = chance.permutation(np.repeat([f"intent {number:02}" for number in range(len(sizes))], sizes)).tolist()
    names = {name: chance.normal(size=dimension) for name in named}
    return Examples.of(chance.normal(size=(len(intents), dimension)), intents, names), intents


def held_out(sizes: list[int], named: tuple[str, ...] = ()) -> HeldOut:
    return cross_fit(examples(sizes, named)[0], FIT)


@pytest.mark.parametrize("sizes", [[2, 2], [5, 7, 3], [40, 2, 11], [6] * 20], ids=str)
@pytest.mark.parametrize("named", [(), ("intent 00", "intent 01")], ids=["without names", "with names"])
def test_every_example_is_held_out_once_under_its_intent(sizes, named):
    given, intents = examples(sizes, named)
    found = cross_fit(given, FIT)
    assert sorted(found.numbers) == list(range(len(intents)))
    assert [given.intents[label] for label in found.labels] == [intents[number] for number in found.numbers]
    assert found.logits.shape == found.similarities.shape == (len(intents), len(sizes))
    assert found.logits.dtype == found.similarities.dtype == np.float64
    assert (np.abs(found.similarities) <= 1 + 1e-6).all()


def test_the_only_example_of_an_intent_is_never_held_out():
    found = held_out([1, 4, 1])
    assert found.labels.tolist() == [1, 1, 1, 1]
    assert found.logits.shape == (4, 3)


def test_the_only_example_of_an_intent_is_held_out_if_the_name_can_take_its_place():
    assert sorted(held_out([1, 4, 1], named=("intent 00",)).labels) == [0, 1, 1, 1, 1]


def test_single_examples_alone_leave_nothing_to_hold_out():
    found = held_out([1, 1, 1])
    assert found.numbers.shape == found.labels.shape == (0,)
    assert found.logits.shape == found.similarities.shape == (0, 3)
    assert found.numbers.dtype == found.labels.dtype == np.int64


def test_a_held_out_example_was_seen_neither_by_its_head_nor_by_its_prototypes():
    # No example shares a direction with another, so that nothing at all is known of one that was not seen.
    given = Examples.of(np.eye(12), [f"intent {number % 3}" for number in range(12)])
    assert (np.abs(similarities(given.rows, prototypes(given.rows, given.labels))).max(axis=1) > 0.4).all()
    found = cross_fit(given, FIT)
    assert not found.similarities.any()
    which = folds(given)
    place = {number: row for row, number in enumerate(given.numbers.tolist())}
    for number, logits in zip(found.numbers.tolist(), found.logits, strict=True):
        others = which != which[place[number]]
        head = fit_mixture(given.rows[others], given.labels[others], 20.0)
        assert np.array_equal(head.logits(given.rows[[place[number]]])[0], logits)
        assert not head.memory.nearest(given.rows[[place[number]]]).any()


def test_labels_without_any_meaning_are_known_by_heart_and_guessed_when_held_out():
    chance = np.random.default_rng(0)
    given = Examples.of(chance.normal(size=(120, 300)), [f"intent {number % 4}" for number in range(120)])
    known, found = fit_mixture(given.rows, given.labels, 20.0).logits(given.rows), cross_fit(given, FIT)
    assert (known.argmax(axis=1) == given.labels).mean() == 1
    assert (found.logits.argmax(axis=1) == found.labels).mean() < 0.5
    assert (found.similarities.argmax(axis=1) == found.labels).mean() < 0.5


def test_the_name_of_an_intent_is_part_of_every_training_and_never_held_out():
    # Its name is all that the examples of "b" have in common.
    given = Examples.of(np.eye(12), ["a"] * 6 + ["b"] * 6, {"b": np.eye(12)[6:].sum(axis=0)})
    found = cross_fit(given, FIT)
    assert sorted(found.numbers) == list(range(12))
    assert np.array_equal(found.similarities > 0, np.stack([np.zeros(12, dtype=bool), found.labels == 1], axis=1))


def of_labels(labels, always, rows=None):
    """Examples of which only that matters; all differ unless rows are given."""
    rows = np.arange(len(labels), dtype=float)[:, None] if rows is None else rows
    known = tuple(f"intent {label}" for label in range(max(labels) + 1))
    return Examples(known, rows, labels, np.where(always, -1, np.arange(len(labels))))


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=60).map(sorted))
def test_folds_are_even_and_leave_every_intent_something_to_learn_from(rows):
    labels, always = np.array([label for label, _ in rows]), np.array([name for _, name in rows])
    found = folds(of_labels(labels, always))
    assert (found[always] == -1).all()
    assert found.max() < FEW
    for label in set(labels.tolist()):
        own = found[(labels == label) & ~always]
        alone = len(own) == 1 and not (always & (labels == label)).any()
        assert (own == -1).all() if alone else (own >= 0).all()
        sizes = np.bincount(own[own >= 0], minlength=FEW)
        assert sizes.max() - sizes.min() <= 1
        assert all((found[labels == label] != fold).any() for fold in range(FEW))


def test_small_intents_do_not_all_fall_into_the_first_folds():
    labels = np.repeat(np.arange(20), 2)
    sizes = np.bincount(folds(of_labels(labels, np.zeros(40, dtype=bool))))
    assert sizes.tolist() == [8] * FEW


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.booleans()), min_size=1, max_size=40), st.randoms())
def test_equal_examples_of_an_intent_are_held_out_together(rows, chance):
    chance.shuffle(rows)  # whatever order they have within their intent
    rows.sort(key=lambda row: row[0])
    labels, kinds, always = (np.array(column) for column in zip(*rows, strict=True))
    found = folds(of_labels(labels, always, kinds[:, None].astype(float)))
    for label in set(labels.tolist()):
        own = (labels == label) & ~always
        for kind in set(kinds[own].tolist()):
            assert len(set(found[own & (kinds == kind)])) == 1
        named, different = (always & (labels == label)).any(), len(set(kinds[own].tolist())) > 1
        assert (found[own] >= 0).all() if named or different else (found[own] == -1).all()


def test_a_copy_of_every_example_makes_nobody_surer():
    chance = np.random.default_rng(0)
    rows, intents = chance.normal(size=(60, 300)), [f"intent {number % 4}" for number in range(60)]
    alone, twice = Examples.of(rows, intents), Examples.of([*rows, *rows], [*intents, *intents])
    for one in (alone, twice):
        found = cross_fit(one, FIT)
        assert sorted(found.numbers) == list(range(len(one.rows)))
        assert (found.logits.argmax(axis=1) == found.labels).mean() < 0.5
        assert found.similarities.max() < 0.5


@pytest.mark.parametrize(("count", "parts"), [(5000, FEW), (5001, MANY)])
def test_above_5000_rows_there_are_fewer_folds_to_save_time(count, parts):
    labels = np.arange(count) % 3
    assert set(folds(of_labels(np.sort(labels), np.zeros(count, dtype=bool)))) == set(range(parts))
    assert set(folds(of_labels(np.sort(labels), np.arange(count) % 10 == 0))) == {-1, *range(parts)}


def test_of_many_examples_too_each_is_held_out_once():
    given, intents = examples([2600, 2400, 2], dimension=3)
    found = cross_fit(given, FIT)
    assert sorted(found.numbers) == list(range(len(intents)))
    assert [given.intents[label] for label in found.labels] == [intents[number] for number in found.numbers]
