"""Tests of encoder/trace.py: what is said of the pieces of a text is what became of them, with every engine."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.pruned import PrunedEncoder

LONG = "hi, since the update this morning my laptop does not find the printer on the second floor any more"
KINDS = [("torch", "fp32"), ("onnx", "fp32"), ("onnx", "int8")]
POLICIES = [
    PruningPolicy((2,), 0.5, 6),
    PruningPolicy((1, 3), 0.4, 6, "merge"),
    PruningPolicy((0, 2, 5), 0.4, 4, "merge", "attention_value"),
    PruningPolicy((0, 2, 5), 0.3, 4, "drop", "max_attention"),
]


def encoder(kind, pruning, **options):
    engine, precision = kind
    return PrunedEncoder(pruning=pruning, engine=engine, precision=precision, num_threads=1, **options)


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_it_says_what_encode_tokens_does(kind, policy):
    pruned = encoder(kind, policy)
    for text in (LONG, "hello", "", "x" * 300, f"{LONG}. " * 20):
        trace, (encoded,) = pruned.trace(text), pruned.encode_tokens([text])
        assert [piece.piece for piece in trace.pieces] == list(encoded.pieces.texts)
        assert [[piece.start, piece.end] for piece in trace.pieces] == encoded.offsets.tolist()
        assert [piece.kept for piece in trace.pieces] == encoded.kept.tolist()
        assert trace.truncated == encoded.pieces.truncated


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_each_cut_takes_the_least_important_of_the_pieces_that_reached_it(kind, policy):
    trace = encoder(kind, policy).trace(LONG)
    assert tuple(cut.layer for cut in trace.cuts) == policy.layers
    length = len(trace.pieces)
    for number, cut in enumerate(trace.cuts):
        offered = [piece for piece in trace.pieces if len(piece.importance) > number]
        went = [piece for piece in offered if piece.layer == cut.layer]
        stayed = [piece for piece in offered[1:-1] if piece.layer != cut.layer]
        assert (cut.before, cut.after) == (length, policy.tokens_kept(length)) == (len(offered), length - len(went))
        assert max(piece.importance[number] for piece in went) <= min(piece.importance[number] for piece in stayed)
        if policy.score == "mean_attention" and policy.reduction == "drop":
            assert sum(piece.importance[number] for piece in offered) == pytest.approx(1, abs=1e-3)
        length = cut.after
    for number, piece in enumerate(trace.pieces):
        assert piece.kept == (piece.layer is None)
        assert min(piece.importance) >= 0
        last = next((k for k, cut in enumerate(trace.cuts) if cut.layer == piece.layer), len(trace.cuts) - 1)
        assert len(piece.importance) == last + 1
        assert (piece.merged_into is not None) == (policy.reduction == "merge" and not piece.kept)
        if piece.merged_into is not None:
            target = trace.pieces[piece.merged_into]
            assert piece.merged_into != number and (target.kept or target.layer > piece.layer)


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_engines_agree(policy):
    reference, served = (encoder(kind, policy).trace(LONG) for kind in KINDS[:2])
    assert served.cuts == reference.cuts
    for ours, theirs in zip(served.pieces, reference.pieces, strict=True):
        assert ours.importance == pytest.approx(theirs.importance, rel=1e-3)
        assert {**asdict(ours), "importance": ()} == {**asdict(theirs), "importance": ()}


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_a_merged_piece_goes_where_the_state_is_most_similar(kind):
    """The states in which pieces left the cut layer's attention are those of an encoder that drops them there."""
    policy = PruningPolicy((5,), 0.5, 6, "merge")
    trace = encoder(kind, policy).trace(LONG)
    (dropping,) = encoder(kind, PruningPolicy((5,), 0.99, 2)).encode_tokens([LONG])
    states = dropping.states / np.linalg.norm(dropping.states, axis=1, keepdims=True)
    kept = [number for number, piece in enumerate(trace.pieces) if piece.kept and not dropping.kept[number]]
    merged = [number for number, piece in enumerate(trace.pieces) if piece.merged_into in kept]
    assert len(kept) > 5 and merged
    for number in merged:
        similarity = states[kept] @ states[number]
        assert kept[similarity.argmax()] == trace.pieces[number].merged_into


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_without_pruning_and_below_the_floor_there_is_no_cut(kind):
    for pruning, text in (("off", LONG), (PruningPolicy((1,), 0.5, 200), LONG), ("balanced", "hello there")):
        trace = encoder(kind, pruning).trace(text)
        assert trace.cuts == ()
        assert all(piece.kept and piece.importance == () for piece in trace.pieces)


def test_pieces_of_a_prompt_can_go_too():
    trace = encoder(("onnx", "fp32"), PruningPolicy((1,), 0.9, 4), prompt="this is a query: ").trace("my laptop")
    prompt, words = trace.pieces[1:6], trace.pieces[6:-1]
    assert [(piece.piece, piece.end) for piece in prompt] == [(p, 0) for p in ("this", "is", "a", "query", ":")]
    assert [piece.end for piece in words] == [2, 9]
    assert any(not piece.kept for piece in prompt)


def test_a_saved_encoder_says_the_same(tmp_path):
    for policy in POLICIES[:2]:
        made = encoder(KINDS[2], policy)
        made.save(tmp_path)
        assert PrunedEncoder.load(tmp_path, num_threads=1).trace(LONG) == made.trace(LONG)


def test_it_is_made_of_plain_values():
    found = asdict(encoder(KINDS[2], POLICIES[1]).trace(LONG))
    assert json.loads(json.dumps(found, allow_nan=False))["cuts"] == [*found["cuts"]]


@pytest.mark.parametrize("text", [None, b"text", ["text"], 5], ids=repr)
def test_what_is_no_text_is_refused(text):
    with pytest.raises(TypeError, match="takes texts"):
        encoder(KINDS[2], "balanced").trace(text)
