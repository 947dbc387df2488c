"""One pass of the encoder for both read-outs."""

import numpy as np
import pytest

from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.encoder.readout import FINAL, FINAL_AND_CUT
from rasa_token_pruning.evaluation.remembered import Remembered
from tests.encoder.conftest import one_thread as one_thread
from tests.encoder.conftest import write_tiny_model

POLICY = PruningPolicy((2,), 0.5, 4)
TEXTS = ["reset my password", "hello", "where is my parcel now", "hello", "bye"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(write_tiny_model(tmp_path_factory.mktemp("remembered") / "model"))


@pytest.fixture
def encoder(folder):
    return PrunedEncoder(folder, POLICY, FINAL_AND_CUT, engine="onnx", num_threads=1)


@pytest.fixture
def asked(encoder, monkeypatch):
    """The texts that the encoder was given, call by call; what was empty is left out."""
    found = []
    encode = encoder.encode

    def noted(texts):
        if texts:
            found.append(list(texts))
        return encode(texts)

    monkeypatch.setattr(encoder, "encode", noted)
    return found


@pytest.mark.parametrize("readout", [FINAL, FINAL_AND_CUT])
def test_it_is_what_an_encoder_with_the_read_out_gives(folder, encoder, readout):
    alone = PrunedEncoder(folder, POLICY, readout, engine="onnx", num_threads=1).encode(TEXTS)
    rows = Remembered(encoder).with_readout(readout)(TEXTS)
    assert rows.shape == alone.shape and rows.dtype == np.float32
    np.testing.assert_allclose(rows, alone, atol=1e-6)


def test_the_model_in_use_with_int8():
    encoder = PrunedEncoder(pruning=POLICY, readout=FINAL_AND_CUT, engine="onnx", precision="int8", num_threads=1)
    remembered = Remembered(encoder)
    own = PrunedEncoder(pruning=POLICY, engine="onnx", precision="int8", num_threads=1).encode(TEXTS)
    np.testing.assert_allclose(remembered.with_readout(FINAL)(TEXTS), own, atol=1e-6)
    assert remembered.with_readout(FINAL_AND_CUT)(TEXTS).shape == (5, 768)


def test_each_text_is_encoded_once(encoder, asked):
    remembered = Remembered(encoder)
    final, joined = remembered.with_readout(FINAL), remembered.with_readout(FINAL_AND_CUT)
    first = final(TEXTS)
    assert asked == [["reset my password", "hello", "where is my parcel now", "bye"]]
    np.testing.assert_array_equal(first[1], first[3])
    both = joined(TEXTS)
    np.testing.assert_array_equal(both[:, : first.shape[1]], first)
    np.testing.assert_array_equal(final(TEXTS), first)
    assert len(asked) == 1
    np.testing.assert_array_equal(final(["bye", "new", "hello"])[[0, 2]], first[[4, 1]])
    assert asked[1:] == [["new"]]


def test_what_is_handed_out_can_be_changed(encoder):
    embed = Remembered(encoder).with_readout(FINAL)
    rows = embed(TEXTS)
    before = rows.copy()
    rows[:] = 0
    np.testing.assert_array_equal(embed(TEXTS), before)


def test_another_one_remembers_nothing(encoder, asked):
    for _ in range(2):
        Remembered(encoder).with_readout(FINAL)(["hello"])
    assert asked == [["hello"], ["hello"]]
