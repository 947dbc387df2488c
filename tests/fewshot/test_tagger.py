"""Tests of fewshot/tagger.py, fewshot/tagger_storage.py and of what they make of stored files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import pairwise
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from rasa_token_pruning.fewshot.bilou import OUTSIDE, Label, Span, grammar, parts
from rasa_token_pruning.fewshot.errors import ClassifierError
from rasa_token_pruning.fewshot.tagger import EntityTagger, TokenFeatures
from rasa_token_pruning.fewshot.tagger_storage import FORMAT
from tests.conftest import ROOT

TENSORS, FACTS = "tagger.safetensors", "tagger.json"
DIMENSION = 12
KINDS = {"oslo lima rome cairo quito": 0, "monday sunday friday": 1, "new los san": 2, "york angeles diego": 3}
ANNOTATED = [
    "fly from [oslo](city:from) to [lima](city:to)",
    "i go to [new york](city:to) on [monday](date)",
    "on [sunday](date) from [los angeles](city:from) please",
    "a train to [cairo](city:to)",
    "a train from [new york](city:from)",
    "is there a train from [lima](city:from) on [monday](date)",
    "hello there",
    "thank you",
]


def row(word):
    """What an encoder could say of a word: that of one kind are alike."""
    kind = next((kind for words, kind in KINDS.items() if word.lower() in words.split()), 9 + crc32(word.encode()))
    centre, own = (np.random.default_rng(seed).normal(size=DIMENSION) for seed in (kind, crc32(word.encode())))
    return (centre + 0.3 * own).astype(np.float32)


def seen(text, patterns=(), rows=None):
    """The features of a message; each pattern is a name and the words that it matches."""
    words = text.split()
    rows = np.array([row(word) for word in words]) if rows is None else rows
    return TokenFeatures(rows, words, [[name for name, matching in patterns if word in matching] for word in words])


def example(annotated, patterns=()):
    """The features and entities of a message in which ``[new york](city:to)`` is a city, with the role ``to``."""
    spans, text, end = [], "", 0
    for found in re.finditer(r"\[(.+?)\]\((\w+):?(\w*)\)", annotated):
        text += annotated[end : found.start()]
        first = len(text.split())
        spans.append(Span(first, first + len(found[1].split()) - 1, Label(found[2], found[3] or None)))
        text, end = text + found[1], found.end()
    return seen(text + annotated[end:], patterns), spans


def learnt(*annotated, patterns=()):
    return EntityTagger.learn(*zip(*(example(one, patterns) for one in annotated), strict=True))


def entities(tagger, message):
    """The words of each entity that a tagger finds, and its label."""
    found, words = [], []
    for word, number in zip(message.words, tagger.tag(message).tags, strict=True):
        if number != OUTSIDE:
            prefix, label = parts(number)
            words.append(word)
            if prefix in "LU":
                found.append((" ".join(words), ":".join(filter(None, tagger.labels[label]))))
                words = []
    return found


def files(tagger, folder):
    folder.mkdir()
    tagger.save(folder)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.fixture(scope="module")
def trained():
    return learnt(*ANNOTATED)


@pytest.fixture
def stored(trained, tmp_path):
    trained.save(tmp_path)
    return tmp_path


@pytest.mark.parametrize("annotated", ANNOTATED)
def test_it_finds_the_entities_that_it_has_learnt(trained, annotated):
    message, spans = example(annotated)
    expected = [
        (" ".join(message.words[span.first : span.last + 1]), ":".join(filter(None, span.label))) for span in spans
    ]
    assert entities(trained, message) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a train from rome to quito", [("rome", "city:from"), ("quito", "city:to")]),
        ("a train from quito to rome", [("quito", "city:from"), ("rome", "city:to")]),
        ("fly to san diego on friday", [("san diego", "city:to"), ("friday", "date")]),
        ("is there a way", []),
    ],
)
def test_words_that_it_has_not_seen_are_found_by_their_features_and_roles_by_what_stands_beside(
    trained, text, expected
):
    assert entities(trained, seen(text)) == expected


def test_groups_are_told_apart():
    def order(text, *groups):
        numbers = [number for number, word in enumerate(text.split()) if word in ("small", "large", "ham", "cheese")]
        spans = [
            Span(number, number, Label("part", None, group)) for number, group in zip(numbers, groups, strict=True)
        ]
        return seen(text), spans

    tagger = EntityTagger.learn(
        *zip(
            order("first small ham then large cheese", "1", "1", "2", "2"),
            order("first large ham then small ham", "1", "1", "2", "2"),
            order("small cheese please", "1", "1"),
            strict=True,
        )
    )
    assert tagger.labels == (Label("part", None, "1"), Label("part", None, "2"))
    message = seen("first large cheese then small ham")
    found = [tagger.labels[parts(number)[1]].group for number in tagger.tag(message).tags if number != OUTSIDE]
    assert found == ["1", "1", "2", "2"]


def test_what_a_pattern_matches_is_found_where_neither_word_nor_features_are_known():
    flat, patterns = np.ones((2, DIMENSION), dtype=np.float32), [("known", ["zabu", "keru", "vexi"])]
    texts, spans = ["zabu mipo", "tola keru"], [[Span(0, 0, Label("thing"))], [Span(1, 1, Label("thing"))]]
    with_patterns, without = (
        EntityTagger.learn([seen(text, given, flat) for text in texts], spans) for given in (patterns, [])
    )
    for text in ("suno vexi", "vexi suno"):
        assert entities(with_patterns, seen(text, patterns, flat)) == [("vexi", "thing")]
        assert entities(without, seen(text, patterns, flat)) == entities(without, seen(text, [], flat))


def test_words_are_told_apart_where_features_tell_nothing():
    def flat(text):
        return seen(text, rows=np.ones((len(text.split()), DIMENSION), dtype=np.float32))

    texts = ["to oslo", "to lima", "to bed"]
    tagger = EntityTagger.learn([flat(text) for text in texts], [[Span(1, 1, Label("city"))]] * 2 + [[]])
    assert [entities(tagger, flat(text)) for text in texts] == [[("oslo", "city")], [("lima", "city")], []]


def test_confidences_are_probabilities_and_high_for_what_was_learnt(trained):
    for annotated in ANNOTATED:
        message, _ = example(annotated)
        tagging = trained.tag(message)
        assert tagging.probabilities.shape == (len(message.words), len(trained.labels))
        assert tagging.probabilities.dtype == np.float64
        assert (tagging.probabilities >= 0).all()
        assert (tagging.probabilities.sum(axis=1) <= 1 + 1e-9).all()
        for number, sure in zip(tagging.tags, tagging.probabilities, strict=True):
            assert (sure[parts(number)[1]] if number != OUTSIDE else 1 - sure.sum()) > 0.6


def test_a_tag_is_what_its_message_says_and_not_what_came_before(trained):
    message = seen("a train from rome to quito")
    first = trained.tag(message)
    trained.tag(seen("hello there"))
    again = trained.tag(message)
    assert first.tags == again.tags
    assert first.probabilities.tobytes() == again.probabilities.tobytes()


def test_the_order_of_the_messages_does_not_matter_to_the_bit(tmp_path):
    examples = [example(one) for one in ANNOTATED]
    # One text with other features, patterns and entities, as another tokenizer or the text around it may give.
    same, [first, *_] = example("fly from [oslo](city) to lima")
    examples += [
        (same, [first]),
        (same, []),
        (TokenFeatures(same.rows + 1, same.words, same.patterns), [first]),
        (TokenFeatures(same.rows, same.words, [["b", "a"], *same.patterns[1:]]), [first]),
    ]
    expected = files(EntityTagger.learn(*zip(*examples, strict=True)), tmp_path / "as they are")
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(examples))
        shuffled = EntityTagger.learn(*zip(*(examples[place] for place in order), strict=True))
        assert files(shuffled, tmp_path / str(seed)) == expected


LEARN = """
import sys
from pathlib import Path
from tests.fewshot.test_tagger import ANNOTATED, learnt
learnt(*ANNOTATED, patterns=[("b", ["oslo", "lima"]), ("a", ["oslo"])]).save(Path(sys.argv[1]))
"""


def test_another_process_learns_the_same_to_the_bit(tmp_path):
    found = []
    for seed in ("1", "2"):  # of the hashes that decide in which order sets are read
        folder = tmp_path / seed
        folder.mkdir()
        done = subprocess.run(
            [sys.executable, "-c", LEARN, folder],
            env={"PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        found.append({file.name: file.read_bytes() for file in folder.iterdir()})
    assert found[0] == found[1]
    assert set(found[0]) == {TENSORS, FACTS}


@pytest.mark.parametrize("word", ["\ud800", "😀", "東京", "İstanbul", "\x00", "a" * 5000, '"\\'], ids=ascii)
def test_any_word_is_learnt_and_survives_storing(tmp_path, word):
    words = ["to", word]
    message = TokenFeatures(np.array([row("to"), row("city")]), words, [[], [word]])
    tagger = EntityTagger.learn([message, seen("to bed")], [[Span(1, 1, Label(word, word))], []])
    tagger.save(tmp_path)
    loaded = EntityTagger.load(tmp_path)
    assert loaded.labels == (Label(word, word),)
    assert entities(loaded, message) == [(word, f"{word}:{word}")]


SPANS = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.integers(0, 5),
        st.builds(Label, st.sampled_from("ab"), st.sampled_from([None, "", "r"]), st.sampled_from([None, "g"])),
    ),
    max_size=4,
)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(1, 6), SPANS), min_size=1, max_size=6), st.integers(0, 9))
def test_any_entities_are_learnt_and_stored_and_found_are_whole_ones(tmp_path_factory, drawn, seed):
    chance = np.random.default_rng(seed)
    messages = [
        seen(" ".join(chance.choice(list("xyz"), tokens)), rows=chance.normal(size=(tokens, 3)).astype(np.float32))
        for tokens, _ in drawn
    ]
    annotated = [
        [Span(min(first, last), max(first, last), label) for first, last, label in spans if max(first, last) < tokens]
        for tokens, spans in drawn
    ]
    if not any(annotated):
        annotated[0] = [Span(0, 0, Label("a"))]
    tagger = EntityTagger.learn(messages, annotated)
    assert set(tagger.labels) == {span.label for spans in annotated for span in spans}
    folder = tmp_path_factory.mktemp("tagger")
    tagger.save(folder)
    loaded, rules = EntityTagger.load(folder), grammar(len(tagger.labels))
    for message in messages:
        said, again = tagger.tag(message), loaded.tag(message)
        assert said.tags == again.tags
        assert said.probabilities.tobytes() == again.probabilities.tobytes()
        assert np.isfinite(said.probabilities).all()
        assert rules.first[said.tags[0]] and rules.last[said.tags[-1]]
        assert all(rules.follows[pair] for pair in pairwise(said.tags))


@pytest.mark.parametrize("size", [1e-30, 1e-3, 1e18, 3e37])
def test_the_size_of_features_does_not_matter(size):
    examples = [example(one) for one in ANNOTATED]
    tagger = EntityTagger.learn([sized(message, size) for message, _ in examples], [spans for _, spans in examples])
    expected = [("rome", "city:from"), ("quito", "city:to")]
    assert entities(tagger, sized(seen("a train from rome to quito"), size)) == expected


def sized(message, size):
    return TokenFeatures((message.rows * size).astype(np.float32), message.words, message.patterns)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [1e30, -1e30, 3e38, -3e38])
def test_features_that_are_out_of_all_proportion_give_finite_confidences(trained, size):
    message = seen("a train to lima")
    message.rows[1:3] = size
    tagging = trained.tag(message)
    assert np.isfinite(tagging.probabilities).all()
    assert (tagging.probabilities.sum(axis=1) <= 1 + 1e-9).all()


def test_features_of_two_widths_are_refused():
    with pytest.raises(ClassifierError, match=r"widths 2, 12; .*Do all dense featurizers featurize every example\?"):
        EntityTagger.learn([seen("to oslo"), seen("hi", rows=np.ones((1, 2), np.float32))], [[], []])


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite_are_refused(number):
    message = seen("to oslo")
    message.rows[1, 2] = number
    assert not message.fits(DIMENSION)
    with pytest.raises(ClassifierError, match="not finite"):
        EntityTagger.learn([seen("to lima"), message], [[Span(1, 1, Label("city"))], []])


def test_saved_and_loaded_it_says_the_same_to_the_bit(trained, stored):
    loaded = EntityTagger.load(stored)
    assert (loaded.labels, loaded.vocabulary) == (trained.labels, trained.vocabulary)
    assert list(loaded.vocabulary) == list(trained.vocabulary)
    for text in ("a train from rome to quito", "hello", "never heard"):
        said, again = trained.tag(seen(text)), loaded.tag(seen(text))
        assert said.tags == again.tags
        assert said.probabilities.tobytes() == again.probabilities.tobytes()


def test_the_folder_holds_safetensors_and_json_and_nothing_else(stored):
    assert sorted(file.name for file in stored.iterdir()) == [FACTS, TENSORS]
    facts = json.loads((stored / FACTS).read_text(encoding="ascii"))
    assert set(facts) == {"format", "labels", "vocabulary"}
    assert facts["format"] == FORMAT


def refused_by_load(folder):
    with pytest.raises(ClassifierError, match="train again") as refused:
        EntityTagger.load(folder)
    return str(refused.value)


def change_facts(folder, **change):
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    (folder / FACTS).write_text(json.dumps(facts | change), encoding="utf-8")


@pytest.mark.parametrize("name", [FACTS, TENSORS])
@pytest.mark.parametrize(
    "content",
    [None, b"", b"garbage", b"\xff\xfe\x00\xd8", b"[]", b"null", b"{}", b"\x80\x04K\x01.", b"[" * 100_000],
    ids=lambda content: repr(content and content[:9]),
)
def test_a_missing_or_damaged_file_is_refused(stored, name, content):
    (stored / name).unlink() if content is None else (stored / name).write_bytes(content)
    refused_by_load(stored)


@pytest.mark.parametrize("name", [FACTS, TENSORS])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused(stored, name, share):
    whole = (stored / name).read_bytes()
    (stored / name).write_bytes(whole[: int(share * len(whole))])
    refused_by_load(stored)


@pytest.mark.parametrize("name", [FACTS, TENSORS])
def test_a_file_with_a_flipped_bit_is_refused_or_can_be_used(trained, stored, name):
    whole = (stored / name).read_bytes()
    message, refused = seen("a train from rome to quito"), 0
    chance = np.random.default_rng(0)
    for place in chance.choice(len(whole) if name == FACTS else 400, 300, replace=False):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(chance.integers(8))
        (stored / name).write_bytes(flipped)
        try:
            tagger = EntityTagger.load(stored)
        except ClassifierError as error:
            assert "train again" in str(error)
            refused += 1
        else:
            assert np.isfinite(tagger.tag(message).probabilities).all()
    assert refused > 20


@pytest.mark.parametrize("stored_format", [0, FORMAT + 1, str(FORMAT), None, [FORMAT]], ids=repr)
def test_another_format_is_refused_with_both(stored, stored_format):
    change_facts(stored, format=stored_format)
    message = refused_by_load(stored)
    assert f"format {stored_format!r} instead of {FORMAT}" in message


@pytest.mark.parametrize("key", ["format", "labels", "vocabulary"])
def test_a_missing_fact_is_refused_by_its_name(stored, key):
    facts = json.loads((stored / FACTS).read_text(encoding="utf-8"))
    del facts[key]
    (stored / FACTS).write_text(json.dumps(facts), encoding="utf-8")
    assert key in refused_by_load(stored)


FITTING = [["city", "from", None], ["city", "to", None], ["date", None, None]]


@pytest.mark.parametrize(
    "labels",
    [
        None,
        5,
        "abc",
        [],
        {},
        ["abc", "abd", "abe"],
        FITTING[:2],
        [*FITTING, ["x", None, None]],
        [*FITTING[:2], FITTING[0]],
        [*FITTING[:2], [None, None, None]],
        [*FITTING[:2], ["date", 1, None]],
        [*FITTING[:2], ["date", None, ["g"]]],
        [*FITTING[:2], ["date", None, None, None]],
        [*FITTING[:2], []],
        [*FITTING[:2], {"type": "date"}],
    ],
    ids=repr,
)
def test_labels_that_do_not_fit_are_refused(trained, stored, labels):
    assert trained.labels == tuple(Label(*label) for label in FITTING)
    change_facts(stored, labels=labels)
    refused_by_load(stored)


@pytest.mark.parametrize(
    "change",
    [
        lambda names: None,
        lambda names: "any",
        lambda names: {name: 0 for name in names},
        lambda names: [],
        lambda names: names[1:],
        lambda names: [*names, "one more"],
        lambda names: [*names[1:], names[1]],
        lambda names: [*names[1:], None],
        lambda names: [*names[1:], 5],
    ],
    ids=["null", "text", "object", "empty", "one less", "one more", "one twice", "one null", "one number"],
)
def test_a_vocabulary_that_does_not_fit_is_refused(trained, stored, change):
    change_facts(stored, vocabulary=change(list(trained.vocabulary)))
    refused_by_load(stored)


NAMES = ["mean", "scale", "weights", "transitions"]


def change_tensor(folder, name, change):
    tensors = load_file(folder / TENSORS)
    assert sorted(tensors) == sorted(NAMES)
    tensors[name] = np.ascontiguousarray(change(tensors[name]))
    save_file(tensors, folder / TENSORS)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "change",
    [lambda tensor: tensor[..., None], lambda tensor: tensor[:-1], lambda tensor: np.concatenate([tensor, tensor])],
    ids=["deeper", "shorter", "longer"],
)
def test_tensors_of_another_shape_are_refused(stored, name, change):
    change_tensor(stored, name, change)
    refused_by_load(stored)


@pytest.mark.parametrize("name", ["weights", "transitions"])
def test_tensors_of_another_width_are_refused(stored, name):
    change_tensor(stored, name, lambda tensor: tensor[:, 1:])
    refused_by_load(stored)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_tensor_is_refused_by_its_name(stored, name):
    tensors = load_file(stored / TENSORS)
    del tensors[name]
    save_file(tensors, stored / TENSORS)
    assert name in refused_by_load(stored)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", [np.float64, np.float16, np.int32])
def test_tensors_of_another_type_are_refused(stored, name, kind):
    change_tensor(stored, name, lambda tensor: tensor.astype(kind))
    refused_by_load(stored)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_tensors_that_are_not_finite_are_refused(stored, name, number):
    def change(tensor):
        tensor.flat[0] = number
        return tensor

    change_tensor(stored, name, change)
    refused_by_load(stored)
