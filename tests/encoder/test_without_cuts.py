"""Tests of PrunedEncoder.without_cuts: the same encoder with pruning off, from what is there already."""

from __future__ import annotations

import numpy as np
import pytest

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.pruned import PrunedEncoder

TEXTS = [
    "reset my password",
    "hi, since the update this morning my laptop does not find the printer on the second floor any more",
    "the card that i ordered two weeks ago has not come, and i can not order another one " * 4,
    "",
    "x" * 300,
]
POLICIES = [PruningPolicy((2,), 0.5, 6), PruningPolicy((1, 3), 0.6, 4, "merge", "attention_value")]


def encoder(pruning, engine, precision="fp32", **options):
    return PrunedEncoder(pruning=pruning, engine=engine, precision=precision, num_threads=1, **options)


@pytest.mark.parametrize("readout", ["final", "final+cut"])
@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_its_embeddings_are_those_of_an_encoder_that_was_made_without_pruning(engine, policy, readout):
    whole = encoder(policy, engine, readout=readout).without_cuts()
    expected = encoder(policy.without_cuts(), engine, readout=readout)
    np.testing.assert_allclose(whole.encode(TEXTS), expected.encode(TEXTS), atol=1e-5)
    for found, right in zip(whole.encode_tokens(TEXTS), expected.encode_tokens(TEXTS), strict=True):
        assert found.kept.all()
        np.testing.assert_allclose(found.states, right.states, atol=1e-3)
    assert whole.policy == expected.policy == policy.without_cuts()
    assert whole.trace(TEXTS[1]).cuts == ()


def test_in_8_bits_they_are_nearly_those():
    for policy in POLICIES:
        whole, expected = encoder(policy, "onnx", "int8").without_cuts(), encoder("off", "onnx", "int8")
        assert (whole.encode(TEXTS) * expected.encode(TEXTS)).sum(axis=1).min() > 0.98


def test_of_every_family(architecture_folder):
    policy = PruningPolicy((0, 2), 0.6, 4, "merge")
    text = "abc " * 12
    for engine in ("onnx", "torch"):
        same = {"model": str(architecture_folder), "engine": engine}
        whole = PrunedEncoder(pruning=policy, **same).without_cuts()
        np.testing.assert_allclose(whole.encode(text), PrunedEncoder(pruning="off", **same).encode(text), atol=1e-5)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_loaded_encoder_needs_no_model_for_it(tmp_path, precision):
    made = encoder(POLICIES[1], "onnx", precision)
    made.save(tmp_path)
    loaded = PrunedEncoder.load(tmp_path, num_threads=1)
    assert np.array_equal(loaded.without_cuts().encode(TEXTS), made.without_cuts().encode(TEXTS))
    assert not np.allclose(loaded.without_cuts().encode(TEXTS[1]), loaded.encode(TEXTS[1]), atol=1e-3)


def test_texts_that_are_not_cut_have_the_same_embedding_to_the_bit(engine):
    pruned = encoder("balanced", engine)
    assert np.array_equal(pruned.without_cuts().encode(TEXTS[0]), pruned.encode(TEXTS[0]))


def test_the_encoder_that_it_is_made_of_goes_on_as_before(engine):
    pruned = encoder("balanced", engine, cache_mib=1)
    before = pruned.encode(TEXTS)
    whole = pruned.without_cuts()
    without = whole.encode(TEXTS)
    assert np.array_equal(pruned.encode(TEXTS), before)
    assert np.array_equal(whole.encode(TEXTS), without)
    assert np.array_equal(encoder("balanced", engine).encode(TEXTS), before)
    assert not np.allclose(without, before, atol=1e-3)


def test_it_shares_the_memory_and_is_not_saved(tmp_path):
    pruned = encoder("balanced", "onnx")
    whole = pruned.without_cuts()
    assert whole._runtime.engine._session is pruned._runtime.engine._session
    assert pruned.can_be_saved and not whole.can_be_saved
    with pytest.raises(EncoderError, match="can be saved"):
        whole.save(tmp_path)
    assert whole.options.pruning == whole.policy


def test_without_pruning_there_is_nothing_to_turn_off(engine):
    off = encoder("off", engine)
    assert np.array_equal(off.without_cuts().without_cuts().encode(TEXTS), off.encode(TEXTS))
