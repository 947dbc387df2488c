"""Draws of examples, and what is learnt from one."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.evaluation.few_shot import Learner, draw, some_of
from rasa_token_pruning.evaluation.labelled import Labelled, LabelledError
from rasa_token_pruning.fewshot.classifier import FewShotClassifier
from rasa_token_pruning.fewshot.errors import ClassifierError
from rasa_token_pruning.fewshot.names import names_of
from tests.evaluation.conftest import EXAMPLES

# The same text may stand under two intents, but not twice under one: read_labelled gives no such pools.
pairs = st.sets(st.tuples(st.sampled_from("abcdefghijkl"), st.sampled_from("wxyz")), max_size=40)
pools = pairs.flatmap(lambda found: st.permutations(sorted(found))).map(
    lambda found: Labelled(tuple(text for text, _ in found), tuple(intent for _, intent in found))
)
shots = st.integers(1, 12)
held_out = st.integers(1, 50)
seeds = st.integers(0, 1000)


def are_enough(pool):
    counts = Counter(pool.intents).values()
    return len(counts) >= 2 and max(counts) >= 2


def both(labelled):
    return list(zip(labelled.texts, labelled.intents, strict=True))


def small():
    pairs = [(text, intent) for intent, texts in EXAMPLES.items() for text in texts]
    return Labelled(*map(tuple, zip(*pairs, strict=True)))


@given(pools, shots, held_out, seeds)
def test_a_draw_learns_from_some_and_judges_by_others(pool, shots, held_out, seed):
    assume(are_enough(pool))
    learnt, judged = draw(pool, shots, held_out, seed)
    assert not set(both(learnt)) & set(both(judged))
    assert len(set(both(learnt))) == len(learnt) and len(set(both(judged))) == len(judged)
    assert set(both(learnt)) | set(both(judged)) <= set(both(pool))
    all_of, learnt_of, judged_of = (Counter(part.intents) for part in (pool, learnt, judged))
    assert learnt_of == {intent: min(shots, count - judged_of[intent]) for intent, count in all_of.items()}
    assert all(judged_of[intent] <= count // 2 for intent, count in all_of.items())
    assert len(judged) == min(held_out, sum(count // 2 for count in all_of.values()))


@given(pools, held_out, seeds)
def test_fewer_shots_are_part_of_more_and_judged_alike(pool, held_out, seed):
    assume(are_enough(pool))
    draws = [draw(pool, number, held_out, seed) for number in (1, 2, 3, 5, 12)]
    for (fewer, judged), (more, other) in pairwise(draws):
        assert both(judged) == both(other)
        assert set(both(fewer)) <= set(both(more))


@given(pools, held_out, seeds)
def test_fewer_judges_are_the_first_of_more(pool, held_out, seed):
    assume(are_enough(pool))
    _, fewer = draw(pool, 3, held_out, seed)
    _, more = draw(pool, 3, held_out + 7, seed)
    assert both(more)[: len(fewer)] == both(fewer)


@given(pools, shots, held_out, seeds, st.randoms(use_true_random=False))
def test_the_order_of_the_pool_does_not_matter(pool, shots, held_out, seed, chance):
    assume(are_enough(pool))
    numbers = list(range(len(pool)))
    chance.shuffle(numbers)
    first, second = draw(pool, shots, held_out, seed), draw(pool.chosen(numbers), shots, held_out, seed)
    assert [both(part) for part in first] == [both(part) for part in second]


def test_some_of_the_messages_are_always_the_same_ones():
    pool = small()
    assert both(some_of(pool, 5)) == both(some_of(pool, 50))[:5] == both(some_of(small(), 5))
    assert sorted(both(some_of(pool, 500))) == sorted(both(pool))
    alone = Labelled(("a", "b", "c"), ("x", "y", "z"))  # of which nothing could be learnt
    assert len(some_of(alone, 2)) == 2


def test_another_seed_gives_another_draw():
    draws = {str([both(part) for part in draw(small(), 2, 8, seed)]) for seed in range(5)}
    assert len(draws) == 5
    assert both(draw(small(), 2, 8, 3)[1]) == both(draw(small(), 2, 8, 3)[1])


def test_an_intent_with_one_example_is_learnt():
    pool = Labelled(("a", "b", "c", "d"), ("x", "x", "x", "y"))
    learnt, judged = draw(pool, 5, 100, 0)
    assert Counter(learnt.intents) == {"x": 2, "y": 1} and judged.intents == ("x",)


@pytest.mark.parametrize("intents", ["", "x", "xx", "xxxxxx", "xy", "wxyz"])
def test_a_pool_that_is_too_small(intents):
    pool = Labelled(tuple(map(str, range(len(intents)))), tuple(intents))
    with pytest.raises(LabelledError, match=rf"Too few messages .*\({len(intents)}\).*two intents or more"):
        draw(pool, 5, 100, 0)


@pytest.fixture(scope="module")
def encode():
    return PrunedEncoder(pruning="off", engine="torch", num_threads=1).encode


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("strength", [1.0, 20.0])
def test_it_says_what_the_classifier_says(encode, number, strength):
    learnt, judged = draw(small(), number, 100, seed=1)
    texts = names_of(learnt.intents)
    names = dict(zip(texts, encode(list(texts.values())), strict=True))
    classifier = FewShotClassifier.fit(encode(learnt.texts), learnt.intents, names, strength)
    best = classifier.predict(encode(judged.texts)).confidences.argmax(axis=1)
    expected = [classifier.intents[place] == intent for place, intent in zip(best, judged.intents, strict=True)]
    learner = Learner.of(encode, learnt, strength)
    assert learner.right(encode, judged).tolist() == expected
    assert learner.accuracy(encode, judged) == sum(expected) / len(expected)
    np.testing.assert_array_equal(learner.head.linear.weights, classifier.head.linear.weights)


def spelled(texts):
    """Each text as how often it has each letter of a few."""
    return np.array([[1.0, *(text.count(letter) for letter in "abwx")] for text in texts], dtype=np.float32)


def test_right_and_wrong_by_hand():
    learner = Learner.of(spelled, Labelled(("aaa", "bbb"), ("w", "x")))
    judged = Labelled(("aa", "bb", "aaaa", "b"), ("w", "x", "x", "unknown"))
    assert learner.intents == ("w", "x")
    assert learner.right(spelled, judged).tolist() == [True, True, False, False]
    assert learner.accuracy(spelled, judged) == 0.5


def test_names_of_intents_are_examples():
    asked = []

    def encode(texts):
        asked.append(list(texts))
        return spelled(texts)

    Learner.of(encode, Labelled(("a", "b", "aa"), ("resetPassword", "faq/car_park", "resetPassword")))
    assert asked == [["car park", "reset password"], ["a", "b", "aa"]]


def test_one_intent_is_not_enough():
    with pytest.raises(ClassifierError, match="at least 2 different intents"):
        Learner.of(spelled, Labelled(("a", "b"), ("x", "x")))
