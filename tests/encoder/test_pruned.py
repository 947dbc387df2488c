"""Tests of encoder/pruned.py: the packaged model beside sentence-transformers, and tiny models."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.location import DEFAULT_MODEL, identity
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.pooling import READOUTS
from rasa_token_pruning.encoder.pruned import PrunedEncoder

CLOSE = 1e-5


@pytest.fixture(scope="module")
def by_sentence_transformers(packaged_folder, varied_texts) -> np.ndarray:
    return SentenceTransformer(str(packaged_folder), device="cpu").encode(varied_texts)


@pytest.fixture(scope="module")
def without_pruning(off, varied_texts) -> np.ndarray:
    return off.encode(varied_texts)


def test_without_pruning_embeddings_are_those_of_sentence_transformers(without_pruning, by_sentence_transformers):
    assert without_pruning.shape == by_sentence_transformers.shape
    np.testing.assert_allclose(without_pruning, by_sentence_transformers, atol=CLOSE, rtol=0)


def test_one_text_alone_is_that_of_sentence_transformers(off, varied_texts, by_sentence_transformers):
    for number in range(0, len(varied_texts), 20):
        np.testing.assert_allclose(off.encode(varied_texts[number]), by_sentence_transformers[number], atol=CLOSE)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("max_length", [40, None])
def test_a_tiny_model_is_that_of_sentence_transformers(tmp_path, write_model, varied_texts, normalize, max_length):
    folder = str(write_model(tmp_path / "model", normalize=normalize, max_length=max_length))
    theirs = SentenceTransformer(folder, device="cpu").encode(varied_texts)
    ours = PrunedEncoder(folder, "off").encode(varied_texts)
    assert np.allclose(np.linalg.norm(theirs, axis=1), 1) == normalize
    np.testing.assert_allclose(ours, theirs, atol=CLOSE, rtol=0)


def test_a_limit_of_the_tokenizers_configuration_is_that_of_sentence_transformers(tmp_path, write_model, edit_json):
    folder = write_model(tmp_path / "model", max_length=None)
    edit_json(folder / "tokenizer_config.json", model_max_length=20)
    text = "reset my password because i lost it"
    theirs = SentenceTransformer(str(folder), device="cpu").encode(text)
    np.testing.assert_allclose(PrunedEncoder(str(folder), "off").encode(text), theirs, atol=CLOSE)


@pytest.mark.parametrize(
    "policy", [PruningPolicy((2,), 0, 4), PruningPolicy((1, 2, 3), 0.0, 2), PruningPolicy((2,), 0.9, 256)], ids=repr
)
def test_a_policy_that_cuts_nothing_is_off(varied_texts, without_pruning, policy):
    assert np.array_equal(PrunedEncoder(pruning=policy).encode(varied_texts), without_pruning)


def test_pruning_changes_the_embeddings_of_long_texts_and_of_no_short_ones(balanced, off, varied_texts):
    floor = balanced.policy.min_tokens
    encoded = balanced.encode_tokens(varied_texts)
    for pruned, whole in zip(encoded, off.encode(varied_texts), strict=True):
        cuttable = balanced.policy.tokens_kept(len(pruned.kept)) < len(pruned.kept)
        assert np.allclose(pruned.embedding, whole, atol=1e-6) != cuttable
    assert any(len(pruned.kept) <= floor for pruned in encoded)


POLICIES = [
    PruningPolicy((2,), 0.5, 4),
    PruningPolicy((1, 2, 4), 0.3, 3),
]


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
def test_a_text_is_encoded_alike_alone_in_any_batch_and_in_any_order(varied_texts, policy):
    encoder = PrunedEncoder(pruning=policy)
    together = encoder.encode_tokens(varied_texts)
    order = random.Random(1).sample(range(len(varied_texts)), len(varied_texts))
    shuffled = encoder.encode_tokens([varied_texts[number] for number in order])
    for number, other in zip(order, shuffled, strict=True):
        assert np.array_equal(other.kept, together[number].kept)
        np.testing.assert_allclose(other.embedding, together[number].embedding, atol=CLOSE, rtol=0)
    for text, expected in zip(varied_texts, together, strict=True):
        (alone,) = encoder.encode_tokens([text])
        assert np.array_equal(alone.kept, expected.kept)
        np.testing.assert_allclose(alone.embedding, expected.embedding, atol=CLOSE, rtol=0)
        np.testing.assert_allclose(alone.states, expected.states, atol=1e-4, rtol=0)


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("pruning", ["off", "balanced"])
def test_encode_and_encode_tokens_agree(varied_texts, pruning, readout):
    encoder = PrunedEncoder(pruning=pruning, readout=readout)
    embeddings, encoded = encoder.encode(varied_texts), encoder.encode_tokens(varied_texts)
    assert embeddings.shape == (len(varied_texts), encoder.dimension)
    assert embeddings.dtype == np.float32
    assert np.array_equal(np.stack([text.embedding for text in encoded]), embeddings)


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
def test_as_many_pieces_stay_as_the_policy_says_and_both_ends_among_them(varied_texts, policy):
    for text in PrunedEncoder(pruning=policy).encode_tokens(varied_texts):
        expected = len(text.pieces.ids)
        for _ in policy.layers:
            expected = policy.tokens_kept(expected)
        assert text.kept.dtype == bool
        assert text.kept.shape == text.pieces.ids.shape
        assert text.kept.sum() == expected
        assert text.kept[0]
        assert text.kept[-1]


def test_the_embedding_is_the_normalized_mean_of_the_states_that_stayed(balanced, varied_texts):
    for text in balanced.encode_tokens(varied_texts):
        assert text.states.shape == (len(text.pieces.ids), balanced.token_dimension)
        assert text.states.dtype == np.float32
        mean = text.states[text.kept].mean(axis=0)
        np.testing.assert_allclose(text.embedding, mean / np.linalg.norm(mean), atol=CLOSE)


def test_results_own_their_arrays(balanced):
    first, second = balanced.encode_tokens(["reset my password now", "reset my account now"])
    assert len(first.pieces.ids) == len(second.pieces.ids)
    before = second.embedding.copy(), second.states.copy(), second.kept.copy()
    for array in (first.embedding, first.states, first.kept):
        assert array.base is None
        array[:] = 0
    assert all(
        np.array_equal(*pair) for pair in zip(before, (second.embedding, second.states, second.kept), strict=True)
    )


@pytest.mark.parametrize("readout", READOUTS)
def test_a_single_text_gives_one_dimension(tiny_folder, readout):
    encoder = PrunedEncoder(str(tiny_folder), readout=readout)
    alone = encoder.encode("reset my password")
    assert alone.shape == (encoder.dimension,)
    assert np.array_equal(alone, encoder.encode(["reset my password"])[0])


@pytest.mark.parametrize("readout", READOUTS)
def test_no_texts_give_no_rows(tiny_folder, readout):
    encoder = PrunedEncoder(str(tiny_folder), readout=readout)
    assert encoder.encode([]).shape == (0, encoder.dimension)
    assert encoder.encode([]).dtype == np.float32
    assert encoder.encode_tokens([]) == []


def test_dimensions_are_those_of_the_results(tiny_folder):
    final, joined = PrunedEncoder(str(tiny_folder)), PrunedEncoder(str(tiny_folder), readout="final+cut")
    assert final.dimension == final.token_dimension == joined.token_dimension == 32
    assert joined.dimension == 2 * final.dimension == len(joined.encode("hello"))


def test_identity_is_that_of_the_files(balanced, off, packaged_folder, tiny_folder):
    assert balanced.identity == off.identity == identity(packaged_folder.resolve())
    assert PrunedEncoder(str(tiny_folder)).identity == identity(tiny_folder)


@pytest.mark.parametrize("wrong", [None, 3, b"reset", 1.5, ["reset"]], ids=repr)
def test_what_is_no_text_raises_type_error_with_the_value(tiny_folder, wrong):
    encoder = PrunedEncoder(str(tiny_folder))
    for encode in (encoder.encode, encoder.encode_tokens):
        with pytest.raises(TypeError) as raised:
            encode(["reset", wrong])
        assert repr(wrong) in str(raised.value)


@pytest.mark.parametrize("readout", ["", "mean", "cut", "FINAL", None, True, ["final"]], ids=repr)
def test_bad_readout_is_refused_with_the_value_and_the_choices(tiny_folder, readout):
    with pytest.raises(EncoderError) as refused:
        PrunedEncoder(str(tiny_folder), readout=readout)
    assert repr(readout) in str(refused.value)
    assert all(choice in str(refused.value) for choice in READOUTS)


@pytest.mark.parametrize("pruning", ["", "strong", None, 0.5, False], ids=repr)
def test_bad_preset_is_refused_with_the_value_and_the_choices(tiny_folder, pruning):
    with pytest.raises(EncoderError) as refused:
        PrunedEncoder(str(tiny_folder), pruning)
    assert repr(pruning) in str(refused.value)
    assert "balanced" in str(refused.value)


@pytest.mark.parametrize("layers", [(4,), (0, 4), (99,)], ids=repr)
def test_layer_beyond_the_encoder_is_refused_with_what_it_has(tiny_folder, layers):
    with pytest.raises(EncoderError) as refused:
        PrunedEncoder(str(tiny_folder), PruningPolicy(layers, 0.5, 4))
    assert repr(list(layers)) in str(refused.value)
    assert "from 0 to 3" in str(refused.value)


def test_every_layer_of_the_encoder_can_be_cut(tiny_folder):
    encoder = PrunedEncoder(str(tiny_folder), PruningPolicy((0, 1, 2, 3), 0.5, 2))
    assert np.isfinite(encoder.encode("reset my password")).all()


def test_reading_before_the_cut_needs_a_layer(tiny_folder):
    with pytest.raises(EncoderError, match="name one in layers"):
        PrunedEncoder(str(tiny_folder), PruningPolicy((), 0.5, 4), "final+cut")
    assert PrunedEncoder(str(tiny_folder), PruningPolicy((), 0.5, 4), "final").encode("hi").shape == (32,)


@pytest.mark.parametrize("model", ["no/such/model", "", None], ids=repr)
def test_missing_model_is_refused_with_the_value_and_the_way_out(model):
    with pytest.raises(EncoderError) as refused:
        PrunedEncoder(model)
    assert repr(model) in str(refused.value)
    assert DEFAULT_MODEL in str(refused.value)


@pytest.fixture(scope="module", params=READOUTS)
def with_readout(request) -> PrunedEncoder:
    return PrunedEncoder(readout=request.param)


@settings(max_examples=40)
@given(texts=st.lists(st.text(st.characters(exclude_categories=()), max_size=80), min_size=1, max_size=3))
def test_any_text_gives_finite_embeddings(with_readout, texts):
    embeddings = with_readout.encode(texts)
    assert embeddings.shape == (len(texts), with_readout.dimension)
    assert np.isfinite(embeddings).all()
    np.testing.assert_allclose(np.linalg.norm(embeddings[:, : with_readout.token_dimension], axis=1), 1, atol=CLOSE)


def test_several_threads_give_the_results_of_one(balanced, varied_texts):
    expected = balanced.encode_tokens(varied_texts)
    parts = [list(range(start, len(varied_texts), 8)) for start in range(8)]
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda part: balanced.encode_tokens([varied_texts[number] for number in part]), parts)
        for part, encoded in zip(parts, found, strict=True):
            for number, text in zip(part, encoded, strict=True):
                assert np.array_equal(text.kept, expected[number].kept)
                np.testing.assert_allclose(text.embedding, expected[number].embedding, atol=CLOSE, rtol=0)


def test_the_number_of_threads_of_torch_does_not_matter(balanced, varied_texts):
    texts = varied_texts[::6]
    expected = balanced.encode_tokens(texts)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        found = [balanced.encode_tokens(texts), [balanced.encode_tokens([text])[0] for text in texts[:10]]]
    finally:
        torch.set_num_threads(threads)
    for results in found:
        for one, several in zip(expected, results, strict=False):
            assert np.array_equal(several.kept, one.kept)
            np.testing.assert_allclose(several.embedding, one.embedding, atol=CLOSE, rtol=0)


def test_one_text_where_several_are_taken_is_refused(balanced):
    with pytest.raises(TypeError, match="put it into a list"):
        balanced.encode_tokens("hello")


@pytest.mark.parametrize(
    "pooling",
    [
        {"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True},
        {"pooling_mode_mean_tokens": False, "pooling_mode_max_tokens": True},
        {"pooling_mode": "cls"},
        {"pooling_mode": "max"},
    ],
    ids=str,
)
@pytest.mark.parametrize("normalize", [True, False])
def test_every_pooling_is_that_of_sentence_transformers(tmp_path, write_model, varied_texts, normalize, pooling):
    folder = write_model(tmp_path / "model", normalize=normalize)
    facts = {"word_embedding_dimension": 32, **pooling}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(facts), encoding="utf-8")
    theirs = SentenceTransformer(str(folder), device="cpu").encode(varied_texts)
    np.testing.assert_allclose(PrunedEncoder(str(folder), "off").encode(varied_texts), theirs, atol=CLOSE, rtol=0)
    assert np.isfinite(PrunedEncoder(str(folder), "balanced", readout="final+cut").encode(varied_texts)).all()
