import numpy as np
import pytest

from benchmarks.semantics.counterfactual import at_random, most_frequent, without
from tests.semantics.test_classes import OFFSETS, TEXT


def kept(*gone):
    found = np.ones(len(OFFSETS), dtype=bool)
    found[list(gone)] = False
    return found


@pytest.mark.parametrize(
    "gone, left",
    [
        ((), TEXT),
        ((4,), "don't Anna $5 for topups?"),
        ((10, 11), "don't pay Anna $5 for top"),
        ((1, 2, 3), "pay Anna $5 for topups?"),
        (tuple(range(1, 12)), ""),
    ],
)
def test_a_text_without_its_pieces(gone, left):
    assert without(TEXT, OFFSETS, kept(*gone)) == left


def test_as_many_go_at_random_and_never_a_special_token():
    found = np.stack([at_random(TEXT, kept(1, 2, 3), seed) for seed in range(300)])
    assert ((~found).sum(axis=1) == 3).all()
    assert found[:, [0, -1]].all() and not found[:, 1:-1].all(axis=0).any()
    assert (at_random(TEXT, kept(1), 7) == at_random(TEXT, kept(5), 7)).all()


def test_the_most_frequent_go_and_of_equal_ones_the_later():
    class Pieces:
        ids = np.array([0, 1, 2, 3, 2, 0])

    frequencies = np.array([99, 5, 7, 1])
    one, two, three = (
        np.flatnonzero(~most_frequent(Pieces, np.arange(6) >= gone, frequencies)).tolist() for gone in (1, 2, 3)
    )
    assert (one, two, three) == ([4], [2, 4], [1, 2, 4])
