"""Tests of adaptation/refinement.py and adaptation/assistant.py with the real encoder."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rasa_token_pruning import PrunedEncoder
from rasa_token_pruning.adaptation.assistant import ENOUGH_HELD_OUT, refined
from rasa_token_pruning.adaptation.refinement import refine
from rasa_token_pruning.encoder.engine import EncoderSpec
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.location import DEFAULT_MODEL
from rasa_token_pruning.encoder.presets import preset
from rasa_token_pruning.fewshot.errors import ClassifierError
from rasa_token_pruning.fewshot.names import name_as_text

DATA = {
    "block_card": ["my card was stolen", "block my card please", "i lost my card", "freeze the card at once"],
    "order_card": ["i need a second card", "send me another card", "order a new card", "can my wife have a card too"],
    "card_limit": ["raise the limit of my card", "how much may i spend by card", "my card limit is too low"],
    "greet": ["hello", "good morning", "hi there", "hey you"],
}
TEXTS, INTENTS = zip(*((text, intent) for intent, texts in DATA.items() for text in texts), strict=True)
NAMES = {intent: name_as_text(intent) for intent in DATA}


@pytest.fixture(scope="module")
def encoder() -> PrunedEncoder:
    return PrunedEncoder(readout="final+cut")


@pytest.fixture(scope="module")
def result(encoder):
    return refined(encoder, TEXTS, INTENTS, NAMES)


def spread(embeddings: np.ndarray) -> float:
    """How much nearer examples of the same intent are than others, in cosines."""
    rows = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    same = np.array(INTENTS)[:, None] == np.array(INTENTS)
    cosines = rows @ rows.T
    return float(cosines[same].mean() - cosines[~same].mean())


def test_refined_the_intents_lie_further_apart(encoder, result):
    assert spread(result[0].encode(TEXTS)) > spread(encoder.encode(TEXTS)) + 0.1


def test_it_is_another_encoder_of_the_same_kind(encoder, result):
    assert result[0].identity != encoder.identity
    assert (result[0].policy, result[0].dimension) == (encoder.policy, encoder.dimension)
    assert result[0].can_be_saved


def test_what_enters_the_cut_layer_stays(encoder, result):
    ours, theirs = (one.encode(["is my card blocked"])[0, 384:] for one in (result[0], encoder))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_few_examples_are_all_held_out_once_and_look_less_sure_than_those_that_were_seen(result):
    better, held_out = result
    assert len(TEXTS) < ENOUGH_HELD_OUT
    assert sorted(held_out.numbers) == list(range(len(TEXTS)))
    assert [sorted(DATA)[label] for label in held_out.labels] == [INTENTS[number] for number in held_out.numbers]
    rows = better.encode([TEXTS[number] for number in held_out.numbers])
    prototypes = np.stack([rows[held_out.labels == label].mean(axis=0) for label in range(4)])
    unit = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in (rows, prototypes)]
    own = np.arange(len(rows)), held_out.labels
    assert held_out.similarities[own].mean() < (unit[0] @ unit[1].T)[own].mean() - 0.05


def test_of_many_examples_some_are_held_out(monkeypatch, encoder):
    monkeypatch.setattr("rasa_token_pruning.adaptation.assistant.ENOUGH_HELD_OUT", 4)
    monkeypatch.setattr("rasa_token_pruning.adaptation.refinement.EPOCHS", 1)
    _, held_out = refined(encoder, TEXTS, INTENTS, NAMES)
    assert 4 <= len(held_out.numbers) < len(TEXTS)


def test_neither_the_order_of_the_examples_nor_a_second_time_matters_to_the_bit(monkeypatch, encoder):
    monkeypatch.setattr("rasa_token_pruning.adaptation.refinement.EPOCHS", 1)
    state = torch.get_rng_state()
    first, _ = refined(encoder, TEXTS, INTENTS, NAMES)
    second, _ = refined(encoder, TEXTS[::-1], INTENTS[::-1], dict(reversed(NAMES.items())))
    assert first.identity == second.identity
    assert torch.equal(torch.get_rng_state(), state)


def test_side_by_side_they_become_what_they_become_one_after_the_other(monkeypatch, encoder):
    monkeypatch.setattr("rasa_token_pruning.adaptation.refinement.EPOCHS", 1)
    threads = torch.get_num_threads()
    found = []
    for count in (1, 3):
        torch.set_num_threads(count)
        try:
            found.append(refined(encoder, TEXTS, INTENTS, NAMES))
            assert torch.get_num_threads() == count
        finally:
            torch.set_num_threads(threads)
    (alone, held_out), (together, as_well) = found
    assert alone.identity == together.identity
    assert np.array_equal(held_out.numbers, as_well.numbers) and np.array_equal(held_out.logits, as_well.logits)


def test_layers_below_the_first_that_cuts_stay():
    model = shared_model(DEFAULT_MODEL)
    spec = EncoderSpec(preset("balanced", 6), (), model.head)
    ids = [pieces.ids for pieces in model.tokenizer(None).tokenize(TEXTS[:4])]
    after = refine(model.weights, spec, ids, np.array([0, 0, 1, 1]))
    changed = {name for name, array in after.arrays.items() if not np.array_equal(array, model.weights.arrays[name])}
    assert {name.split(".")[1] for name in changed} == {"2", "3", "4", "5"}
    assert all(np.isfinite(array).all() for array in after.arrays.values())


def test_one_intent_is_refused(encoder):
    with pytest.raises(ClassifierError, match="at least 2"):
        refined(encoder, ["hello", "hi"], ["greet", "greet"], {})


def test_a_loaded_encoder_is_refused(encoder, tmp_path):
    encoder.save(tmp_path)
    with pytest.raises(EncoderError, match="make it from the model"):
        refined(PrunedEncoder.load(tmp_path), TEXTS, INTENTS, NAMES)
