"""Tests of fewshot/part.py."""

from __future__ import annotations

import numpy as np

from rasa_token_pruning.fewshot.held_out import HeldOut
from rasa_token_pruning.fewshot.part import part_of

# About the examples 4, 0, 1 and 5 of the intents 0, 2, 1 and 2.
WHOLE = HeldOut(
    np.array([4, 0, 1, 5]), np.array([0, 2, 1, 2]), np.arange(12.0).reshape(4, 3), -np.arange(12.0).reshape(4, 3)
)


def test_examples_and_intents_are_numbered_anew():
    part = part_of(WHOLE, [0, 3, 4, 5], [0, 2])
    assert part.numbers.tolist() == [2, 0, 3]
    assert part.labels.tolist() == [0, 1, 1]
    assert part.logits.tolist() == [[0, 2], [3, 5], [9, 11]]
    assert np.array_equal(part.similarities, -part.logits)


def test_all_of_it_is_what_it_was():
    part = part_of(WHOLE, range(6), range(3))
    for one, other in zip(vars(part).values(), vars(WHOLE).values(), strict=True):
        assert np.array_equal(one, other)


def test_nothing_may_have_been_said_about_some_intents():
    part = part_of(WHOLE, [2, 3], [1, 2])
    assert part.numbers.shape == part.labels.shape == (0,)
    assert part.logits.shape == part.similarities.shape == (0, 2)
