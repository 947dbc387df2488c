"""Tests of encoder/alignment.py against a plain slow loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_token_pruning.encoder.alignment import token_rows

WIDTH = 3


def states_of(count: int) -> np.ndarray:
    return np.random.default_rng(count).normal(size=(count, WIDTH)).astype(np.float32)


def slowly(states: np.ndarray, offsets: np.ndarray, spans: np.ndarray) -> np.ndarray:
    rows = []
    for start, end in spans.tolist():
        overlapping = [
            state.astype(np.float64)
            for state, (piece_start, piece_end) in zip(states, offsets.tolist(), strict=True)
            if max(start, piece_start) < min(end, piece_end)
        ]
        rows.append(np.mean(overlapping, axis=0) if overlapping else np.zeros(WIDTH))
    return np.array(rows).reshape(len(spans), WIDTH)


@st.composite
def pieces(draw) -> np.ndarray:
    """Offsets as tokenizers give them: ascending, with gaps, sometimes two pieces on one character; special ends."""
    offsets, position = [(0, 0)], 0
    for gap, length in draw(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4)), max_size=25)):
        if length == 0 and len(offsets) > 1:
            offsets.append(offsets[-1])
        else:
            offsets.append((position + gap, position + gap + max(1, length)))
            position = offsets[-1][1]
    return np.array([*offsets, (0, 0)])


def spans(smallest: int, largest: int):
    span = st.tuples(st.integers(0, 80), st.integers(smallest, largest))
    return st.lists(span, max_size=12).map(lambda drawn: np.array([(s, s + n) for s, n in drawn]).reshape(-1, 2))


@given(pieces(), spans(1, 15))
def test_rows_are_the_means_of_the_overlapping_pieces(offsets, tokens):
    states = states_of(len(offsets))
    np.testing.assert_allclose(token_rows(states, offsets, tokens), slowly(states, offsets, tokens), atol=1e-6)


@given(pieces(), spans(0, 0))
def test_an_empty_token_is_zero_wherever_it_stands(offsets, tokens):
    assert not token_rows(states_of(len(offsets)), offsets, tokens).any()


@given(pieces(), spans(1, 15))
def test_rows_are_float32_and_contiguous(offsets, tokens):
    rows = token_rows(states_of(len(offsets)), offsets, tokens)
    assert rows.shape == (len(tokens), WIDTH)
    assert rows.dtype == np.float32
    assert rows.flags["C_CONTIGUOUS"]


def test_a_token_without_pieces_is_zero():
    offsets = np.array([(0, 0), (0, 5), (9, 12), (0, 0)])
    rows = token_rows(states_of(4), offsets, np.array([(5, 9), (12, 20), (100, 101)]))
    assert not rows.any()


def test_special_tokens_belong_to_nobody():
    offsets = np.array([(0, 0), (0, 5), (0, 0)])
    states = np.array([[np.nan] * WIDTH, [1, 2, 3], [np.nan] * WIDTH], dtype=np.float32)
    assert token_rows(states, offsets, np.array([(0, 5)])).tolist() == [[1, 2, 3]]


def test_special_tokens_alone_give_zeros():
    assert not token_rows(states_of(2), np.array([(0, 0), (0, 0)]), np.array([(0, 5), (5, 9)])).any()


def test_the_order_of_the_tokens_does_not_matter():
    offsets = np.array([(0, 0), (0, 2), (2, 5), (6, 9), (0, 0)])
    tokens = np.array([(0, 5), (6, 9), (0, 2), (4, 7)])
    rows = token_rows(states_of(5), offsets, tokens)
    assert np.array_equal(token_rows(states_of(5), offsets, tokens[::-1]), rows[::-1])


@pytest.mark.parametrize("layout", ["F", "sliced"])
def test_the_layout_of_the_states_does_not_matter(layout):
    states, offsets, tokens = states_of(4), np.array([(0, 0), (0, 2), (2, 5), (0, 0)]), np.array([(0, 5), (2, 5)])
    other = np.asfortranarray(states) if layout == "F" else np.repeat(states, 2, axis=0)[::2]
    assert np.array_equal(token_rows(other, offsets, tokens), token_rows(states, offsets, tokens))
    assert token_rows(other, offsets, tokens).flags["C_CONTIGUOUS"]


def test_a_mean_over_many_pieces_keeps_its_digits():
    count = 5000
    offsets = np.stack([np.arange(count), np.arange(count) + 1], axis=1)
    states = 1000 + states_of(count)
    tokens = np.array([(4990, 4993), (0, count)])
    np.testing.assert_allclose(token_rows(states, offsets, tokens), slowly(states, offsets, tokens), rtol=1e-6)
