"""Tests of encoder/cuts.py: from what engines count to positions in the text."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rasa_token_pruning.encoder.cuts import Step, followed


def step(layer, importance, chosen, targets=None):
    targets = None if targets is None else np.array(targets)
    return Step(layer, np.array(importance, dtype=np.float32), np.array(chosen), targets)


def test_dropped_tokens_by_hand():
    # The first cut drops 2 and 3, the second 1; it counts the tokens in the order that the first one left.
    steps = [step(1, [0.5, 0.25, 0.125, 0, 0.125], [0, 4, 1]), step(3, [0.75, 0.25, 0.125], [0, 1])]
    first, second = followed(5, steps)
    assert (first.layer, second.layer) == (1, 3)
    assert first.importance.tolist() == [0.5, 0.25, 0.125, 0, 0.125]
    assert first.part_of.tolist() == [0, 1, -1, -1, 4]
    np.testing.assert_array_equal(second.importance, np.array([0.75, 0.125, np.nan, np.nan, 0.25], np.float32))
    assert second.part_of.tolist() == [0, -1, -1, -1, 4]
    assert (first.importance.dtype, first.part_of.dtype) == (np.float32, np.int64)


def test_merged_tokens_by_hand():
    # 2 goes into 4, 3 into 1; then 1 goes into 0.
    steps = [step(0, [1] * 5, [0, 4, 1], [0, 2, 1, 2, 1]), step(1, [1] * 3, [0, 1], [0, 1, 0])]
    first, second = followed(5, steps)
    assert first.part_of.tolist() == [0, 1, 4, 1, 4]
    assert second.part_of.tolist() == [0, 0, -1, -1, 4]


def test_a_cut_at_which_nothing_goes_is_left_out_whatever_order_it_leaves():
    steps = [step(0, [1, 2, 3], [0, 2, 1]), step(1, [4, 5, 6], [0, 1])]
    (cut,) = followed(3, steps)
    assert cut.layer == 1
    assert cut.importance.tolist() == [4, 6, 5]
    assert cut.part_of.tolist() == [0, -1, 2]


def test_without_cuts_nothing_went():
    assert followed(4, []) == ()


@given(st.data())
def test_every_token_stays_until_it_goes_at_one_cut(data):
    length = data.draw(st.integers(2, 12))
    left, steps = length, []
    for layer in range(data.draw(st.integers(0, 4))):
        chosen = data.draw(st.permutations(range(left)))[: data.draw(st.integers(1, left))]
        steps.append(step(layer, np.zeros(left), chosen))
        left = len(chosen)
    cuts = followed(length, steps)
    there = np.ones(length, dtype=bool)
    for cut in cuts:
        assert np.array_equal(~np.isnan(cut.importance), there)
        stays = cut.part_of == np.arange(length)
        assert not (stays & ~there).any() and stays.sum() < there.sum()
        there = stays
    assert there.sum() == left
