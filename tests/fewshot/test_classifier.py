"""Tests of fewshot/classifier.py."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from rasa_token_pruning.fewshot.classifier import ClassifierError, FewShotClassifier
from rasa_token_pruning.fewshot.head import LinearHead
from rasa_token_pruning.fewshot.scope import doubt

DIMENSION = 24
INTENTS = ("greet", "reset_password", "order_status", "überweisung", "余额")
TENSORS, FACTS = "classifier.safetensors", "classifier.json"


def centres() -> dict[str, np.ndarray]:
    chance = np.random.default_rng(7)
    return {intent: chance.normal(size=DIMENSION).astype(np.float32) for intent in INTENTS}


def examples(count: int, noise: float = 0.5, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """So many examples of each intent, scattered around its centre."""
    chance = np.random.default_rng(seed)
    intents = [intent for intent in INTENTS for _ in range(count)]
    scattered = [centres()[intent] + noise * chance.normal(size=DIMENSION) for intent in intents]
    return np.array(scattered, dtype=np.float32), intents


def accuracy(classifier: FewShotClassifier, embeddings: np.ndarray, intents: list[str]) -> float:
    predicted = [classifier.intents[row] for row in classifier.predict_proba(embeddings).argmax(axis=1)]
    return float(np.mean([found == true for found, true in zip(predicted, intents, strict=True)]))


@pytest.fixture(scope="module")
def trained() -> FewShotClassifier:
    return FewShotClassifier.fit(*examples(6), names=centres())


@pytest.fixture
def stored(trained, tmp_path) -> Path:
    trained.save(tmp_path)
    return tmp_path


def test_it_learns_from_a_few_examples(trained):
    assert accuracy(trained, *examples(20, seed=1)) > 0.95


def test_intents_are_in_alphabetical_order_and_dimension_is_that_of_the_embeddings(trained):
    assert trained.intents == tuple(sorted(INTENTS))
    assert trained.dimension == DIMENSION
    assert trained.temperature > 0


def test_probabilities_have_a_row_for_each_message_that_sums_to_1(trained):
    embeddings, _ = examples(3, seed=2)
    found = trained.predict_proba(embeddings)
    assert found.shape == (len(embeddings), len(INTENTS))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_nothing_to_predict_gives_no_rows(trained):
    assert trained.predict_proba(np.empty((0, DIMENSION), dtype=np.float32)).shape == (0, len(INTENTS))


def test_an_embedding_of_zeros_gives_finite_probabilities(trained):
    assert np.isfinite(trained.predict_proba(np.zeros((1, DIMENSION), dtype=np.float32))).all()


@pytest.mark.parametrize("count", [1, 2, 7])
@pytest.mark.parametrize("with_names", [True, False])
@settings(max_examples=8)
@given(chance=st.randoms(use_true_random=False))
def test_the_order_of_the_examples_and_names_does_not_matter_to_the_bit(count, with_names, chance):
    embeddings, intents = examples(count)
    # The same example twice, and one text under two intents: real training data has both.
    embeddings, intents = np.vstack([embeddings, embeddings[[0, 0]]]), [*intents, intents[0], intents[-1]]
    order = chance.sample(range(len(intents)), len(intents))
    names = dict(chance.sample(list(centres().items()), len(INTENTS))) if with_names else None
    sorted_fit = FewShotClassifier.fit(embeddings, intents, centres() if with_names else None)
    shuffled_fit = FewShotClassifier.fit(embeddings[order], [intents[row] for row in order], names)
    assert shuffled_fit.intents == sorted_fit.intents
    assert shuffled_fit.head.weights.tobytes() == sorted_fit.head.weights.tobytes()
    assert shuffled_fit.head.bias.tobytes() == sorted_fit.head.bias.tobytes()
    assert shuffled_fit.temperature == sorted_fit.temperature
    assert shuffled_fit.levels.tobytes() == sorted_fit.levels.tobytes()


@pytest.mark.parametrize("names", [None, centres()], ids=["without names", "with names"])
def test_a_single_example_per_intent_is_enough(names):
    classifier = FewShotClassifier.fit(*examples(1, noise=0.2), names=names)
    assert accuracy(classifier, *examples(20, noise=0.2, seed=1)) > 0.95
    assert np.isfinite(classifier.temperature)


def test_without_anything_to_hold_out_the_temperature_is_1_and_everything_is_familiar():
    classifier = FewShotClassifier.fit(*examples(1))
    assert classifier.temperature == 1.0
    anything = np.random.default_rng(3).normal(size=(20, DIMENSION))
    assert np.array_equal(classifier.confidences(anything), classifier.predict_proba(anything))


def test_confidences_are_the_probabilities_lowered_where_a_message_is_unfamiliar(trained):
    embeddings = np.random.default_rng(4).normal(size=(200, DIMENSION))
    chances, lowered = trained.predict_proba(embeddings), trained.confidences(embeddings)
    factors = doubt(trained.familiarity(embeddings))
    assert lowered.dtype == np.float64
    assert (factors < 1).any()
    np.testing.assert_allclose(lowered, chances * factors[:, None])
    np.testing.assert_allclose(lowered.sum(axis=1), factors)
    assert np.array_equal(lowered.argmax(axis=1), chances.argmax(axis=1))


def test_messages_like_the_examples_are_more_familiar_than_others(trained):
    familiar, _ = examples(40, seed=5)
    strange = np.random.default_rng(5).normal(size=familiar.shape)
    assert np.median(trained.familiarity(familiar)) > 3 * np.median(trained.familiarity(strange))
    # What the threshold of a fallback would tell apart.
    certain = [trained.confidences(messages).max(axis=1).mean() for messages in (familiar, strange)]
    assert certain[0] > certain[1] + 0.3


def test_a_message_is_predicted_alike_alone_and_among_others_to_the_bit(trained):
    embeddings, _ = examples(8, seed=6)
    together = trained.confidences(embeddings)
    for row, expected in zip(embeddings, together, strict=True):
        assert np.array_equal(trained.confidences(row[None])[0], expected)


def test_two_intents_are_enough():
    embeddings, intents = examples(4)
    classifier = FewShotClassifier.fit(embeddings[:8], intents[:8])
    assert classifier.predict_proba(embeddings).shape == (len(embeddings), 2)
    assert accuracy(classifier, embeddings[:8], intents[:8]) == 1


def test_names_help_when_examples_are_few_and_noisy():
    without, helped = [], []
    for seed in range(10):
        few, many = examples(1, noise=1.2, seed=seed), examples(40, noise=1.2, seed=100 + seed)
        without.append(accuracy(FewShotClassifier.fit(*few), *many))
        helped.append(accuracy(FewShotClassifier.fit(*few, names=centres()), *many))
    assert np.mean(helped) > np.mean(without) + 0.05


def test_names_of_unknown_intents_are_left_out():
    fitted = FewShotClassifier.fit(*examples(3), names=centres())
    more = FewShotClassifier.fit(*examples(3), names={"unknown": np.ones(DIMENSION), **centres()})
    assert more.intents == fitted.intents
    assert np.array_equal(more.head.weights, fitted.head.weights)


def test_names_may_be_given_for_some_intents_and_may_be_none():
    some = {INTENTS[0]: centres()[INTENTS[0]]}
    plain = FewShotClassifier.fit(*examples(3))
    assert not np.array_equal(FewShotClassifier.fit(*examples(3), names=some).head.weights, plain.head.weights)
    assert np.array_equal(FewShotClassifier.fit(*examples(3), names={}).head.weights, plain.head.weights)


def test_the_examples_are_left_as_they_were():
    embeddings, intents = examples(3)
    before, names = embeddings.copy(), centres()
    FewShotClassifier.fit(embeddings, intents, names)
    assert np.array_equal(embeddings, before)
    assert all(np.array_equal(names[intent], centre) for intent, centre in centres().items())


def test_more_strength_gives_longer_weights():
    weak, strong = (FewShotClassifier.fit(*examples(4), strength=strength) for strength in (0.5, 50.0))
    assert np.linalg.norm(strong.head.weights) > np.linalg.norm(weak.head.weights)


@pytest.mark.parametrize("intents", [[], ["greet"], ["greet"] * 5], ids=str)
def test_fewer_than_two_intents_are_refused_with_what_was_given(intents):
    with pytest.raises(ClassifierError, match="at least 2") as refused:
        FewShotClassifier.fit(np.ones((len(intents), DIMENSION)), intents)
    assert str(sorted(set(intents))) in str(refused.value)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_lengths_that_do_not_fit_each_other_are_refused_with_both(count):
    with pytest.raises(ClassifierError, match=f"{count} embeddings for 2 intents"):
        FewShotClassifier.fit(np.ones((count, DIMENSION)), ["greet", "bye"])


@pytest.mark.parametrize("width", [1, DIMENSION - 1, DIMENSION + 1])
def test_a_name_of_another_width_is_refused(width):
    with pytest.raises(ClassifierError):
        FewShotClassifier.fit(*examples(2), names={INTENTS[0]: np.ones(width)})


@pytest.mark.parametrize(
    "shape", [(3, DIMENSION + 1), (3, 2 * DIMENSION), (3, 1), (0, 0), (DIMENSION,), (1, DIMENSION, 1)]
)
def test_another_width_at_prediction_is_refused_with_both_and_the_way_out(trained, shape):
    for predict in (trained.predict_proba, trained.familiarity, trained.confidences):
        with pytest.raises(ClassifierError) as refused:
            predict(np.ones(shape))
        assert str(DIMENSION) in str(refused.value)
        assert str(shape) in str(refused.value)
        assert "train again" in str(refused.value)


@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize("intents", [2, 5])
def test_saved_and_loaded_it_predicts_the_same_to_the_bit(tmp_path, count, intents):
    embeddings, labels = examples(count)
    trained = FewShotClassifier.fit(embeddings[: count * intents], labels[: count * intents])
    trained.save(tmp_path)
    loaded = FewShotClassifier.load(tmp_path)
    assert (loaded.intents, loaded.temperature) == (trained.intents, trained.temperature)
    assert np.array_equal(loaded.predict_proba(embeddings), trained.predict_proba(embeddings))
    assert np.array_equal(loaded.confidences(embeddings), trained.confidences(embeddings))


def test_weights_in_any_memory_layout_are_saved_as_they_are(tmp_path):
    weights = np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3))
    bias, levels = np.arange(4, dtype=np.float32)[::2], np.arange(6, dtype=np.float32)[::-2]
    FewShotClassifier(("a", "b"), LinearHead(weights, bias), 1.0, levels).save(tmp_path)
    loaded = FewShotClassifier.load(tmp_path)
    assert np.array_equal(loaded.head.weights, weights)
    assert np.array_equal(loaded.head.bias, bias)
    assert np.array_equal(loaded.levels, levels)


def test_the_folder_holds_the_json_and_the_safetensors_file_and_nothing_else(stored):
    assert sorted(file.name for file in stored.iterdir()) == sorted([FACTS, TENSORS])
    assert set(load_file(stored / TENSORS)) == {"weights", "bias", "levels"}
    assert json.loads((stored / FACTS).read_text(encoding="utf-8"))["intents"] == sorted(INTENTS)


def test_saving_again_replaces_what_was_there(stored):
    embeddings, intents = examples(2)
    other = FewShotClassifier.fit(embeddings[:4], intents[:4])
    other.save(stored)
    assert FewShotClassifier.load(stored).intents == other.intents


def refused_by_load(folder: Path) -> str:
    with pytest.raises(ClassifierError) as refused:
        FewShotClassifier.load(folder)
    assert "train again" in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("name", [FACTS, TENSORS])
def test_a_missing_file_is_refused(stored, name):
    (stored / name).unlink()
    refused_by_load(stored)


def test_a_missing_folder_is_refused(tmp_path):
    refused_by_load(tmp_path / "nothing")


@pytest.mark.parametrize("name", [FACTS, TENSORS])
@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused(stored, name, share):
    whole = (stored / name).read_bytes()
    (stored / name).write_bytes(whole[: int(share * len(whole))])
    refused_by_load(stored)


@pytest.mark.parametrize("name", [FACTS, TENSORS])
@pytest.mark.parametrize(
    "content", [b"garbage", b"\xff\xfe\x00\xd8", b"[]", b"null", b"{}", b"\x80\x04K\x01."], ids=repr
)
def test_a_damaged_file_is_refused(stored, name, content):
    (stored / name).write_bytes(content)
    refused_by_load(stored)


@pytest.mark.parametrize("stored_format", [0, 2, "1", None, [1]], ids=repr)
def test_another_format_is_refused_with_both(stored, stored_format):
    facts = json.loads((stored / FACTS).read_text(encoding="utf-8"))
    (stored / FACTS).write_text(json.dumps(facts | {"format": stored_format}), encoding="utf-8")
    message = refused_by_load(stored)
    assert repr(stored_format) in message
    assert str(facts["format"]) in message


@pytest.mark.parametrize("key", ["format", "intents", "temperature"])
def test_a_missing_fact_is_refused_by_its_name(stored, key):
    facts = json.loads((stored / FACTS).read_text(encoding="utf-8"))
    del facts[key]
    (stored / FACTS).write_text(json.dumps(facts), encoding="utf-8")
    assert key in refused_by_load(stored)


@pytest.mark.parametrize("temperature", ["warm", None, [1.0], 0, 0.0, -1.0, float("nan"), float("inf")], ids=repr)
def test_a_temperature_that_is_no_positive_number_is_refused(stored, temperature):
    facts = json.loads((stored / FACTS).read_text(encoding="utf-8"))
    (stored / FACTS).write_text(json.dumps(facts | {"temperature": temperature}), encoding="utf-8")
    refused_by_load(stored)


@pytest.mark.parametrize(
    "intents", [None, 5, "greet", [], ["greet"], [*INTENTS, "one more"], [1, 2, 3, 4, 5]], ids=repr
)
def test_intents_that_do_not_fit_are_refused(stored, intents):
    facts = json.loads((stored / FACTS).read_text(encoding="utf-8"))
    (stored / FACTS).write_text(json.dumps(facts | {"intents": intents}), encoding="utf-8")
    refused_by_load(stored)


def zeros(**shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    return {name: np.zeros(shape, dtype=np.float32) for name, shape in shapes.items()}


FITTING = {"weights": (5, 3), "bias": (5,), "levels": (7,)}


def test_tensors_that_fit_the_intents_are_read(stored):
    save_file(zeros(**FITTING), stored / TENSORS)
    assert FewShotClassifier.load(stored).dimension == 3


@pytest.mark.parametrize(
    "change",
    [
        {"weights": (4, 3)},
        {"weights": (5,)},
        {"weights": (5, 3, 1)},
        {"bias": (4,)},
        {"bias": (5, 1)},
        {"levels": (7, 1)},
        {"levels": ()},
    ],
    ids=str,
)
def test_tensors_that_do_not_fit_the_intents_are_refused(stored, change):
    save_file(zeros(**(FITTING | change)), stored / TENSORS)
    refused_by_load(stored)


@pytest.mark.parametrize("name", FITTING)
def test_a_missing_tensor_is_refused_by_its_name(stored, name):
    tensors = zeros(**FITTING)
    del tensors[name]
    save_file(tensors, stored / TENSORS)
    assert name in refused_by_load(stored)


@pytest.mark.parametrize("name", FITTING)
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_tensors_that_are_not_finite_are_refused(stored, name, number):
    tensors = zeros(**FITTING)
    tensors[name].flat[0] = number
    save_file(tensors, stored / TENSORS)
    refused_by_load(stored)


@pytest.mark.parametrize("name", FITTING)
@pytest.mark.parametrize("kind", [np.float64, np.int32])
def test_tensors_of_another_type_are_refused(stored, name, kind):
    tensors = zeros(**FITTING)
    tensors[name] = tensors[name].astype(kind)
    save_file(tensors, stored / TENSORS)
    refused_by_load(stored)
