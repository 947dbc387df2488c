"""Tests of encoder/tokenization.py."""

from __future__ import annotations

import json
import logging
from string import ascii_lowercase

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import AutoTokenizer

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.tokenization import WordPieceTokenizer

LIMIT = 256


@pytest.fixture
def tokenizer(packaged_folder) -> WordPieceTokenizer:
    return WordPieceTokenizer(packaged_folder / "tokenizer.json", LIMIT)


@pytest.fixture(scope="module")
def unlimited(packaged_folder) -> WordPieceTokenizer:
    return WordPieceTokenizer(packaged_folder / "tokenizer.json", 1 << 30)


def test_ids_are_those_of_transformers(tokenizer, packaged_folder, varied_texts):
    theirs = AutoTokenizer.from_pretrained(packaged_folder)
    for text, pieces in zip(varied_texts, tokenizer.tokenize(varied_texts), strict=True):
        assert pieces.ids.tolist() == theirs(text, truncation=True, max_length=LIMIT)["input_ids"]
        assert list(pieces.texts) == theirs.convert_ids_to_tokens(pieces.ids.tolist())


def test_one_text_and_several_give_the_same_pieces(unlimited, varied_texts):
    for text, together in zip(varied_texts, unlimited.tokenize(varied_texts), strict=True):
        (alone,) = unlimited.tokenize([text])
        assert np.array_equal(alone.ids, together.ids)
        assert np.array_equal(alone.offsets, together.offsets)


def test_no_texts_give_nothing(unlimited):
    assert unlimited.tokenize([]) == []


def test_arrays_have_the_promised_types(unlimited):
    (pieces,) = unlimited.tokenize(["Reset my password, please"])
    assert (pieces.ids.dtype, pieces.offsets.dtype) == (np.int64, np.int64)
    assert pieces.offsets.shape == (len(pieces.ids), 2) == (len(pieces.texts), 2)
    assert pieces.truncated == 0


@pytest.mark.parametrize("words", [253, 254, 255, 256, 400])
def test_truncation_is_counted_and_ends_in_the_special_token(tokenizer, unlimited, words):
    text = " ".join(["password"] * words)
    (cut,), (whole,) = tokenizer.tokenize([text]), unlimited.tokenize([text])
    assert cut.truncated == max(0, words + 2 - LIMIT)
    assert len(cut.ids) == min(words + 2, LIMIT)
    assert np.array_equal(cut.ids[:-1], whole.ids[: len(cut.ids) - 1])
    assert np.array_equal(cut.offsets[:-1], whole.offsets[: len(cut.ids) - 1])
    assert (cut.ids[-1], cut.texts[-1]) == (whole.ids[-1], "[SEP]")
    assert cut.offsets[-1].tolist() == [0, 0]


def test_the_smallest_limit_leaves_the_special_tokens(packaged_folder):
    smallest = WordPieceTokenizer(packaged_folder / "tokenizer.json", 2)
    (pieces,) = smallest.tokenize(["reset my password"])
    assert pieces.texts == ("[CLS]", "[SEP]")
    assert pieces.truncated == 3


def test_truncation_is_reported_once(tokenizer, caplog):
    long = "password " * 300
    with caplog.at_level(logging.WARNING):
        tokenizer.tokenize(["short", long, long])
        tokenizer.tokenize([long])
        tokenizer.tokenize([long + "more"])
    (record,) = caplog.records
    assert "302" in record.getMessage()
    assert str(LIMIT) in record.getMessage()


def test_a_text_that_fits_is_not_reported(tokenizer, caplog):
    tokenizer.tokenize(["password " * 254, "short"])
    assert not caplog.records


@pytest.mark.parametrize(
    "text",
    [
        "\ud800",
        "\udfff\ud800",
        "reset \udcff password",
        "\ud83d alone",
        "\x00",
        "\x00\x01\x1f",
        "a\x00b",
        "\ufffe\uffff",
    ],
    ids=ascii,
)
def test_what_is_no_valid_text_does_not_crash(unlimited, text):
    alone, together = unlimited.tokenize([text])[0], unlimited.tokenize([text, "hello"])[0]
    assert np.array_equal(alone.ids, together.ids)
    assert (alone.texts[0], alone.texts[-1]) == ("[CLS]", "[SEP]")


def test_a_lone_surrogate_counts_as_a_question_mark(unlimited):
    broken, replaced = unlimited.tokenize(["is it \udc80 here", "is it ? here"])
    assert np.array_equal(broken.ids, replaced.ids)
    assert np.array_equal(broken.offsets, replaced.offsets)


@pytest.mark.parametrize("text", ["", " ", "\t\n  \r", "\u200b\ufeff", "\u00a0\u3000"], ids=ascii)
def test_nothing_to_read_is_the_special_tokens_alone(unlimited, text):
    (pieces,) = unlimited.tokenize([text])
    assert pieces.texts == ("[CLS]", "[SEP]")
    assert pieces.offsets.tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    "text",
    [
        "Reset my PASSWORD, please!",
        "  unbelievably   antidisestablishmentarianism\t42 ",
        "naïve café",
        "أريد كلمة",
        "重置密码",
        "cafe\u0301 nai\u0308ve",
        "pass\u200bword re\u00adset",
        "\u202bמחשב\u202c את הדלת",
        "パスワードを忘れました",
        "ฉันลืมรหัสผ่าน",
        "मैं पासवर्ड भूल गया",
        "İstanbul and ΣΑΣ",
    ],
)
def test_offsets_cut_the_pieces_out_of_the_original_text(unlimited, packaged_folder, text):
    normalize = AutoTokenizer.from_pretrained(packaged_folder).backend_tokenizer.normalizer.normalize_str
    (pieces,) = unlimited.tokenize([text])
    for piece, (start, end) in list(zip(pieces.texts, pieces.offsets, strict=True))[1:-1]:
        assert piece == "[UNK]" or piece.removeprefix("##") == normalize(text[start:end]).strip()


def test_offsets_count_characters_beyond_the_basic_plane_once(unlimited):
    text = "😀😀 password 👩‍👩‍👧 reset"
    (pieces,) = unlimited.tokenize([text])
    found = {piece: text[start:end] for piece, (start, end) in zip(pieces.texts, pieces.offsets, strict=True)}
    assert (found["password"], found["reset"]) == ("password", "reset")


@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_offsets_ascend_inside_the_text_whatever_it_is(unlimited, text):
    (pieces,) = unlimited.tokenize([text])
    starts, ends = pieces.offsets[1:-1].T
    assert ((0 <= starts) & (starts < ends) & (ends <= len(text))).all()
    assert (np.diff(starts) >= 0).all()
    assert (np.diff(ends) >= 0).all()


def test_the_pieces_of_a_syllable_stand_where_it_stands(unlimited):
    (pieces,) = unlimited.tokenize(["비밀 번호"])
    assert "".join(piece.removeprefix("##") for piece in pieces.texts[1:6]) == "\u1107\u1175\u1106\u1175\u11af"
    assert pieces.offsets[1:6].tolist() == [[0, 1]] * 2 + [[1, 2]] * 3


def unigram() -> Tokenizer:
    """As XLM-RoBERTa's: a sign for the space stands before a word, also before the first."""
    pieces = ["<s>", "</s>", "<unk>", "▁", *ascii_lowercase]
    tokenizer = Tokenizer(models.Unigram([(piece, -1.0) for piece in pieces], unk_id=2))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    ends = [("<s>", 0), ("</s>", 1)]
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=ends)
    return tokenizer


def byte_pairs() -> Tokenizer:
    """As RoBERTa's: the same, and a character is one to four pieces."""
    pieces = ["<s>", "</s>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE({piece: number for number, piece in enumerate(pieces)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0))
    return tokenizer


@pytest.fixture(scope="module", params=[unigram, byte_pairs])
def other_kind(request, tmp_path_factory) -> WordPieceTokenizer:
    file = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    request.param().save(str(file))
    return WordPieceTokenizer(file, 1 << 30)


def test_a_letter_may_be_several_pieces(other_kind):
    (pieces,) = other_kind.tokenize(["a"])
    assert pieces.texts[0] == "<s>" and pieces.texts[2:] == ("a", "</s>")
    assert pieces.offsets[2].tolist() == [0, 1]


@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_offsets_of_other_kinds_ascend_inside_the_text_whatever_it_is(other_kind, text):
    (pieces,) = other_kind.tokenize([text])
    offsets = pieces.offsets
    starts, ends = offsets[offsets[:, 1] > offsets[:, 0]].T
    assert ((0 <= offsets) & (offsets <= len(text))).all()
    assert (np.diff(starts) >= 0).all()
    assert (np.diff(ends) >= 0).all()
    assert set().union(*map(range, starts, ends)) >= {at for at, letter in enumerate(text) if letter in ascii_lowercase}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"version": "1.0"}',
        b'{"version": "1.0", "model": {"type": "None"}}',
        b"\xff\xfe\x00",
    ],
    ids=repr,
)
def test_broken_tokenizer_file_is_refused_with_its_name(tmp_path, content):
    file = tmp_path / "tokenizer.json"
    file.write_bytes(content)
    with pytest.raises(EncoderError, match=r"tokenizer\.json"):
        WordPieceTokenizer(file, LIMIT)


def test_truncated_tokenizer_file_is_refused(tmp_path, tiny_folder):
    whole = (tiny_folder / "tokenizer.json").read_bytes()
    file = tmp_path / "tokenizer.json"
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EncoderError, match=r"tokenizer\.json"):
        WordPieceTokenizer(file, LIMIT)


def test_missing_tokenizer_file_is_refused(tmp_path):
    with pytest.raises(EncoderError, match=r"tokenizer\.json"):
        WordPieceTokenizer(tmp_path / "tokenizer.json", LIMIT)


@pytest.mark.parametrize(
    "template", [None, "$A", "[CLS] $A", "$A [SEP]", "[CLS] [CLS] $A [SEP]", "[CLS] [SEP] $A", "$A [CLS] [SEP]"]
)
def test_tokenizer_without_one_special_token_at_each_end_is_refused(tmp_path, write_word_pieces, template):
    file = write_word_pieces(tmp_path / "tokenizer.json", template)
    with pytest.raises(EncoderError, match="special token"):
        WordPieceTokenizer(file, LIMIT)


def no_such_special_token(content):  # the library panics
    content["post_processor"]["single"][-1]["SpecialToken"]["id"] = "nowhere"


def no_piece_for_what_is_unknown(content):
    content["model"] = {"type": "WordLevel", "vocab": {"[CLS]": 2, "[SEP]": 3}, "unk_token": "nowhere"}


@pytest.mark.parametrize("damage", [no_such_special_token, no_piece_for_what_is_unknown])
def test_a_tokenizer_that_is_read_but_cannot_tokenize_is_refused(tmp_path, tiny_folder, damage):
    content = json.loads((tiny_folder / "tokenizer.json").read_bytes())
    damage(content)
    file = tmp_path / "tokenizer.json"
    file.write_text(json.dumps(content))
    with pytest.raises(EncoderError, match=r"tokenizer\.json cannot be read as a tokenizer"):
        WordPieceTokenizer(file, LIMIT)


def test_padding_and_truncation_of_the_file_are_ignored(tmp_path, packaged_folder, unlimited):
    content = json.loads((packaged_folder / "tokenizer.json").read_text(encoding="utf-8"))
    assert content["padding"]
    assert content["truncation"]
    content["padding"] = content["truncation"] = None
    file = tmp_path / "tokenizer.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    texts = ["hi", "password " * 200]
    for plain, ours in zip(WordPieceTokenizer(file, 1 << 30).tokenize(texts), unlimited.tokenize(texts), strict=True):
        assert np.array_equal(plain.ids, ours.ids)


def test_no_text_gives_no_pieces(packaged_folder):
    assert WordPieceTokenizer(packaged_folder / "tokenizer.json", LIMIT).tokenize([]) == []


@pytest.fixture(scope="module")
def prompted(packaged_folder) -> WordPieceTokenizer:
    return WordPieceTokenizer(packaged_folder / "tokenizer.json", LIMIT, prompt="search query: ")


PROMPT_PIECES = 3


def test_a_prompt_gives_the_ids_of_the_prompted_text(prompted, tokenizer, varied_texts):
    expected = tokenizer.tokenize([f"search query: {text}" for text in varied_texts])
    for pieces, whole in zip(prompted.tokenize(varied_texts), expected, strict=True):
        assert np.array_equal(pieces.ids, whole.ids)
        assert pieces.texts == whole.texts
        assert pieces.texts[1 : 1 + PROMPT_PIECES] == ("search", "query", ":")
        assert pieces.truncated == whole.truncated


def test_offsets_refer_to_the_text_without_its_prompt(prompted, tokenizer, varied_texts):
    for with_prompt, without in zip(prompted.tokenize(varied_texts), tokenizer.tokenize(varied_texts), strict=True):
        assert not with_prompt.offsets[: 1 + PROMPT_PIECES].any()
        assert with_prompt.offsets[-1].tolist() == [0, 0]
        own = with_prompt.offsets[1 + PROMPT_PIECES : -1]
        assert np.array_equal(own, without.offsets[1 : 1 + len(own)])


@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_offsets_behind_a_prompt_stay_inside_the_text_whatever_it_is(prompted, text):
    (pieces,) = prompted.tokenize([text])
    starts, ends = pieces.offsets.T
    assert ((0 <= starts) & (starts <= ends) & (ends <= len(text))).all()


def test_a_prompt_counts_towards_the_limit(packaged_folder):
    short = WordPieceTokenizer(packaged_folder / "tokenizer.json", 6, prompt="search query: ")
    (pieces,) = short.tokenize(["reset my password"])
    assert pieces.texts == ("[CLS]", "search", "query", ":", "reset", "[SEP]")
    assert pieces.truncated == 2
    assert pieces.offsets.tolist() == [[0, 0]] * 4 + [[0, 5], [0, 0]]


@pytest.mark.parametrize("limit", [2, 3, 4])
def test_a_prompt_longer_than_the_limit_leaves_the_special_tokens(packaged_folder, limit):
    short = WordPieceTokenizer(packaged_folder / "tokenizer.json", limit, prompt="search query: ")
    (pieces,) = short.tokenize(["reset my password"])
    assert len(pieces.ids) == len(pieces.texts) == limit
    assert pieces.texts[-1] == "[SEP]"
    assert not pieces.offsets.any()


def test_a_prompt_that_is_no_valid_text_does_not_crash(packaged_folder):
    broken = WordPieceTokenizer(packaged_folder / "tokenizer.json", LIMIT, prompt="\udc80 ")
    (pieces,) = broken.tokenize(["\ud800 hello"])
    assert pieces.texts == ("[CLS]", "?", "?", "hello", "[SEP]")
    assert pieces.offsets[3].tolist() == [2, 7]


@pytest.fixture
def cased(tmp_path, packaged_folder):
    """The file of a tokenizer that knows upper case."""
    content = json.loads((packaged_folder / "tokenizer.json").read_text(encoding="utf-8"))
    content["normalizer"] |= {"lowercase": False}
    file = tmp_path / "tokenizer.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def test_lower_case_is_the_tokenizers_own_unless_it_is_asked_for(cased):
    own, lowered = (WordPieceTokenizer(cased, LIMIT, lower_case=lower_case) for lower_case in (False, True))
    upper, lower = own.tokenize(["RESET my Password", "reset my password"])
    assert not np.array_equal(upper.ids, lower.ids)
    (found,) = lowered.tokenize(["RESET my Password"])
    assert np.array_equal(found.ids, lower.ids)
    assert found.offsets.tolist() == [[0, 0], [0, 5], [6, 8], [9, 17], [0, 0]]


def test_lower_case_also_works_without_another_normalizer(cased):
    content = json.loads(cased.read_text(encoding="utf-8"))
    cased.write_text(json.dumps(content | {"normalizer": None}), encoding="utf-8")
    (found,) = WordPieceTokenizer(cased, LIMIT, lower_case=True).tokenize(["RESET"])
    assert found.texts == ("[CLS]", "reset", "[SEP]")


def test_what_is_written_is_the_same_tokenizer(cased, tmp_path, varied_texts):
    tokenizer = WordPieceTokenizer(cased, LIMIT, lower_case=True)
    (tmp_path / "copy.json").write_text(tokenizer.to_json(), encoding="utf-8")
    again = WordPieceTokenizer(tmp_path / "copy.json", LIMIT)
    for one, other in zip(tokenizer.tokenize(varied_texts), again.tokenize(varied_texts), strict=True):
        assert np.array_equal(one.ids, other.ids)
        assert np.array_equal(one.offsets, other.offsets)
    assert again.to_json() == tokenizer.to_json()
    assert again.vocabulary_size == tokenizer.vocabulary_size


def test_what_is_not_to_be_reported_does_not_use_up_the_one_warning(tokenizer, caplog):
    long = "password " * 300
    tokenizer.tokenize([long, long], report=False)
    assert not caplog.records
    assert tokenizer.tokenize([long], report=False)[0].truncated == 46
    tokenizer.tokenize([long])
    assert len(caplog.records) == 1
    tokenizer.tokenize([long])
    assert len(caplog.records) == 1


def test_ids_cannot_be_changed(tokenizer):
    for pieces in tokenizer.tokenize(["hello", "password " * 300]):
        with pytest.raises(ValueError, match="read-only"):
            pieces.ids[0] = 0


def test_of_a_huge_text_only_what_can_matter_is_tokenised(tokenizer):
    beginning = "reset my password " * 2000
    huge = tokenizer.tokenize([beginning + "x" * 2_000_000])[0]
    assert np.array_equal(huge.ids, tokenizer.tokenize([beginning])[0].ids)
    assert len(huge._encoding.ids) < 20_000  # what a cache would hold
