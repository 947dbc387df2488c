"""Tests of fewshot/classifier.py."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rasa_token_pruning.fewshot.classifier import FewShotClassifier
from rasa_token_pruning.fewshot.errors import ClassifierError
from rasa_token_pruning.fewshot.examples import Examples
from rasa_token_pruning.fewshot.head import LinearHead
from rasa_token_pruning.fewshot.held_out import cross_fit
from rasa_token_pruning.fewshot.memory import Memory
from rasa_token_pruning.fewshot.mixture import Mixture, fit_mixture
from rasa_token_pruning.fewshot.scope import Scope, doubt
from tests.conftest import ROOT
from tests.fewshot.conftest import DIMENSION, INTENTS, centres, scattered


def accuracy(classifier: FewShotClassifier, embeddings: np.ndarray, intents: list[str]) -> float:
    predicted = [classifier.intents[row] for row in classifier.predict_proba(embeddings).argmax(axis=1)]
    return float(np.mean([found == true for found, true in zip(predicted, intents, strict=True)]))


@pytest.fixture(scope="module")
def trained() -> FewShotClassifier:
    return FewShotClassifier.fit(*scattered(6), names=centres())


def stored_bytes(classifier: FewShotClassifier) -> dict[str, bytes]:
    with TemporaryDirectory() as folder:
        classifier.save(Path(folder))
        return {file.name: file.read_bytes() for file in Path(folder).iterdir()}


def test_it_learns_from_a_few_examples(trained):
    assert accuracy(trained, *scattered(20, seed=1)) > 0.95


def test_intents_are_in_alphabetical_order_and_dimension_is_that_of_the_embeddings(trained):
    assert trained.intents == tuple(sorted(INTENTS))
    assert trained.dimension == DIMENSION
    assert trained.temperature > 0


def test_probabilities_have_a_row_for_each_message_that_sums_to_1(trained):
    embeddings, _ = scattered(3, seed=2)
    found = trained.predict_proba(embeddings)
    assert found.shape == (len(embeddings), len(INTENTS))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_nothing_to_predict_gives_no_rows(trained):
    nothing = np.empty((0, DIMENSION), dtype=np.float32)
    found = trained.predict(nothing)
    assert found.probabilities.shape == found.confidences.shape == (0, len(INTENTS))
    assert found.familiarity.shape == (0,)
    assert trained.predict_proba(nothing).shape == trained.predict_sets(nothing, 0.9).shape == (0, len(INTENTS))


def test_an_embedding_of_zeros_gives_finite_numbers(trained):
    found = trained.predict(np.zeros((1, DIMENSION), dtype=np.float32))
    for part in (found.probabilities, found.familiarity, found.confidences):
        assert np.isfinite(part).all()


def test_predict_proba_gives_the_probabilities_of_predict(trained):
    embeddings = np.random.default_rng(1).normal(size=(50, DIMENSION))
    assert np.array_equal(trained.predict_proba(embeddings), trained.predict(embeddings).probabilities)


@pytest.mark.parametrize("count", [1, 2, 7])
@pytest.mark.parametrize("with_names", [True, False])
@settings(max_examples=8)
@given(chance=st.randoms(use_true_random=False), out_of_scope=st.sampled_from([None, *INTENTS]))
def test_the_order_of_the_examples_and_names_does_not_matter_to_the_bit(count, with_names, chance, out_of_scope):
    embeddings, intents = scattered(count)
    # The same example twice, and one text under two intents: real training data has both.
    embeddings, intents = np.vstack([embeddings, embeddings[[0, 0]]]), [*intents, intents[0], intents[-1]]
    order = chance.sample(range(len(intents)), len(intents))
    names = dict(chance.sample(list(centres().items()), len(INTENTS))) if with_names else None
    straight = FewShotClassifier.fit(embeddings, intents, centres() if with_names else None, out_of_scope=out_of_scope)
    shuffled = FewShotClassifier.fit(
        embeddings[order], [intents[row] for row in order], names, out_of_scope=out_of_scope
    )
    assert stored_bytes(shuffled) == stored_bytes(straight)


STORE = """
import sys
from pathlib import Path
from rasa_token_pruning.fewshot.classifier import FewShotClassifier
from rasa_token_pruning.fewshot.neighbours import Neighbours
from tests.fewshot.conftest import centres, scattered

points, intents = scattered(30)
FewShotClassifier.fit(points, intents, centres(), out_of_scope="greet").save(Path(sys.argv[1]))
Neighbours.of(points, [f"text {number}" for number in range(len(points))], intents).save(Path(sys.argv[1]))
"""


def test_two_processes_write_the_same_bytes_whatever_their_threads_and_hashes(tmp_path):
    written = []
    for number in ("1", "2"):
        folder = tmp_path / number
        folder.mkdir()
        environment = {
            **os.environ,
            "PYTHONHASHSEED": number,
            "OMP_NUM_THREADS": number,
            "OPENBLAS_NUM_THREADS": number,
        }
        subprocess.run([sys.executable, "-c", STORE, str(folder)], cwd=ROOT, env=environment, check=True, timeout=120)
        written.append({file.name: file.read_bytes() for file in folder.iterdir()})
    assert len(written[0]) == 4
    assert written[0] == written[1]


@pytest.mark.parametrize("names", [None, centres()], ids=["without names", "with names"])
def test_a_single_example_per_intent_is_enough(names):
    classifier = FewShotClassifier.fit(*scattered(1, noise=0.2), names=names)
    assert accuracy(classifier, *scattered(20, noise=0.2, seed=1)) > 0.95
    assert np.isfinite(classifier.temperature)


def test_without_anything_to_hold_out_the_temperature_is_1_and_everything_is_familiar_and_possible():
    classifier = FewShotClassifier.fit(*scattered(1))
    assert classifier.temperature == 1.0
    anything = np.random.default_rng(3).normal(size=(20, DIMENSION))
    found = classifier.predict(anything)
    assert (found.familiarity == 1).all()
    assert np.array_equal(found.confidences, found.probabilities)
    assert classifier.predict_sets(anything, 0.1).all()


def test_confidences_are_the_probabilities_lowered_where_a_message_is_unfamiliar(trained):
    found = trained.predict(np.random.default_rng(4).normal(size=(200, DIMENSION)))
    factors = doubt(found.familiarity)
    assert found.confidences.dtype == np.float64
    assert (factors < 1).any()
    np.testing.assert_allclose(found.confidences, found.probabilities * factors[:, None])
    np.testing.assert_allclose(found.confidences.sum(axis=1), factors)
    assert np.array_equal(found.confidences.argmax(axis=1), found.probabilities.argmax(axis=1))


def test_messages_like_the_examples_are_more_familiar_than_others(trained):
    familiar, _ = scattered(40, seed=5)
    strange = np.random.default_rng(5).normal(size=familiar.shape)
    like, unlike = trained.predict(familiar), trained.predict(strange)
    assert np.median(like.familiarity) > 3 * np.median(unlike.familiarity)
    # What the threshold of a fallback would tell apart.
    assert like.confidences.max(axis=1).mean() > unlike.confidences.max(axis=1).mean() + 0.3


@pytest.mark.parametrize("out_of_scope", [None, "greet"])
def test_a_message_is_predicted_alike_alone_and_among_others_to_the_bit(out_of_scope):
    classifier = FewShotClassifier.fit(*scattered(6), names=centres(), out_of_scope=out_of_scope)
    embeddings, _ = scattered(8, noise=2.0, seed=6)
    together, sets = classifier.predict(embeddings), classifier.predict_sets(embeddings, 0.9)
    for number, row in enumerate(embeddings):
        alone = classifier.predict(row[None])
        assert np.array_equal(alone.probabilities[0], together.probabilities[number])
        assert np.array_equal(alone.confidences[0], together.confidences[number])
        assert alone.familiarity[0] == together.familiarity[number]
        assert np.array_equal(classifier.predict_sets(row[None], 0.9)[0], sets[number])


def test_two_intents_are_enough():
    embeddings, intents = scattered(4)
    classifier = FewShotClassifier.fit(embeddings[:8], intents[:8])
    assert classifier.predict_proba(embeddings).shape == (len(embeddings), 2)
    assert accuracy(classifier, embeddings[:8], intents[:8]) == 1


def test_of_two_intents_the_first_and_the_second_are_alike():
    embeddings, intents = scattered(12, noise=1.0)
    messages = scattered(40, noise=1.5, seed=2)[0][:80]
    swapped = [{"greet": "z", "reset_password": "a"}[intent] for intent in intents[:24]]
    one, other = (FewShotClassifier.fit(embeddings[:24], own).predict(messages) for own in (intents[:24], swapped))
    # Nearly: other examples were held out together.
    np.testing.assert_allclose(one.probabilities, other.probabilities[:, ::-1], atol=0.01)
    np.testing.assert_allclose(one.familiarity, other.familiarity, atol=0.13)  # three of 25 ranks


def test_names_help_when_examples_are_few_and_noisy():
    without, helped = [], []
    for seed in range(10):
        few, many = scattered(1, noise=1.2, seed=seed), scattered(40, noise=1.2, seed=100 + seed)
        without.append(accuracy(FewShotClassifier.fit(*few), *many))
        helped.append(accuracy(FewShotClassifier.fit(*few, names=centres()), *many))
    assert np.mean(helped) > np.mean(without) + 0.05


def test_names_of_unknown_intents_are_left_out():
    fitted = FewShotClassifier.fit(*scattered(3), names=centres())
    more = FewShotClassifier.fit(*scattered(3), names={"unknown": np.ones(DIMENSION), **centres()})
    assert more.intents == fitted.intents
    assert np.array_equal(more.head.linear.weights, fitted.head.linear.weights)


def test_names_may_be_given_for_some_intents_and_may_be_none():
    some = {INTENTS[0]: centres()[INTENTS[0]]}
    plain = FewShotClassifier.fit(*scattered(3))
    assert not np.array_equal(
        FewShotClassifier.fit(*scattered(3), names=some).head.linear.weights, plain.head.linear.weights
    )
    assert np.array_equal(FewShotClassifier.fit(*scattered(3), names={}).head.linear.weights, plain.head.linear.weights)


def test_more_strength_gives_longer_weights():
    weak, strong = (FewShotClassifier.fit(*scattered(4), strength=strength) for strength in (0.5, 50.0))
    assert np.linalg.norm(strong.head.linear.weights) > np.linalg.norm(weak.head.linear.weights)


@pytest.mark.parametrize(
    "shape", [(3, DIMENSION + 1), (3, 2 * DIMENSION), (3, 1), (0, 0), (DIMENSION,), (1, DIMENSION, 1)]
)
def test_another_width_at_prediction_is_refused_with_both_and_the_way_out(trained, shape):
    for predict in (trained.predict, trained.predict_proba, lambda rows: trained.predict_sets(rows, 0.9)):
        with pytest.raises(ClassifierError) as refused:
            predict(np.ones(shape))
        assert str(DIMENSION) in str(refused.value)
        assert str(shape) in str(refused.value)
        assert "train again" in str(refused.value)


def with_nonsense(count: int, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Examples of the intents, and as many of an intent in the middle of the alphabet that are like each other."""
    embeddings, intents = scattered(count, seed=seed)
    chance = np.random.default_rng(100 + seed)
    nonsense = np.random.default_rng(8).normal(size=DIMENSION) + 0.7 * chance.normal(size=(count, DIMENSION))
    return np.concatenate([embeddings, nonsense]), [*intents, *["nonsense"] * count]


@pytest.fixture(scope="module")
def with_scope() -> FewShotClassifier:
    return FewShotClassifier.fit(*with_nonsense(8), out_of_scope="nonsense")


def test_what_doubt_takes_away_goes_to_the_out_of_scope_intent(with_scope):
    found = with_scope.predict(np.random.default_rng(4).normal(size=(200, DIMENSION)))
    outside = with_scope.intents.index("nonsense")
    factors = doubt(found.familiarity)[:, None]
    assert (factors < 1).any()
    inside = np.delete(found.probabilities, outside, axis=1)
    np.testing.assert_allclose(np.delete(found.confidences, outside, axis=1), inside * factors)
    taken = (inside * (1 - factors)).sum(axis=1)
    np.testing.assert_allclose(found.confidences[:, outside], found.probabilities[:, outside] + taken)
    assert (found.confidences[:, outside] >= found.probabilities[:, outside]).all()


@pytest.mark.parametrize("strength", [0.01, 20.0, 1e6])
def test_with_an_out_of_scope_intent_confidences_are_probabilities(strength):
    classifier = FewShotClassifier.fit(*with_nonsense(8), strength=strength, out_of_scope="nonsense")
    for messages in (scattered(100, noise=0.1, seed=3)[0], np.random.default_rng(3).normal(size=(500, DIMENSION))):
        confidences = classifier.predict(messages).confidences
        assert (confidences >= 0).all()
        assert (confidences <= 1 + 1e-12).all()
        np.testing.assert_allclose(confidences.sum(axis=1), 1)


def test_where_the_out_of_scope_intent_is_impossible_the_last_bits_of_a_sum_do_not_make_it_negative():
    chance = np.random.default_rng(0)
    weights = chance.normal(size=(7, 3)).astype(np.float32)
    bias = np.array([0] * 6 + [-1e3], dtype=np.float32)
    head = Mixture(LinearHead(weights, bias), Memory.empty(7, 3))
    scope = Scope.fit(np.empty((0, 6)), np.empty((0, 6)))
    classifier = FewShotClassifier(tuple("abcdefz"), "z", head, weights, 1.0, scope, np.empty(0, dtype=np.float32))
    found = classifier.predict(chance.normal(size=(300, 3)))
    assert not np.array_equal(found.probabilities.sum(axis=1), np.ones(300))
    assert (found.confidences >= 0).all()


def test_an_unfamiliar_message_moves_to_the_out_of_scope_intent_and_a_familiar_one_does_not(with_scope):
    outside = with_scope.intents.index("nonsense")
    strange = with_scope.predict(np.random.default_rng(5).normal(size=(300, DIMENSION)))
    moved = strange.confidences.argmax(axis=1) == outside
    assert moved.mean() > (strange.probabilities.argmax(axis=1) == outside).mean() + 0.3
    familiar, intents = scattered(40, seed=5)
    chosen = with_scope.predict(familiar).confidences.argmax(axis=1)
    assert np.mean([with_scope.intents[row] == intent for row, intent in zip(chosen, intents, strict=True)]) > 0.9


def test_the_examples_of_the_out_of_scope_intent_do_not_count_as_familiar(with_scope):
    plain = FewShotClassifier.fit(*with_nonsense(8))
    messages, intents = with_nonsense(40, seed=9)
    nonsense = messages[[intent == "nonsense" for intent in intents]]
    assert np.median(plain.predict(nonsense).familiarity) > 0.2
    assert np.median(with_scope.predict(nonsense).familiarity) < 0.06
    assert np.median(with_scope.predict(messages[: 40 * len(INTENTS)]).familiarity) > 0.3


def test_how_a_message_looks_to_the_out_of_scope_intent_does_not_count_as_familiar(with_scope):
    row = with_scope.intents.index("nonsense")
    for message in scattered(4, noise=1.5, seed=9)[0]:
        head, prototypes = with_scope.head, with_scope.prototypes.copy()
        weights, remembered = head.linear.weights.copy(), head.memory.rows.copy()
        weights[row], prototypes[row] = 100 * message, message / np.linalg.norm(message)
        remembered[head.memory.counts[:row].sum()] = prototypes[row]
        changed = Mixture(replace(head.linear, weights=weights), Memory(remembered, head.memory.counts))
        otherwise = replace(with_scope, head=changed, prototypes=prototypes)
        assert otherwise.predict(message[None]).familiarity == with_scope.predict(message[None]).familiarity


def test_nor_do_its_examples_say_what_is_familiar():
    examples = Examples.of(*with_nonsense(8))
    held_out, row = cross_fit(examples, partial(fit_mixture, strength=20.0)), examples.intents.index("nonsense")
    logits, cosines = held_out.logits.copy(), held_out.similarities.copy()
    for part, usual in ((logits, 99.0), (cosines, 1.0)):
        part[:, row] = usual
        part[held_out.labels == row] = usual
    otherwise = replace(held_out, logits=logits, similarities=cosines)
    one, other = (FewShotClassifier.learn(examples, view, out_of_scope="nonsense") for view in (held_out, otherwise))
    assert len(one.scope.levels) == 8 * len(INTENTS)
    assert one.scope.typical.tobytes() == other.scope.typical.tobytes()
    assert one.scope.levels.tobytes() == other.scope.levels.tobytes()


def test_an_out_of_scope_intent_does_not_change_the_probabilities_and_the_sets(with_scope):
    plain = FewShotClassifier.fit(*with_nonsense(8))
    messages = np.random.default_rng(6).normal(size=(50, DIMENSION))
    assert np.array_equal(with_scope.predict_proba(messages), plain.predict_proba(messages))
    assert np.array_equal(with_scope.predict_sets(messages, 0.9), plain.predict_sets(messages, 0.9))


@pytest.mark.parametrize("count", [1, 2, 8])
@pytest.mark.parametrize("outside", ["greet", "reset_password"])
def test_one_intent_and_the_out_of_scope_intent_are_enough(count, outside):
    embeddings, intents = scattered(count)
    few = embeddings[: 2 * count], intents[: 2 * count]
    classifier = FewShotClassifier.fit(*few, names=centres(), out_of_scope=outside)
    found = classifier.predict(few[0])
    assert [classifier.intents[row] for row in found.probabilities.argmax(axis=1)] == few[1]
    strange = classifier.predict(np.random.default_rng(6).normal(size=(50, DIMENSION)))
    assert (strange.confidences >= 0).all()
    np.testing.assert_allclose(strange.confidences.sum(axis=1), 1)
    assert strange.familiarity.mean() < found.familiarity[[intent != outside for intent in few[1]]].mean()


def test_an_out_of_scope_intent_without_examples_is_refused_with_advice():
    with pytest.raises(ClassifierError, match="no examples of the out-of-scope intent 'chitchat': add some"):
        FewShotClassifier.fit(*scattered(2), names={"chitchat": np.ones(DIMENSION)}, out_of_scope="chitchat")


def test_sets_hold_the_most_probable_intent_and_grow_with_the_coverage():
    classifier = FewShotClassifier.fit(*scattered(10, noise=2.5))
    messages, _ = scattered(30, noise=2.5, seed=1)
    best = classifier.predict_proba(messages).argmax(axis=1)
    sets = [classifier.predict_sets(messages, coverage) for coverage in (0.3, 0.6, 0.8, 0.9, 0.999)]
    assert all(chosen[np.arange(len(best)), best].all() for chosen in sets)
    assert all((larger | ~smaller).all() for smaller, larger in pairwise(sets))
    sizes = [chosen.sum(axis=1).mean() for chosen in sets]
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == len(INTENTS)


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_of_new_messages_the_share_that_was_asked_for_has_its_intent_in_the_set(coverage):
    # The head has seen more examples than those that held out each: sets may cover more, but not much.
    covered = []
    for seed in range(30):
        classifier = FewShotClassifier.fit(*scattered(10, noise=1.8, seed=seed))
        messages, intents = scattered(20, noise=1.8, seed=1000 + seed)
        labels = [classifier.intents.index(intent) for intent in intents]
        covered.append(classifier.predict_sets(messages, coverage)[np.arange(len(labels)), labels].mean())
    assert coverage - 4 * np.std(covered) / 30**0.5 <= np.mean(covered) <= coverage + 0.07
