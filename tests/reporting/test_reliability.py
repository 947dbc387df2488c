"""Bins and the calibration error, beside those of the benchmarks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.metrics import calibration_error as benchmarked
from rasa_token_pruning.reporting.reliability import bins_of, calibration_error

rows = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=50)


@given(rows)
def test_the_error_is_that_of_the_benchmarks(found):
    confidences, right = map(np.array, zip(*found, strict=True))
    bins = bins_of(confidences, right)
    assert calibration_error(bins) == pytest.approx(benchmarked(confidences, right), abs=1e-12)
    assert sum(one.count for one in bins) == len(found)
    assert all(one.low - 1e-9 <= one.confidence <= one.high + 1e-9 for one in bins)


def test_a_bin_says_how_many_were_right():
    (low, high) = bins_of(np.array([0.21, 0.22, 0.99]), np.array([True, False, True]))
    assert (low.count, low.right, low.confidence) == (2, 0.5, pytest.approx(0.215))
    assert (high.count, high.right, high.high) == (1, 1.0, 1.0)
