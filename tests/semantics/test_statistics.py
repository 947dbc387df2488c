import numpy as np
import pytest

from benchmarks.semantics.statistics import bootstrap, holm, mcnemar, mean, points, ratio


def test_a_mean_lies_within_its_interval_which_is_that_of_the_normal_law():
    values = np.repeat([0.0, 1.0], [700, 300])
    found = mean(values)
    error = 1.96 * np.sqrt(0.3 * 0.7 / 1000)
    assert found["value"] == pytest.approx(0.3)
    assert found["low"] == pytest.approx(0.3 - error, abs=0.004)
    assert found["high"] == pytest.approx(0.3 + error, abs=0.004)


def test_points_are_hundredths():
    assert points(np.array([0.5, 0.5])) == {"value": 50, "low": 50, "high": 50}


def test_a_ratio_is_of_sums_and_not_the_mean_of_ratios():
    assert ratio(np.array([1, 0]), np.array([1, 9]))["value"] == pytest.approx(0.1)


def test_messages_of_a_group_are_drawn_together():
    values, groups = np.tile([0.0, 1.0], 50), np.tile([0, 1], 50)
    alone, together = mean(values), mean(values, groups)
    assert together["value"] == alone["value"] == 0.5
    assert (together["low"], together["high"]) == (0, 1)
    assert alone["high"] - alone["low"] < 0.25


def test_groups_may_be_of_different_sizes():
    found = mean(np.array([1.0, 1.0, 1.0, 0.0]), np.array(["a", "a", "a", "b"]))
    assert found["value"] == 0.75


def test_a_bootstrap_of_any_statistic_agrees_with_that_of_the_mean():
    values = np.random.default_rng(1).normal(size=400)
    known, found = mean(values), bootstrap(lambda drawn: float(values[drawn].mean()), 400, resamples=2000)
    assert found["value"] == pytest.approx(known["value"])
    assert (found["low"], found["high"]) == pytest.approx((known["low"], known["high"]), abs=0.015)


@pytest.mark.parametrize("broken, fixed, p", [(0, 0, 1), (5, 5, 1), (5, 0, 2 / 32), (0, 5, 2 / 32), (8, 2, 112 / 1024)])
def test_mcnemar_is_the_exact_binomial_test(broken, fixed, p):
    assert mcnemar(broken, fixed) == pytest.approx(p)


def test_holm_keeps_order_and_never_falls():
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
