"""What an encoder reads of a message is what it does with it."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.evaluation.reading import read
from rasa_token_pruning.evaluation.texts import TextsError

LONG = "good morning, since the update yesterday i can not find the car park on the second floor any more"


@pytest.mark.parametrize("kind", [("torch", "fp32"), ("onnx", "fp32"), ("onnx", "int8")], ids="-".join)
@pytest.mark.parametrize("reduction", ["drop", "merge"])
def test_it_holds_the_trace_and_what_pruning_changes(kind, reduction):
    policy = PruningPolicy((1, 3), 0.5, 4, reduction)
    encoder, off = (
        PrunedEncoder(pruning=one, engine=kind[0], precision=kind[1], num_threads=1)
        for one in (policy, policy.without_cuts())
    )
    found, trace = read(LONG, encoder), encoder.trace(LONG)
    assert (found.text, found.pieces, found.cuts, found.truncated) == (LONG, trace.pieces, trace.cuts, 0)
    cosine = float(encoder.encode(LONG) @ off.encode(LONG))  # both of length 1
    assert found.cosine == pytest.approx(cosine, abs=0.02 if kind[1] == "int8" else 1e-5)
    assert found.cosine < 0.99
    assert json.loads(json.dumps(asdict(found)))["text"] == LONG


def test_the_cosine_is_of_directions_and_never_above_1():
    encoder = PrunedEncoder(readout="final+cut", num_threads=1)  # embeddings of another length than 1
    assert read("hello", encoder).cosine == pytest.approx(1, abs=1e-12) and read("hello", encoder).cosine <= 1
    one, other = (whole.encode(LONG).astype(float) for whole in (encoder, encoder.without_cuts()))
    assert read(LONG, encoder).cosine == pytest.approx(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.mark.parametrize("text", ["", "\x00", "\u200b \x01"], ids=repr)
def test_a_message_of_which_nothing_is_read(text):
    with pytest.raises(TextsError, match="the encoder reads nothing"):
        read(text, PrunedEncoder(prompt="query: ", num_threads=1))
