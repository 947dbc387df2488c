"""How numbers are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_token_pruning.reporting.words import listed, number, of_hundred, percent, points


@pytest.mark.parametrize(
    "share, digits, text",
    [(0, 0, "0%"), (1, 0, "100%"), (0.921, 0, "92%"), (0.921, 1, "92.1%"), (0.004, 0, "under 1%"),
     (0.996, 0, "over 99%"), (0.0004, 1, "under 0.1%"), (0.9996, 1, "over 99.9%")],
)  # fmt: skip
def test_shares(share, digits, text):
    assert percent(share, digits) == text


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=5).filter(any))
def test_a_hundred_is_a_hundred(counts):
    found = of_hundred(counts)
    assert sum(found) == 100
    assert all(abs(one - 100 * count / sum(counts)) < 1 for one, count in zip(found, counts, strict=True))


def test_lists_and_counts():
    assert listed(["a", "<", "c"]) == "a, &lt; and c" and listed(["a"]) == "a" and listed([]) == ""
    assert number(1, "example", "examples") == "1 example" and number(1200, "a", "examples") == "1,200 examples"
    assert points(-0.0123) == "\N{MINUS SIGN}1.2" and points(0.01) == "+1.0"
