"""Tests of encoder/cache.py."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_token_pruning.encoder.cache import TextCache

ROW = 100
ENTRY = ROW + 1  # a result, and a text of one letter


class Counted:
    """Computes results of 100 bytes and remembers for what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, texts: list[str]) -> list[bytes]:
        self.asked.append(texts)
        return [result_for(text) for text in texts]


def result_for(text: str) -> bytes:
    return text.encode("utf-8", "replace").ljust(ROW)[:ROW]


@pytest.fixture
def compute() -> Counted:
    return Counted()


def test_results_come_in_the_order_of_the_texts_and_each_is_computed_once(compute):
    cache = TextCache(10 * ENTRY, len)
    assert cache.get(list("abab"), compute) == [result_for(text) for text in "abab"]
    assert cache.get(list("bcac"), compute) == [result_for(text) for text in "bcac"]
    assert cache.get(list("cba"), compute) == [result_for(text) for text in "cba"]
    assert compute.asked == [["a", "b"], ["c"]]


def test_a_known_result_is_handed_out_itself(compute):
    cache = TextCache(10 * ENTRY, len)
    (first,) = cache.get(["a"], compute)
    assert cache.get(["a"], compute)[0] is first


def test_no_texts_ask_nobody(compute):
    assert TextCache(10 * ENTRY, len).get([], compute) == []
    assert compute.asked == []


def test_what_was_not_used_for_longest_goes_first(compute):
    cache = TextCache(3 * ENTRY, len)
    cache.get(list("abc"), compute)
    cache.get(["a"], compute)  # now b is the oldest
    cache.get(["d"], compute)
    compute.asked.clear()
    cache.get(list("acd"), compute)
    assert compute.asked == []
    cache.get(["b"], compute)
    assert compute.asked == [["b"]]


def test_the_bound_is_in_bytes_of_texts_and_results(compute):
    cache = TextCache(2 * ENTRY, len)
    cache.get(["a", "b"], compute)
    compute.asked.clear()
    cache.get(["a", "b"], compute)
    assert compute.asked == []
    cache = TextCache(2 * ENTRY - 1, len)
    cache.get(["a", "b"], compute)
    cache.get(["a", "b"], compute)
    assert compute.asked == [["a", "b"], ["a"]]


def test_what_is_larger_than_the_bound_is_not_remembered_and_drives_nobody_out(compute):
    cache = TextCache(3 * ENTRY, len)
    cache.get(list("ab"), compute)
    cache.get(["x" * 1000], compute)
    cache.get(list("ab"), compute)
    assert compute.asked == [["a", "b"], ["x" * 1000]]
    cache.get(["x" * 1000], compute)
    assert len(compute.asked) == 3


def test_zero_bytes_remember_nothing_but_each_text_is_still_computed_once_per_call(compute):
    cache = TextCache(0, len)
    for _ in range(2):
        assert cache.get(list("aab"), compute) == [result_for(text) for text in "aab"]
    assert compute.asked == [["a", "b"]] * 2


def test_texts_that_are_no_valid_unicode_are_remembered_too(compute):
    cache = TextCache(10 * ENTRY, len)
    cache.get(["\ud800"], compute)
    cache.get(["\ud800"], compute)
    assert len(compute.asked) == 1


def test_a_failure_is_not_remembered(compute):
    cache = TextCache(10 * ENTRY, len)

    def fail(texts):
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        cache.get(["a"], fail)
    assert cache.get(["a"], compute) == [result_for("a")]


def test_too_few_results_are_an_error():
    with pytest.raises(ValueError, match="zip"):
        TextCache(10 * ENTRY, len).get(["a", "b"], lambda texts: [b"one"])


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=6), max_size=12), st.integers(0, 6))
def test_it_does_what_a_plain_list_of_the_last_texts_does(calls, room):
    compute, known = Counted(), []
    cache = TextCache(room * ENTRY, len)
    for texts in calls:
        compute.asked.clear()
        assert cache.get(texts, compute) == [result_for(text) for text in texts]
        different = list(dict.fromkeys(texts))
        unknown = [text for text in different if text not in known]
        assert list(chain(*compute.asked)) == unknown
        found = [text for text in different if text in known]
        known = [text for text in known if text not in found] + found + unknown
        known = known[max(0, len(known) - room) :]
        assert cache._bytes == len(known) * ENTRY
        assert list(cache._results) == known


def test_eight_threads_at_once_get_the_right_results_and_keep_the_bound():
    cache = TextCache(20 * (ROW + 2), lambda row: row.nbytes)
    texts = [f"{number:02}" for number in range(60)]

    def rows(unknown):
        return [np.full(ROW, int(text), dtype=np.uint8) for text in unknown]

    def hammer(seed):
        chance = random.Random(seed)
        for _ in range(400):
            asked = chance.choices(texts, k=chance.randint(1, 12))
            assert all((row == int(text)).all() for text, row in zip(asked, cache.get(asked, rows), strict=True))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(hammer, range(8)))
    assert cache._bytes == sum(len(text) + row.nbytes for text, row in cache._results.items())
    assert 0 < cache._bytes <= 20 * (ROW + 2)
