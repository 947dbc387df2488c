"""Words that are never cut, in both engines."""

from __future__ import annotations

import numpy as np
import pytest

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.pruned import PrunedEncoder

NEGATED = [
    "hi there, i really do not want to cancel the order that i made with you on monday, you didn't understand me",
    "No, I never said that I pay without my card at the counter of the bank in the old town today please",
]
PLAIN = "hi, since the update this morning my laptop does find the printer on the second floor as it did before"


def encoder(engine, protect, **policy):
    return PrunedEncoder(pruning=PruningPolicy(**{**CUT, **policy, "protect": protect}), engine=engine, num_threads=1)


CUT = {"layers": (1, 3), "quantile": 0.5, "min_tokens": 6}


def kept(encoder, text):
    [encoded] = encoder.encode_tokens([text])
    return [piece for piece, stayed in zip(encoded.pieces.texts, encoded.kept, strict=True) if stayed]


@pytest.mark.parametrize("reduction", ["drop", "merge"])
@pytest.mark.parametrize(("text", "words"), zip(NEGATED, [["not", "t"], ["no", "never", "without"]], strict=True))
def test_negations_stay_in_the_place_of_others(engine, text, words, reduction):
    as_before, protecting = encoder(engine, (), reduction=reduction), encoder(engine, "negations", reduction=reduction)
    assert set(words) - set(kept(as_before, text))
    assert set(words) <= set(kept(protecting, text))
    assert len(kept(protecting, text)) == len(kept(as_before, text))


def test_a_text_without_them_is_cut_as_before(engine):
    texts = [PLAIN, "reset my password", ""]
    np.testing.assert_array_equal(encoder(engine, "negations").encode(texts), encoder(engine, ()).encode(texts))


def test_both_engines_keep_the_same_and_say_the_same():
    by_engine = [encoder(engine, ("not", "monday", "the")) for engine in ("torch", "onnx")]
    for text in NEGATED:
        assert kept(by_engine[0], text) == kept(by_engine[1], text)
    np.testing.assert_allclose(by_engine[0].encode(NEGATED), by_engine[1].encode(NEGATED), atol=1e-5)


def test_the_importance_that_is_reported_is_that_of_the_attention(engine):
    as_before, protecting = (encoder(engine, protect).trace(NEGATED[0]) for protect in ((), "negations"))
    first = [[piece.importance[0] for piece in trace.pieces] for trace in (as_before, protecting)]
    np.testing.assert_allclose(*first, atol=1e-6)


def test_more_of_them_than_may_stay_are_chosen_by_their_importance(engine):
    text = "not " * 40
    assert kept(encoder(engine, "negations"), text) == kept(encoder(engine, ()), text)


def test_with_pruning_off_nothing_changes(engine):
    protecting, off = encoder(engine, "negations"), PrunedEncoder(pruning="off", engine=engine, num_threads=1)
    np.testing.assert_allclose(protecting.without_cuts().encode(NEGATED), off.encode(NEGATED), atol=1e-5)


def test_it_is_saved_with_the_encoder(tmp_path):
    made = encoder("onnx", ("not", "never"))
    made.save(tmp_path)
    read = PrunedEncoder.load(tmp_path)
    assert read.policy == made.policy
    np.testing.assert_array_equal(read.encode(NEGATED), made.encode(NEGATED))


@pytest.mark.parametrize(
    "wrong", ["negation", "", ["two words"], [""], [1], 5, None, {"not": 1}, ["not", None]], ids=repr
)
def test_what_is_no_list_of_words_is_refused(wrong):
    with pytest.raises(EncoderError, match=r"protect is .*negations, or a list of words, as in \[not, never\]"):
        PruningPolicy((2,), 0.5, 6, protect=wrong)


@pytest.mark.parametrize("word", ["antidisestablishment", "\U0001f9ff"])
def test_a_word_that_is_no_piece_is_named(word):
    with pytest.raises(EncoderError, match=f"protect has '{word}'"):
        encoder("onnx", ["not", word])
