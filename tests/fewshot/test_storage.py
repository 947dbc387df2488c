"""Tests of fewshot/storage.py, and of what a classifier makes of stored files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from rasa_token_pruning.fewshot.classifier import FewShotClassifier
from rasa_token_pruning.fewshot.errors import ClassifierError
from rasa_token_pruning.fewshot.head import LinearHead
from rasa_token_pruning.fewshot.memory import Memory
from rasa_token_pruning.fewshot.mixture import Mixture
from rasa_token_pruning.fewshot.scope import Scope
from rasa_token_pruning.fewshot.storage import FORMAT, read
from tests.fewshot.conftest import INTENTS, centres, scattered

TENSORS, FACTS = "classifier.safetensors", "classifier.json"


@pytest.fixture(scope="module")
def trained() -> FewShotClassifier:
    return FewShotClassifier.fit(*scattered(6), names=centres(), out_of_scope="greet")


@pytest.fixture
def stored(trained, tmp_path) -> Path:
    trained.save(tmp_path)
    return tmp_path


def change_facts(folder: Path, **change: object) -> None:
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    (folder / FACTS).write_text(json.dumps(facts | change), encoding="utf-8")


def refused_by_load(folder: Path) -> str:
    with pytest.raises(ClassifierError) as refused:
        FewShotClassifier.load(folder)
    assert "train again" in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize("intents", [2, 5])
@pytest.mark.parametrize("out_of_scope", [None, INTENTS[0]])
def test_saved_and_loaded_it_predicts_the_same_to_the_bit(tmp_path, count, intents, out_of_scope):
    embeddings, labels = scattered(count)
    some = slice(count * intents)
    trained = FewShotClassifier.fit(embeddings[some], labels[some], out_of_scope=out_of_scope)
    trained.save(tmp_path)
    loaded = FewShotClassifier.load(tmp_path)
    assert (loaded.intents, loaded.temperature, loaded.out_of_scope) == (
        trained.intents, trained.temperature, out_of_scope,
    )  # fmt: skip
    one, other = trained.predict(embeddings), loaded.predict(embeddings)
    for part in ("probabilities", "familiarity", "confidences"):
        assert getattr(one, part).tobytes() == getattr(other, part).tobytes()
    assert np.array_equal(loaded.predict_sets(embeddings, 0.8), trained.predict_sets(embeddings, 0.8))


def test_arrays_in_any_memory_layout_are_saved_as_they_are(tmp_path):
    weights = np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3))
    prototypes = np.arange(12, dtype=np.float32).reshape(2, 6)[:, ::2]
    bias, levels = np.arange(4, dtype=np.float32)[::2], np.arange(6, dtype=np.float32)[::-2]
    typical = np.array([[1, 2], [3, 4]], dtype=np.float32).T
    rows, counts = np.asfortranarray(np.eye(3, dtype=np.float16)), np.array([1, 0, 2], dtype=np.int32)[::2]
    head = Mixture(LinearHead(weights, bias), Memory(rows, counts))
    FewShotClassifier(("a", "b"), None, head, prototypes, 1.0, Scope(typical, levels), levels[1:]).save(tmp_path)
    loaded = FewShotClassifier.load(tmp_path)
    assert np.array_equal(loaded.head.linear.weights, weights)
    assert np.array_equal(loaded.head.linear.bias, bias)
    assert np.array_equal(loaded.head.memory.rows, rows)
    assert np.array_equal(loaded.head.memory.counts, counts)
    assert np.array_equal(loaded.prototypes, prototypes)
    assert np.array_equal(loaded.scope.typical, typical)
    assert np.array_equal(loaded.scope.levels, levels)
    assert np.array_equal(loaded.true_probabilities, levels[1:])


def test_the_folder_holds_the_json_and_the_safetensors_file_and_nothing_else(stored):
    assert sorted(file.name for file in stored.iterdir()) == sorted([FACTS, TENSORS])
    assert set(load_file(stored / TENSORS)) == set(FITTING)
    facts = json.loads((stored / FACTS).read_text(encoding="utf-8"))
    assert set(facts) == {"format", "intents", "temperature", "out_of_scope"}
    assert facts["format"] == FORMAT
    assert facts["intents"] == sorted(INTENTS)


def test_what_is_read_is_what_was_trained(stored, trained):
    facts, tensors = read(stored)
    assert facts == {"intents": sorted(INTENTS), "temperature": trained.temperature, "out_of_scope": "greet"}
    assert {name: str(tensor.dtype) for name, tensor in tensors.items()} == {
        name: TYPES.get(name, "float32") for name in FITTING
    }


def test_saving_again_replaces_what_was_there(stored):
    embeddings, intents = scattered(2)
    other = FewShotClassifier.fit(embeddings[:4], intents[:4])
    other.save(stored)
    assert FewShotClassifier.load(stored).intents == other.intents


@pytest.mark.parametrize("name", [FACTS, TENSORS])
def test_a_missing_file_is_refused(stored, name):
    (stored / name).unlink()
    refused_by_load(stored)


def test_a_missing_folder_is_refused(tmp_path):
    refused_by_load(tmp_path / "nothing")


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


@pytest.mark.parametrize("stored_format", [0, 1, FORMAT + 1, str(FORMAT), None, [FORMAT]], ids=repr)
def test_another_format_is_refused_with_both(stored, stored_format):
    change_facts(stored, format=stored_format)
    message = refused_by_load(stored)
    assert repr(stored_format) in message
    assert str(FORMAT) in message


@pytest.mark.parametrize("key", ["format", "intents", "temperature", "out_of_scope"])
def test_a_missing_fact_is_refused_by_its_name(stored, key):
    facts = json.loads((stored / FACTS).read_text(encoding="utf-8"))
    del facts[key]
    (stored / FACTS).write_text(json.dumps(facts), encoding="utf-8")
    assert key in refused_by_load(stored)


@pytest.mark.parametrize(
    "temperature",
    ["warm", None, [1.0], True, 0, 0.0, -1.0, 1e-320, 10**400, float("nan"), float("inf")],
    ids=lambda value: repr(value)[:9],
)
def test_a_temperature_that_is_no_positive_number_is_refused(stored, temperature):
    change_facts(stored, temperature=temperature)
    assert "temperature" in refused_by_load(stored)


@pytest.mark.parametrize(
    "intents", [None, 5, "greet", [], ["greet"], [*INTENTS, "one more"], [1, 2, 3, 4, 5]], ids=repr
)
def test_intents_that_do_not_fit_are_refused(stored, intents):
    change_facts(stored, intents=intents)
    refused_by_load(stored)


@pytest.mark.parametrize("intent", [None, *INTENTS])
def test_any_of_the_intents_or_none_may_be_out_of_scope(stored, intent):
    change_facts(stored, out_of_scope=intent)
    assert FewShotClassifier.load(stored).out_of_scope == intent


@pytest.mark.parametrize("intent", ["", "out_of_scope", 5, True, ["greet"], {"greet": 1}], ids=repr)
def test_an_out_of_scope_intent_that_is_none_of_the_intents_is_refused(stored, intent):
    change_facts(stored, out_of_scope=intent)
    assert repr(intent) in refused_by_load(stored)


def tensors(**shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Ones, and two remembered examples of each intent."""
    found = {name: np.ones(shape, dtype=TYPES.get(name, "float32")) for name, shape in shapes.items()}
    found["counts"] *= 2
    return found


TYPES = {"remembered": "float16", "counts": "int32"}
FITTING = {
    "weights": (5, 3),
    "bias": (5,),
    "remembered": (10, 3),
    "counts": (5,),
    "prototypes": (5, 3),
    "typical": (2, 2),
    "levels": (7,),
    "true_probabilities": (9,),
}


@pytest.mark.parametrize("change", [{}, {"levels": (0,)}, {"true_probabilities": (0,)}], ids=str)
def test_tensors_that_fit_the_intents_are_read(stored, change):
    save_file(tensors(**(FITTING | change)), stored / TENSORS)
    assert FewShotClassifier.load(stored).dimension == 3


@pytest.mark.parametrize(
    "change",
    [
        {"weights": (4, 3), "prototypes": (4, 3)},
        {"weights": (5,), "prototypes": (5,)},
        {"weights": (5, 3, 1), "prototypes": (5, 3, 1)},
        {"bias": (4,)},
        {"bias": (5, 1)},
        {"remembered": (10, 4)},
        {"remembered": (9, 3)},
        {"remembered": (0, 3)},
        {"remembered": (30,)},
        {"counts": (4,)},
        {"counts": (5, 1)},
        {"prototypes": (5, 4)},
        {"prototypes": (4, 3)},
        {"prototypes": (5,)},
        {"typical": (2,)},
        {"typical": (4,)},
        {"typical": (2, 3)},
        {"levels": (7, 1)},
        {"levels": ()},
        {"true_probabilities": (9, 1)},
        {"true_probabilities": ()},
    ],
    ids=str,
)
def test_tensors_that_do_not_fit_the_intents_are_refused(stored, change):
    save_file(tensors(**(FITTING | change)), stored / TENSORS)
    refused_by_load(stored)


@pytest.mark.parametrize(("intents", "out_of_scope"), [([], None), (["a"], "a"), (["a", "a"], "a")], ids=str)
def test_a_classifier_without_an_intent_of_its_own_is_refused(stored, intents, out_of_scope):
    change_facts(stored, intents=intents, out_of_scope=out_of_scope)
    shapes = {name: (len(intents), *shape[1:]) for name, shape in FITTING.items() if shape[0] == 5}
    save_file(tensors(**(FITTING | shapes)), stored / TENSORS)
    assert "no intent that a message may belong to" in refused_by_load(stored)


@pytest.mark.parametrize("name", FITTING)
def test_a_missing_tensor_is_refused_by_its_name(stored, name):
    found = tensors(**FITTING)
    del found[name]
    save_file(found, stored / TENSORS)
    assert name in refused_by_load(stored)


@pytest.mark.parametrize("name", [name for name in FITTING if name != "counts"])
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, 3e38, -3e38])
def test_tensors_that_are_not_finite_are_refused(stored, name, number):
    found = tensors(**FITTING)
    with np.errstate(over="ignore"):
        found[name].flat[0] = number
    save_file(found, stored / TENSORS)
    refused_by_load(stored)


@pytest.mark.parametrize("name", FITTING)
@pytest.mark.parametrize("kind", ["float64", "float32", "float16", "int64", "int32", "uint8"])
def test_tensors_of_another_type_are_refused(stored, name, kind):
    if kind == TYPES.get(name, "float32"):
        pytest.skip("its own")
    found = tensors(**FITTING)
    found[name] = found[name].astype(kind)
    save_file(found, stored / TENSORS)
    refused_by_load(stored)


@pytest.mark.parametrize("row", [0, 1])
@pytest.mark.parametrize("spread", [0.0, -1.0])
def test_a_spread_that_is_not_greater_than_0_is_refused(stored, row, spread):
    found = tensors(**FITTING)
    found["typical"][row, 1] = spread
    save_file(found, stored / TENSORS)
    refused_by_load(stored)


def test_an_intent_of_which_nothing_is_remembered_is_refused_unless_nothing_is_at_all(stored):
    found = tensors(**FITTING)
    found["counts"][:] = [10, 0, 0, 0, 0]
    save_file(found, stored / TENSORS)
    assert "remembered examples" in refused_by_load(stored)
    save_file({**found, "counts": found["counts"] * 0, "remembered": found["remembered"][:0]}, stored / TENSORS)
    assert not FewShotClassifier.load(stored).head.memory.nearest(np.ones((2, 3))).any()
