"""Tests of fewshot/neighbours.py."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from rasa_token_pruning.fewshot.errors import ClassifierError
from rasa_token_pruning.fewshot.memory import MOST
from rasa_token_pruning.fewshot.neighbours import Neighbour, Neighbours
from tests.fewshot.conftest import DIMENSION, INTENTS, scattered

TENSORS, FACTS = "examples.safetensors", "examples.json"
ODD_TEXTS = ("", " ", "\ud800 lone", "two\nlines", "hej 👋 余额", "\x00", "Ünïcödé", '"quoted" \\ {}')


def remembered(count: int = 4) -> Neighbours:
    points, intents = scattered(count)
    return Neighbours.of(points, [f"text {number} of {intent}" for number, intent in enumerate(intents)], intents)


def stored_bytes(neighbours: Neighbours) -> dict[str, bytes]:
    with TemporaryDirectory() as folder:
        neighbours.save(Path(folder))
        return {file.name: file.read_bytes() for file in Path(folder).iterdir()}


@pytest.fixture
def stored(tmp_path) -> Path:
    remembered().save(tmp_path)
    return tmp_path


def test_an_example_is_most_like_itself():
    points, intents = scattered(4)
    for number, (point, intent) in enumerate(zip(points, intents, strict=True)):
        first, *others = remembered().nearest(point)
        assert (first.text, first.intent) == (f"text {number} of {intent}", intent)
        assert first.similarity == pytest.approx(1, abs=1e-3)
        assert all(other.similarity < 0.99 for other in others)


def test_the_nearest_examples_come_first_with_their_cosines():
    rows = np.array([[2.0, 0.0], [1.0, 1.0], [0.0, 3.0], [-1.0, 0.0]])
    found = Neighbours.of(rows, ["east", "north-east", "north", "west"], ["a", "b", "a", "b"])
    assert found.nearest(np.array([5.0, 0.0]), 4) == [
        Neighbour("east", "a", 1.0),
        Neighbour("north-east", "b", pytest.approx(0.5**0.5, abs=1e-3)),
        Neighbour("north", "a", 0.0),
        Neighbour("west", "b", -1.0),
    ]


@pytest.mark.parametrize(("count", "found"), [(1, 1), (3, 3), (20, 20), (50, 20)])
def test_there_are_as_many_as_asked_for_if_so_many_are_remembered(count, found):
    assert len(remembered().nearest(np.ones(DIMENSION), count)) == found


def test_three_are_named_unless_said_otherwise():
    assert len(remembered().nearest(np.ones(DIMENSION))) == 3


def test_equally_similar_examples_are_in_the_order_of_intents_and_texts():
    found = Neighbours.of(np.ones((5, 3)), ["d", "a", "c", "b", "a"], ["x", "y", "x", "x", "x"])
    assert [(each.intent, each.text) for each in found.nearest(np.ones(3), 5)] == [
        ("x", "a"), ("x", "b"), ("x", "c"), ("x", "d"), ("y", "a"),
    ]  # fmt: skip


@pytest.mark.parametrize("dimension", [1, 3, 384, 768])
def test_similarities_are_never_beyond_1_although_rows_are_rounded(dimension):
    points = np.random.default_rng(0).normal(size=(200, dimension))
    found = Neighbours.of(points, [str(number) for number in range(200)], ["a", "b"] * 100)
    for point in (*points, *-points):
        similarities = [each.similarity for each in found.nearest(point, 200)]
        assert all(type(similarity) is float for similarity in similarities)
        assert -1 <= min(similarities) <= max(similarities) <= 1
        assert similarities == sorted(similarities, reverse=True)


def test_the_length_of_an_embedding_does_not_matter():
    points, intents = scattered(4)
    lengths = np.random.default_rng(0).uniform(0.001, 1e6, size=(len(points), 1))
    texts = [str(number) for number in range(len(points))]
    plain, stretched = (Neighbours.of(rows, texts, intents) for rows in (points, points * lengths))
    for point in points:
        one, other = plain.nearest(point), stretched.nearest(1e5 * point)
        assert [each.text for each in one] == [each.text for each in other]
        assert [each.similarity for each in one] == pytest.approx([each.similarity for each in other], abs=1e-3)


def test_an_embedding_of_zeros_is_like_nothing():
    points, intents = scattered(1)
    found = Neighbours.of([*points, np.zeros(DIMENSION)], [*intents, "nothing"], [*intents, "z"])
    assert {each.similarity for each in found.nearest(np.zeros(DIMENSION))} == {0.0}
    assert found.nearest(points[0], 1)[0].text == intents[0]


def sized(sizes: dict[str, int]) -> tuple[np.ndarray, list[str], list[str]]:
    intents = [intent for intent, size in sizes.items() for _ in range(size)]
    texts = [f"text {number:05}" for number in range(len(intents))]
    return np.random.default_rng(0).normal(size=(len(intents), 3)), texts, intents


@pytest.mark.parametrize(
    ("sizes", "kept"),
    [
        ({"a": 1999, "b": 1}, {"a": 1999, "b": 1}),
        ({"a": 2000, "b": 1}, {"a": 1999, "b": 1}),
        ({"a": 9000, "b": 700, "c": 20, "d": 1}, {"a": 1279, "b": 700, "c": 20, "d": 1}),
        ({"b": 3000, "a": 3000, "c": 3000}, {"a": 667, "b": 667, "c": 666}),
    ],
    ids=str,
)
def test_of_too_many_examples_each_intent_keeps_its_share(sizes, kept):
    found = Neighbours.of(*sized(sizes))
    assert Counter(found.intents) == kept
    assert len(found.texts) == len(set(found.texts)) == len(found.rows) == MOST


def test_of_more_intents_than_there_is_room_for_the_first_keep_an_example():
    found = Neighbours.of(*sized({f"intent {number:04}": 2 for number in range(MOST + 500)}))
    assert found.intents == tuple(f"intent {number:04}" for number in range(MOST))


def test_texts_and_intents_and_rows_stay_together():
    points, texts, intents = sized({"b": 1500, "a": 1500})
    found, where = Neighbours.of(points, texts, intents), {text: number for number, text in enumerate(texts)}
    numbers = [where[text] for text in found.texts]
    assert list(found.intents) == [intents[number] for number in numbers]
    directions = points[numbers] / np.linalg.norm(points[numbers], axis=1, keepdims=True)
    np.testing.assert_allclose(found.rows, directions, atol=1e-3)


words = st.sampled_from(["", "hi", "hello", "bye", "\ud800"])


@given(st.lists(st.tuples(words, st.sampled_from("abc")), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_the_examples_does_not_matter_to_the_bit(examples, chance):
    def stored(examples: list[tuple[str, str]]) -> dict[str, bytes]:
        rows = [np.array([len(text), 1.0, text == "bye"]) for text, _ in examples]
        return stored_bytes(Neighbours.of(rows, *zip(*examples, strict=True)))

    assert stored(chance.sample(examples, len(examples))) == stored(examples)


def test_the_order_of_too_many_examples_does_not_matter_to_the_bit():
    points, texts, intents = sized({"b": 1900, "a": 1300, "c": 5})
    order = np.random.default_rng(1).permutation(len(texts))
    shuffled = Neighbours.of(points[order], [texts[row] for row in order], [intents[row] for row in order])
    assert stored_bytes(shuffled) == stored_bytes(Neighbours.of(points, texts, intents))


def test_the_examples_are_left_as_they_were():
    points, intents = scattered(3)
    before = points.copy()
    Neighbours.of(points, intents, intents)
    assert np.array_equal(points, before)


def test_stored_and_loaded_they_are_the_same_to_the_bit(stored):
    loaded, original = Neighbours.load(stored, DIMENSION), remembered()
    assert (loaded.texts, loaded.intents) == (original.texts, original.intents)
    assert loaded.rows.dtype == np.float16
    assert loaded.rows.tobytes() == original.rows.tobytes()
    for point in np.random.default_rng(0).normal(size=(20, DIMENSION)):
        assert loaded.nearest(point) == original.nearest(point)


def test_any_text_is_stored(tmp_path):
    points = np.random.default_rng(0).normal(size=(len(ODD_TEXTS), DIMENSION))
    Neighbours.of(points, ODD_TEXTS, ["a", "\udfff"] * (len(ODD_TEXTS) // 2)).save(tmp_path)
    loaded = Neighbours.load(tmp_path, DIMENSION)
    assert sorted(loaded.texts) == sorted(ODD_TEXTS)
    assert set(loaded.intents) == {"a", "\udfff"}
    assert [loaded.nearest(point)[0].text for point in points] == list(ODD_TEXTS)


def test_the_files_are_json_and_safetensors_and_a_few_mib_at_most(tmp_path):
    points = np.random.default_rng(0).normal(size=(4000, 768))
    Neighbours.of(points, ["so long is a text of a user, more or less"] * 4000, ["a"] * 4000).save(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [FACTS, TENSORS]
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 4 * 2**20


def test_where_none_are_stored_none_are_remembered(tmp_path):
    assert Neighbours.load(tmp_path, DIMENSION) is None


def refused_by_load(folder: Path) -> None:
    with pytest.raises(ClassifierError, match="train again"):
        Neighbours.load(folder, DIMENSION)


@pytest.mark.parametrize("name", [FACTS, TENSORS])
def test_a_missing_file_is_refused(stored, name):
    (stored / name).unlink()
    refused_by_load(stored)


@pytest.mark.parametrize("name", [FACTS, TENSORS])
@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused(stored, name, share):
    whole = (stored / name).read_bytes()
    (stored / name).write_bytes(whole[: int(share * len(whole))])
    refused_by_load(stored)


@pytest.mark.parametrize("name", [FACTS, TENSORS])
@pytest.mark.parametrize(
    "content",
    [b"garbage", b"\xff\xfe\x00\xd8", b"[]", b"null", b"{}", b"\x80\x04K\x01.", b"[" * 100_000],
    ids=lambda content: repr(content[:9]),
)
def test_a_damaged_file_is_refused(stored, name, content):
    (stored / name).write_bytes(content)
    refused_by_load(stored)


@pytest.mark.parametrize("key", ["texts", "intents"])
@pytest.mark.parametrize("value", [None, 5, "greet", [], ["one"], [1] * 20, [None] * 20, [["a"]] * 20], ids=repr)
def test_texts_and_intents_that_do_not_fit_the_rows_are_refused(stored, key, value):
    facts = json.loads((stored / FACTS).read_bytes())
    (stored / FACTS).write_text(json.dumps(facts | {key: value}))
    refused_by_load(stored)


@pytest.mark.parametrize("key", ["texts", "intents"])
def test_a_missing_fact_is_refused(stored, key):
    facts = json.loads((stored / FACTS).read_bytes())
    del facts[key]
    (stored / FACTS).write_text(json.dumps(facts))
    refused_by_load(stored)


ROWS = np.zeros((4 * len(INTENTS), DIMENSION), dtype=np.float16)


def test_rows_that_fit_are_read(stored):
    save_file({"rows": ROWS}, stored / TENSORS)
    assert np.array_equal(Neighbours.load(stored, DIMENSION).rows, ROWS)


@pytest.mark.parametrize(
    "tensors",
    [
        {},
        {"row": ROWS},
        {"rows": ROWS[1:]},
        {"rows": np.concatenate([ROWS, ROWS])},
        {"rows": ROWS[:, 1:].copy()},
        {"rows": ROWS[:, 0].copy()},
        {"rows": ROWS[None]},
        {"rows": ROWS.astype(np.float32)},
        {"rows": ROWS.astype(np.int16)},
        {"rows": ROWS + np.float16(np.nan)},
        {"rows": ROWS + np.float16(np.inf)},
    ],
    ids=lambda tensors: str({name: (rows.shape, str(rows.dtype), rows.flat[0]) for name, rows in tensors.items()}),
)
def test_rows_of_another_name_shape_or_type_are_refused(stored, tensors):
    save_file(tensors, stored / TENSORS)
    refused_by_load(stored)
