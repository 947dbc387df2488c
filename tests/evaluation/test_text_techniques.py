"""What is read of a text: with single letters as word pieces, where positions are letters, and with real words."""

from __future__ import annotations

import numpy as np
import pytest

from rasa_token_pruning.encoder.tokenization import WordPieceTokenizer
from rasa_token_pruning.evaluation.text_techniques import (
    beginning,
    document_frequencies,
    everything,
    without_frequent,
    without_stop_words,
)
from tests.encoder.conftest import write_tokenizer


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return WordPieceTokenizer(write_tokenizer(tmp_path_factory.mktemp("letters") / "tokenizer.json"), 40)


@pytest.fixture(scope="module")
def frequencies(tokenizer):
    return document_frequencies(tokenizer.tokenize(["a a a b", "a b c", "a d"]), tokenizer.vocabulary_size)


@pytest.fixture
def read(tokenizer):
    """What a selection reads of a text, without the special tokens, which are always there."""

    def read(select, text):
        (pieces,) = tokenizer.tokenize([text])
        positions = select(text, pieces)
        assert positions.dtype == np.int64 and (np.diff(positions) > 0).all()
        first, *inner, last = (pieces.texts[position] for position in positions)
        assert (first, last) == ("[CLS]", "[SEP]")
        return " ".join(inner)

    return read


@pytest.fixture
def selections(frequencies):
    return [everything, beginning(0.9, 2), without_frequent(0.9, 2, frequencies), without_stop_words()]


def test_truncation_keeps_the_beginning(read):
    assert read(beginning(0.5, 4), "a b c d e f") == "a b c d"
    assert read(beginning(0.5, 8), "a b c d e f") == "a b c d e f"
    assert read(beginning(0.9, 2), "a b c d e f") == "a"


def test_documents_are_counted_once_each(tokenizer, frequencies):
    counts = dict(zip("abcde", frequencies[tokenizer.tokenize(["a b c d e"])[0].ids[1:-1]], strict=True))
    assert counts == {"a": 3, "b": 2, "c": 1, "d": 1, "e": 0}


@pytest.mark.parametrize(
    "quantile, left", [(0.0, "a e b d c a"), (0.2, "a e b d c"), (0.4, "e b d c"), (0.5, "e d c"), (0.9, "e")]
)
def test_frequent_pieces_go_first_and_of_equal_ones_the_later(read, frequencies, quantile, left):
    assert read(without_frequent(quantile, 2, frequencies), "a e b d c a") == left


def test_the_floor_of_frequent_pieces(read, frequencies):
    assert read(without_frequent(0.9, 6, frequencies), "a e b d c a") == "a e b d c"


@pytest.mark.parametrize(
    "text, left",
    [
        ("I cd the yz", "c ##d y ##z"),
        ("THE cd?", "c ##d ?"),
        ("i'm cd", "i ' m c ##d"),  # one word, as is don't
        ("the", "t ##h ##e"),
        ("it is?", "i ##t i ##s ?"),  # nothing else than stop words: whole
        ("???", "? ? ?"),
    ],
)
def test_stop_words_go(read, text, left):
    assert read(without_stop_words(), text) == left


def test_empty_texts_and_nasty_ones(tokenizer, read, selections):
    for text in ("", " ", "\ud800 the \x00 a", "重置我的密码", "😀" * 30, "the cat " * 50):
        for select in selections:
            read(select, text)
    assert all(read(select, "") == "" for select in selections)
    assert read(without_stop_words(), "xy " + "the " * 50) == "x ##y"


def test_a_prompt_is_no_stop_word(tmp_path):
    tokenizer = WordPieceTokenizer(write_tokenizer(tmp_path / "tokenizer.json"), 40, prompt="the! ")
    (pieces,) = tokenizer.tokenize(["the xy"])
    kept = [pieces.texts[position] for position in without_stop_words()("the xy", pieces)]
    assert kept == ["[CLS]", "t", "##h", "##e", "!", "x", "##y", "[SEP]"]
