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
from rasa_token_pruning.encoder.pruned import PrunedEncoder

CLOSE = 1e-5
READOUTS = ("final", "final+cut")


@pytest.fixture(scope="module")
def by_sentence_transformers(packaged_folder, varied_texts) -> np.ndarray:
    return SentenceTransformer(str(packaged_folder), device="cpu").encode(varied_texts)


@pytest.fixture(scope="module")
def some_texts(varied_texts) -> list[str]:
    return varied_texts[::4]


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
def test_a_tiny_model_is_that_of_sentence_transformers(
    tmp_path, write_model, varied_texts, normalize, max_length, engine
):
    folder = str(write_model(tmp_path / "model", normalize=normalize, max_length=max_length))
    theirs = SentenceTransformer(folder, device="cpu").encode(varied_texts)
    ours = PrunedEncoder(folder, "off", engine=engine, num_threads=1).encode(varied_texts)
    assert np.allclose(np.linalg.norm(theirs, axis=1), 1) == normalize
    np.testing.assert_allclose(ours, theirs, atol=CLOSE, rtol=0)


def test_a_limit_of_the_tokenizers_configuration_is_that_of_sentence_transformers(
    tmp_path, write_model, edit_json, engine
):
    folder = write_model(tmp_path / "model", max_length=None)
    edit_json(folder / "tokenizer_config.json", model_max_length=20)
    text = "reset my password because i lost it"
    theirs = SentenceTransformer(str(folder), device="cpu").encode(text)
    np.testing.assert_allclose(
        PrunedEncoder(str(folder), "off", engine=engine, num_threads=1).encode(text), theirs, atol=CLOSE
    )


@pytest.mark.parametrize(
    "policy",
    [
        PruningPolicy((2,), 0, 4),
        PruningPolicy((1, 2, 3), 0.0, 2),
        PruningPolicy((2,), 0.9, 256),
        PruningPolicy((2, 4), 0.9, 256, "merge"),
    ],
    ids=repr,
)
def test_a_policy_that_cuts_nothing_is_off(some_texts, off, policy, engine):
    expected = off.encode(some_texts)
    encoded = PrunedEncoder(pruning=policy, engine=engine, num_threads=1).encode(some_texts)
    if engine == "torch" or policy.quantile == 0:
        assert np.array_equal(encoded, expected)
    else:  # the graph could cut, so its attention is computed in other steps
        np.testing.assert_allclose(encoded, expected, atol=1e-6, rtol=0)


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
    PruningPolicy((1, 3), 0.5, 4, "merge", "attention_value"),
    PruningPolicy((1, 3), 0.5, 4, score="learnt"),
]


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
def test_a_text_is_encoded_alike_alone_in_any_batch_and_in_any_order(some_texts, policy, engine):
    encoder = PrunedEncoder(pruning=policy, engine=engine, num_threads=1, adapter="auto")
    together = encoder.encode_tokens(some_texts)
    order = random.Random(1).sample(range(len(some_texts)), len(some_texts))
    shuffled = encoder.encode_tokens([some_texts[number] for number in order])
    for number, other in zip(order, shuffled, strict=True):
        assert np.array_equal(other.kept, together[number].kept)
        np.testing.assert_allclose(other.embedding, together[number].embedding, atol=CLOSE, rtol=0)
    for text, expected in zip(some_texts, together, strict=True):
        (alone,) = encoder.encode_tokens([text])
        assert np.array_equal(alone.kept, expected.kept)
        np.testing.assert_allclose(alone.embedding, expected.embedding, atol=CLOSE, rtol=0)
        np.testing.assert_allclose(alone.states, expected.states, atol=1e-4, rtol=0)


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("pruning", ["off", "balanced"])
def test_encode_and_encode_tokens_agree(some_texts, pruning, readout, engine):
    encoder = PrunedEncoder(pruning=pruning, readout=readout, engine=engine, num_threads=1)
    embeddings, encoded = encoder.encode(some_texts), encoder.encode_tokens(some_texts)
    assert embeddings.shape == (len(some_texts), encoder.dimension)
    assert embeddings.dtype == np.float32
    assert np.array_equal(np.stack([text.embedding for text in encoded]), embeddings)


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
def test_as_many_pieces_stay_as_the_policy_says_and_both_ends_among_them(some_texts, policy, engine):
    for text in PrunedEncoder(pruning=policy, engine=engine, num_threads=1, adapter="auto").encode_tokens(some_texts):
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


def test_results_own_their_arrays_which_cannot_be_changed(balanced):
    first, second = balanced.encode_tokens(["reset my password now", "reset my account now"])
    assert len(first.pieces.ids) == len(second.pieces.ids)
    for array in (first.embedding, first.states, first.kept):
        assert array.base is None
    for array in (first.embedding, first.states, first.kept, first.pieces.ids):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0


def test_embeddings_are_the_callers_own(balanced):
    texts = ["reset my password now", "reset my account now"]
    several, alone = balanced.encode(texts), balanced.encode(texts[0])
    before = several.copy()
    alone[:] = 0
    assert np.array_equal(several, before)
    several[:] = 0
    assert np.array_equal(balanced.encode(texts), before)


@pytest.mark.parametrize("readout", READOUTS)
def test_a_single_text_gives_one_dimension(tiny_folder, readout, engine):
    encoder = PrunedEncoder(str(tiny_folder), readout=readout, engine=engine, num_threads=1)
    alone = encoder.encode("reset my password")
    assert alone.shape == (encoder.dimension,)
    assert np.array_equal(alone, encoder.encode(["reset my password"])[0])


@pytest.mark.parametrize("readout", READOUTS)
def test_no_texts_give_no_rows(tiny_folder, readout, engine):
    encoder = PrunedEncoder(str(tiny_folder), readout=readout, engine=engine, num_threads=1)
    assert encoder.encode([]).shape == (0, encoder.dimension)
    assert encoder.encode([]).dtype == np.float32
    assert encoder.encode_tokens([]) == []


def test_dimensions_are_those_of_the_results(tiny_folder, engine):
    final, joined = (
        PrunedEncoder(str(tiny_folder), engine=engine, num_threads=1),
        PrunedEncoder(str(tiny_folder), readout="final+cut", engine=engine, num_threads=1),
    )
    assert final.dimension == final.token_dimension == joined.token_dimension == 32
    assert joined.dimension == 2 * final.dimension == len(joined.encode("hello"))


def test_identity_is_that_of_the_files(balanced, off, packaged_folder, tiny_folder, engine):
    assert balanced.identity == off.identity == identity(packaged_folder.resolve())
    assert PrunedEncoder(str(tiny_folder), engine=engine, num_threads=1).identity == identity(tiny_folder)


@pytest.mark.parametrize("wrong", [None, 3, b"reset", 1.5, ["reset"]], ids=repr)
def test_what_is_no_text_raises_type_error_with_the_value(tiny_folder, wrong, engine):
    encoder = PrunedEncoder(str(tiny_folder), engine=engine, num_threads=1)
    for encode in (encoder.encode, encoder.encode_tokens):
        with pytest.raises(TypeError) as raised:
            encode(["reset", wrong])
        assert repr(wrong) in str(raised.value)


@pytest.mark.parametrize(
    "readout", ["", "mean", "cut", "FINAL", None, True, ["final"], "final+4", "final+0+0", "cut+final"], ids=repr
)
def test_bad_readout_is_refused_with_the_value_and_the_choices(tiny_folder, readout, engine):
    with pytest.raises(EncoderError) as refused:
        PrunedEncoder(str(tiny_folder), readout=readout, engine=engine, num_threads=1)
    assert repr(readout) in str(refused.value)
    assert all(choice in str(refused.value) for choice in READOUTS)


@pytest.mark.parametrize("pruning", ["", "strong", None, 0.5, False], ids=repr)
def test_bad_preset_is_refused_with_the_value_and_the_choices(tiny_folder, pruning, engine):
    with pytest.raises(EncoderError) as refused:
        PrunedEncoder(str(tiny_folder), pruning, engine=engine, num_threads=1)
    assert repr(pruning) in str(refused.value)
    assert "balanced" in str(refused.value)


@pytest.mark.parametrize("layers", [(4,), (0, 4), (99,)], ids=repr)
def test_layer_beyond_the_encoder_is_refused_with_what_it_has(tiny_folder, layers, engine):
    with pytest.raises(EncoderError) as refused:
        PrunedEncoder(str(tiny_folder), PruningPolicy(layers, 0.5, 4), engine=engine, num_threads=1)
    assert repr(list(layers)) in str(refused.value)
    assert "from 0 to 3" in str(refused.value)


def test_every_layer_of_the_encoder_can_be_cut(tiny_folder, engine):
    encoder = PrunedEncoder(str(tiny_folder), PruningPolicy((0, 1, 2, 3), 0.5, 2), engine=engine, num_threads=1)
    assert np.isfinite(encoder.encode("reset my password")).all()


def test_reading_before_the_cut_needs_a_layer(tiny_folder, engine):
    with pytest.raises(EncoderError, match="name one in layers"):
        PrunedEncoder(str(tiny_folder), PruningPolicy((), 0.5, 4), "final+cut", engine=engine, num_threads=1)
    assert PrunedEncoder(str(tiny_folder), PruningPolicy((), 0.5, 4), "final", engine=engine, num_threads=1).encode(
        "hi"
    ).shape == (32,)


@pytest.mark.parametrize("model", ["no/such/model", "", None], ids=repr)
def test_missing_model_is_refused_with_the_value_and_the_way_out(model, engine):
    with pytest.raises(EncoderError) as refused:
        PrunedEncoder(model, engine=engine, num_threads=1)
    assert repr(model) in str(refused.value)
    assert DEFAULT_MODEL in str(refused.value)


@pytest.fixture(scope="module", params=READOUTS)
def with_readout(request, engine) -> PrunedEncoder:
    return PrunedEncoder(readout=request.param, engine=engine, num_threads=1)


@settings(max_examples=40)
@given(texts=st.lists(st.text(st.characters(exclude_categories=()), max_size=80), min_size=1, max_size=3))
def test_any_text_gives_finite_embeddings(with_readout, texts):
    embeddings = with_readout.encode(texts)
    assert embeddings.shape == (len(texts), with_readout.dimension)
    assert np.isfinite(embeddings).all()
    np.testing.assert_allclose(np.linalg.norm(embeddings[:, : with_readout.token_dimension], axis=1), 1, atol=CLOSE)


def test_several_threads_give_the_results_of_one(balanced, some_texts):
    expected = balanced.encode_tokens(some_texts)
    parts = [list(range(start, len(some_texts), 8)) for start in range(8)]
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda part: balanced.encode_tokens([some_texts[number] for number in part]), parts)
        for part, encoded in zip(parts, found, strict=True):
            for number, text in zip(part, encoded, strict=True):
                assert np.array_equal(text.kept, expected[number].kept)
                np.testing.assert_allclose(text.embedding, expected[number].embedding, atol=CLOSE, rtol=0)


def test_the_number_of_threads_does_not_matter(balanced, engine, varied_texts):
    texts = varied_texts[::40]
    expected = balanced.encode_tokens(texts)
    threads = torch.get_num_threads()
    try:
        several = PrunedEncoder(engine=engine, num_threads=2)
        found = [several.encode_tokens(texts), [several.encode_tokens([text])[0] for text in texts[:5]]]
    finally:
        torch.set_num_threads(threads)
    for results in found:
        for one, other in zip(expected, results, strict=False):
            assert np.array_equal(other.kept, one.kept)
            np.testing.assert_allclose(other.embedding, one.embedding, atol=CLOSE, rtol=0)


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
def test_every_pooling_is_that_of_sentence_transformers(tmp_path, write_model, some_texts, normalize, pooling, engine):
    folder = write_model(tmp_path / "model", normalize=normalize)
    facts = {"word_embedding_dimension": 32, **pooling}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(facts), encoding="utf-8")
    theirs = SentenceTransformer(str(folder), device="cpu").encode(some_texts)
    np.testing.assert_allclose(
        PrunedEncoder(str(folder), "off", engine=engine, num_threads=1).encode(some_texts), theirs, atol=CLOSE, rtol=0
    )
    assert np.isfinite(
        PrunedEncoder(str(folder), "balanced", readout="final+cut", engine=engine, num_threads=1).encode(some_texts)
    ).all()


def test_a_cache_changes_no_result(tiny_folder, engine, varied_texts):
    plain, cached = (PrunedEncoder(str(tiny_folder), engine=engine, num_threads=1, cache_mib=size) for size in (0, 8))
    texts = [*varied_texts[:60], *varied_texts[:20]]
    for _ in range(2):
        assert np.array_equal(cached.encode(texts), plain.encode(texts))
        for one, other in zip(cached.encode_tokens(texts), plain.encode_tokens(texts), strict=True):
            assert np.array_equal(one.embedding, other.embedding)
            assert np.array_equal(one.states, other.states)
            assert np.array_equal(one.kept, other.kept)
            assert one.pieces.texts == other.pieces.texts


@pytest.fixture
def counted(tiny_folder, engine, monkeypatch):
    """An encoder with a cache, and how many texts its engine runs."""

    def make(cache_mib: float) -> tuple[PrunedEncoder, list[int]]:
        encoder, ran = PrunedEncoder(str(tiny_folder), engine=engine, num_threads=1, cache_mib=cache_mib), []
        for name in ("embed", "run"):
            run = getattr(encoder._runtime.engine, name)
            count = lambda ids, run=run: ran.append(len(ids)) or run(ids)  # noqa: E731
            monkeypatch.setattr(encoder._runtime.engine, name, count)
        return encoder, ran

    return make


@pytest.mark.parametrize("method", ["encode", "encode_tokens"])
def test_a_text_runs_once_per_call_and_not_again_while_the_cache_has_it(counted, method):
    encoder, ran = counted(1)
    for _ in range(3):
        getattr(encoder, method)(["reset my password", "hello", "reset my password"])
    assert sum(ran) == 2


@pytest.mark.parametrize("method", ["encode", "encode_tokens"])
def test_without_a_cache_nothing_is_remembered(counted, method):
    encoder, ran = counted(0)
    for _ in range(3):
        getattr(encoder, method)(["reset my password", "hello", "reset my password"])
    assert sum(ran) == 6


def test_the_memory_of_a_batch_is_not_kept_by_a_row_in_the_cache(counted):
    encoder, _ = counted(1)
    texts = [f"text {letter}" for letter in "abcdefgh"]
    encoder.encode(texts)
    encoder.encode_tokens(texts)
    rows = list(encoder._memory.embeddings._results.values())
    for encoded in encoder._memory.encoded._results.values():
        rows += [encoded.embedding, encoded.states, encoded.kept]
    assert len(rows) == 4 * len(texts)
    assert all(row.base is None and row.flags.owndata for row in rows)


def test_encoders_that_share_a_runtime_remember_together_if_they_may_take_as_much(tiny_folder, engine):
    one, other, larger = (PrunedEncoder(str(tiny_folder), engine=engine, cache_mib=mib) for mib in (1, 1, 2))
    [encoded] = one.encode_tokens(["what was said"])
    assert other.encode_tokens(["what was said"])[0] is encoded
    assert larger.encode_tokens(["what was said"])[0] is not encoded


def test_the_cache_is_bounded_also_by_texts_of_which_the_end_is_not_read(counted):
    """The tokenizer keeps what it knows of every piece, also of those that the model does not read."""
    encoder, _ = counted(1)
    for number in range(4):
        encoder.encode_tokens([f"{number} " + "a " * 1500])
    assert len(encoder._memory.encoded._results) == 1
    assert encoder._memory.encoded._bytes <= 2**19
    assert encoder._memory.encoded._bytes >= 300 * 1500


@pytest.mark.parametrize("reduction", ["drop", "merge"])
@pytest.mark.parametrize("score", ["mean_attention", "max_attention", "attention_value", "learnt"])
def test_both_engines_agree_on_the_packaged_model(varied_texts, reduction, score):
    policy = PruningPolicy((1, 3), 0.4, 4, reduction, score)
    texts = varied_texts[::15]
    torch_, onnx = (
        PrunedEncoder(pruning=policy, readout="final+cut", engine=name, num_threads=1, adapter="auto").encode_tokens(
            texts
        )
        for name in ("torch", "onnx")
    )
    for one, other in zip(torch_, onnx, strict=True):
        assert np.array_equal(one.kept, other.kept)
        np.testing.assert_allclose(one.embedding, other.embedding, atol=CLOSE, rtol=0)
        np.testing.assert_allclose(one.states, other.states, atol=1e-4, rtol=0)
