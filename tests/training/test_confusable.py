from collections import Counter

import pytest
from datasets import Dataset

from rasa_token_pruning.training.confusable import ConfusableBatches

LABELS = [label for label in range(12) for _ in range(5)]
ALIKE = [[label ^ 1, (label + 6) % 12] for label in range(12)]  # 0 and 1 are alike, 2 and 3, ...


@pytest.fixture
def pairs():
    return Dataset.from_dict({"anchor": [str(number) for number in range(60)], "label": LABELS})


def test_a_batch_has_each_intent_once_and_a_full_size(pairs):
    batches = ConfusableBatches(pairs, 6, False, seed=1, alike=ALIKE)
    drawn = list(batches)
    assert len(drawn) == len(batches) == 10
    assert all(len({LABELS[row] for row in batch}) == len(batch) == 6 for batch in drawn)


def test_the_intents_most_like_the_first_are_in_its_batch(pairs):
    for batch in ConfusableBatches(pairs, 6, False, seed=1, alike=ALIKE):
        labels = [LABELS[row] for row in batch]
        assert labels[1:3] == ALIKE[labels[0]]


def test_all_rows_of_an_intent_are_used_before_one_comes_again(pairs):
    batches = ConfusableBatches(pairs, 6, False, seed=1, alike=ALIKE)
    for label in range(12):
        rows = [row for batch in batches for row in batch if LABELS[row] == label]
        assert all(count == 1 for count in Counter(rows[:5]).values())


def test_an_epoch_is_the_same_again_and_another_is_different(pairs):
    batches = ConfusableBatches(pairs, 6, False, seed=1, alike=ALIKE)
    first = list(batches)
    assert list(batches) == first
    batches.set_epoch(1)
    assert list(batches) != first


def test_with_fewer_intents_than_places_batches_are_smaller(pairs):
    batches = ConfusableBatches(pairs, 32, False, alike=ALIKE)
    assert {len(batch) for batch in batches} == {12} and len(batches) == 5


def test_pairs_without_intents_are_drawn_from_all():
    views = Dataset.from_dict({"anchor": [str(number) for number in range(20)]})
    batches = ConfusableBatches(views, 8, False, alike=ALIKE)
    drawn = list(batches)
    assert len(drawn) == len(batches) == 2 and len({row for batch in drawn for row in batch}) == 16
    batches.set_epoch(1)
    assert list(batches) != drawn
    assert [len(batch) for batch in ConfusableBatches(views, 32, False, alike=ALIKE)] == [20]
