"""Tests of encoder/adapter.py and encoder/adapter_files.py."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from threadpoolctl import threadpool_limits

from rasa_token_pruning.encoder import adapter_files
from rasa_token_pruning.encoder.adapter import Adapter
from rasa_token_pruning.encoder.adapter_files import adapter_identity, read_adapter, shipped_adapter, write_adapter
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.location import DEFAULT_MODEL, WEIGHTS_FILE, locate, sha256
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.encoder.publishing import publish
from rasa_token_pruning.encoder.weights import EncoderWeights, scored_layers, scorer_shapes
from rasa_token_pruning.evaluation.labelled import Labelled
from rasa_token_pruning.evaluation.long_messages import lengthened
from tests.conftest import ROOT

POLICY = PruningPolicy((1,), 0.5, 3)
TEXTS_IN_STORIES = [
    "my card was stolen in the hotel while i was at breakfast",
    "the washing machine makes a strange loud noise",
    "is there any way to see the grades of my daughter online",
    "you sent me the wrong size and colour again",
    "how much does it cost to put a second driver on the contract",
    "i would like to move the appointment to thursday afternoon",
]
TEXTS = ["hello", "please help me reset my password", "where is my order"]


def changed(weights: EncoderWeights, rank: int) -> EncoderWeights:
    """Weights whose every layer has changed, the matrices by a change of some rank, and whose embeddings have too."""
    chance = np.random.default_rng(0)
    arrays = {}
    for name, array in weights.arrays.items():
        change = chance.normal(size=array.shape)
        if array.ndim == 2 and name.startswith("layers."):
            change = chance.normal(size=(len(array), rank)) @ chance.normal(size=(rank, array.shape[1]))
        arrays[name] = (array + 0.1 * change).astype(np.float32)
    return dataclasses.replace(weights, arrays=arrays)


@pytest.fixture
def weights(architecture_folder):
    return shared_model(str(architecture_folder)).weights


@pytest.fixture
def written(tiny_folder, tmp_path):
    """The file of an adapter to the tiny model, and a folder with the weights that it gives."""
    model = shared_model(str(tiny_folder))
    adapter = Adapter.between(model.weights, changed(model.weights, 2), 2)
    file = tmp_path / "mine.safetensors"
    write_adapter(file, adapter, sha256(tiny_folder / "model.safetensors"), {"by": "a test"})
    publish(tiny_folder, adapter.applied(model.weights), tmp_path / "whole")
    return file, str(tmp_path / "whole")


@pytest.mark.parametrize("threads", [1, 2])
def test_the_number_of_threads_changes_no_bit_of_the_shipped_one(threads):
    model = shared_model(DEFAULT_MODEL)
    adapter = read_adapter(shipped_adapter(sha256(model.folder / WEIGHTS_FILE))).adapter
    expected = adapter.applied(model.weights)
    with threadpool_limits(threads):
        found = adapter.applied(model.weights)
    assert all(np.array_equal(found.arrays[name], array) for name, array in expected.arrays.items())


def test_a_change_of_its_rank_is_found_again_and_embeddings_stay(weights):
    after = changed(weights, rank=2)
    found = Adapter.between(weights, after, rank=2).applied(weights)
    for name, array in found.arrays.items():
        if name.startswith("layers."):
            np.testing.assert_allclose(array, after.arrays[name], atol=2e-3)  # of half precision
        else:
            assert array is weights.arrays[name]


def test_a_lower_rank_leaves_out_the_smallest_part(weights):
    after = changed(weights, rank=4)
    name = "layers.0.expand.weight"
    change = after.arrays[name] - weights.arrays[name]
    missed = [
        np.linalg.norm(Adapter.between(weights, after, rank).applied(weights).arrays[name] - after.arrays[name])
        for rank in (1, 2, 3, 4)
    ]
    sizes = np.linalg.svd(change, compute_uv=False)
    wanted = [np.sqrt(np.square(sizes[rank:4]).sum()) for rank in (1, 2, 3, 4)]
    np.testing.assert_allclose(missed, wanted, atol=0.01)


def test_without_a_change_it_is_empty(weights):
    assert not Adapter.between(weights, weights, 3).arrays


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"layers.9.expand.bias": np.zeros(48)}, "layers.9.expand.bias"),
        ({"layers.0.expand.bias": np.zeros(47)}, "layers.0.expand.bias"),
        ({"layers.0.expand.weight.lora_A": np.zeros((2, 32))}, "layers.0.expand.weight"),
        (
            {"layers.0.expand.weight.lora_A": np.zeros((2, 32)), "layers.0.expand.weight.lora_B": np.zeros((48, 3))},
            "layers.0.expand.weight",
        ),
        ({"layers.0.expand.bias": np.full(48, np.nan)}, "not finite"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_name(tiny_folder, arrays, said):
    with pytest.raises(EncoderError, match=said):
        Adapter(arrays).applied(shared_model(str(tiny_folder)).weights)


@pytest.mark.parametrize("pruning", [POLICY, "off"])
@pytest.mark.parametrize("engine", ["onnx", "torch"])
def test_an_encoder_with_an_adapter_is_the_one_with_the_weights_that_it_gives(tiny_folder, written, engine, pruning):
    file, whole = written
    own = PrunedEncoder(str(tiny_folder), pruning, engine=engine, adapter=str(file)).encode(TEXTS)
    np.testing.assert_allclose(own, PrunedEncoder(whole, pruning, engine=engine).encode(TEXTS), atol=1e-5)
    assert not np.allclose(own, PrunedEncoder(str(tiny_folder), pruning, engine=engine).encode(TEXTS), atol=1e-3)


def test_it_is_an_encoder_of_its_own_and_shared(tiny_folder, written):
    file, _ = written
    first, second = (PrunedEncoder(str(tiny_folder), POLICY, adapter=str(file)) for _ in range(2))
    assert first.identity == second.identity != PrunedEncoder(str(tiny_folder), POLICY).identity
    assert first._runtime is second._runtime
    base = shared_model(str(tiny_folder))
    words = shared_model(str(tiny_folder), file).weights.arrays["embeddings.words.weight"]
    assert words is base.weights.arrays["embeddings.words.weight"]


def test_without_its_cuts_it_keeps_the_adapter(tiny_folder, written):
    file, whole = written
    encoder = PrunedEncoder(str(tiny_folder), POLICY, engine="torch", adapter=str(file)).without_cuts()
    np.testing.assert_allclose(encoder.encode(TEXTS), PrunedEncoder(whole, "off").encode(TEXTS), atol=1e-5)
    assert encoder.options is not None and encoder.options.adapter == str(file)


def test_a_folder_with_one_stands_for_it(tiny_folder, written, tmp_path):
    file, _ = written
    (tmp_path / "trained").mkdir()
    shutil.copy(file, tmp_path / "trained" / "adapter.safetensors")
    folder = PrunedEncoder(str(tiny_folder), POLICY, adapter=str(tmp_path / "trained"))
    assert folder.identity == PrunedEncoder(str(tiny_folder), POLICY, adapter=str(file)).identity


def test_one_for_other_weights_is_refused_with_the_way_out(tmp_path, written, write_model):
    other = write_model(tmp_path / "other", seed=1)
    with pytest.raises(EncoderError, match=r"belongs to weights with SHA-256 .* set adapter to none"):
        PrunedEncoder(str(other), POLICY, adapter=str(written[0]))


@pytest.mark.parametrize("value", ["missing.safetensors", "", None, False, 3, ["a"], "a\0b", "~nobody-here/x"])
def test_what_names_no_adapter_is_refused_with_the_value_and_the_choices(tiny_folder, value):
    with pytest.raises(EncoderError, match=r"adapter is .*none"):
        PrunedEncoder(str(tiny_folder), POLICY, adapter=value)
    with pytest.raises(EncoderError, match=r"adapter is .*none"):
        adapter_identity(value)


@pytest.mark.parametrize("damage", ["cut", "text", "no format", "newer", "no provenance"])
def test_a_damaged_file_is_refused_with_its_name(tiny_folder, written, damage):
    file, _ = written
    arrays = load_file(file)
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-10])
    elif damage == "text":
        file.write_text("no adapter")
    else:
        metadata = {"no format": {}, "newer": {"format": "2", "provenance": "{}"}, "no provenance": {"format": "1"}}
        save_file(arrays, file, metadata=metadata[damage])
    with pytest.raises(EncoderError, match=r"mine.safetensors .*train-encoder adapter"):
        PrunedEncoder(str(tiny_folder), POLICY, adapter=str(file))


def test_auto_is_the_one_that_comes_with_the_package_for_these_weights(tiny_folder, written, monkeypatch):
    file, _ = written
    before = adapter_identity("auto")
    monkeypatch.setattr(adapter_files, "_FOLDER", file.parent)
    assert shipped_adapter("0" * 64) is None
    plain, own = PrunedEncoder(str(tiny_folder), POLICY), PrunedEncoder(str(tiny_folder), POLICY, adapter=str(file))
    assert PrunedEncoder(str(tiny_folder), POLICY, adapter="auto").identity == own.identity
    assert PrunedEncoder(str(tiny_folder), "gentle", adapter="auto").identity == own.identity
    for off in ("off", POLICY.without_cuts(), PruningPolicy((), 0.5, 3)):
        assert PrunedEncoder(str(tiny_folder), off, adapter="auto").identity == plain.identity
    for pruning in ("off", POLICY):
        assert PrunedEncoder(str(tiny_folder), pruning, adapter="package").identity == own.identity
    assert adapter_identity("auto") == adapter_identity("package") == adapter_identity(str(file)) != before
    assert adapter_identity("none") == ""


def test_an_encoder_without_a_shipped_adapter_stays_as_it_is(tiny_folder):
    auto = PrunedEncoder(str(tiny_folder), POLICY, adapter="auto")
    assert auto.identity == PrunedEncoder(str(tiny_folder), POLICY).identity
    with pytest.raises(
        EncoderError, match=r"none comes with this package for .*, only for all-MiniLM-L6-v2, all-mpnet"
    ):
        PrunedEncoder(str(tiny_folder), POLICY, adapter="package")


def test_the_packages_adapter_has_the_same_presets_by_either_name_and_changes_the_encoder_that_is_not_pruned():
    by_name, by_itself = (PrunedEncoder(adapter=option, pruning="balanced") for option in ("package", "auto"))
    assert by_name.policy == by_itself.policy and by_name.identity == by_itself.identity
    unpruned = PrunedEncoder(adapter="package", pruning="off")
    np.testing.assert_allclose(unpruned.encode(TEXTS), by_itself.without_cuts().encode(TEXTS), atol=1e-6)
    assert not np.allclose(unpruned.encode(TEXTS), PrunedEncoder(pruning="off").encode(TEXTS), atol=1e-2)


def test_the_one_in_the_package_belongs_to_the_packaged_model_and_says_where_it_comes_from():
    file = shipped_adapter(sha256(locate(DEFAULT_MODEL) / "model.safetensors"))
    assert file.stem == DEFAULT_MODEL and file.stat().st_size < 3 * 2**20
    settings = [record["settings"] for record in read_adapter(file).provenance["training"]]
    assert [one["kind"] for one in settings] == ["contrastive", "contrastive"]
    learnt_from = [{name: count for name, (count, _) in one["examples"].items()} for one in settings]
    assert learnt_from[0] == {file.stem: 500 for file in (ROOT / "corpus").glob("*.yml")}
    assert learnt_from[1].items() <= learnt_from[0].items() and len(learnt_from[1]) == 24


def test_a_score_that_was_not_learnt_is_refused_with_the_way_out(tiny_folder, scored_adapter, written):
    policy = PruningPolicy((1, 2), 0.5, 4, score="learnt")
    for adapter in ("none", "auto", written[0]):
        with pytest.raises(EncoderError, match=r"learnt for layers \[\] .* layers is \[1, 2\]: set adapter to one"):
            PrunedEncoder(str(tiny_folder), policy, adapter=str(adapter))
    uncut = PrunedEncoder(str(tiny_folder), dataclasses.replace(policy, quantile=0.0), num_threads=1)
    scored = PrunedEncoder(str(tiny_folder), policy, adapter=str(scored_adapter), num_threads=1)
    assert not np.allclose(scored.encode("one two three"), uncut.encode("one two three"), atol=1e-3)
    np.testing.assert_allclose(scored.without_cuts().encode("one two three"), uncut.encode("one two three"), atol=1e-6)


@pytest.mark.parametrize("number", ["4", "x", ""])
def test_a_score_for_no_layer_of_the_encoder_is_refused(tiny_folder, number):
    weights = shared_model(str(tiny_folder)).weights
    arrays = {name: np.zeros(shape, np.float16) for name, shape in scorer_shapes([0], weights.config.width).items()}
    with pytest.raises(EncoderError, match=rf"changes scorers\.{number}\.hidden\.weight, which"):
        Adapter({name.replace(".0.", f".{number}."): array for name, array in arrays.items()}).applied(weights)


@pytest.mark.parametrize("name", ["hidden.weight", "hidden.bias", "out.weight"])
def test_half_a_score_is_refused(tiny_folder, name):
    weights = shared_model(str(tiny_folder)).weights
    arrays = {name: np.zeros(shape, np.float16) for name, shape in scorer_shapes([0], weights.config.width).items()}
    arrays.pop(f"scorers.0.{name}")
    with pytest.raises(EncoderError, match=rf"lacks scorers\.0\.{name}: write it again with train-encoder score"):
        Adapter(arrays).applied(weights)


def test_the_one_in_the_package_knows_what_is_important_in_every_layer():
    model = shared_model(DEFAULT_MODEL)
    file = read_adapter(shipped_adapter(sha256(model.folder / WEIGHTS_FILE)))
    layers = range(model.weights.config.layers)
    assert scored_layers(file.adapter.arrays) == list(layers)
    assert all(file.provenance["scores"][str(layer)]["correlation"] > 0.35 for layer in layers)


def test_the_one_in_the_package_changes_what_is_pruned_and_nothing_else():
    published, off = PrunedEncoder(pruning="off"), PrunedEncoder(pruning="off", adapter="auto")
    np.testing.assert_array_equal(off.encode(TEXTS), published.encode(TEXTS))
    assert not np.allclose(PrunedEncoder(adapter="auto").encode(TEXTS), PrunedEncoder().encode(TEXTS), atol=0.01)


def test_the_one_in_the_package_finds_the_request_in_a_story_and_cuts_leave_it():
    """With sentences around them that nothing has learnt from: messages lie near to what they ask for."""
    requests = Labelled(tuple(TEXTS_IN_STORIES), tuple(TEXTS_IN_STORIES))
    told = lengthened(requests).texts
    near = {}
    for score in ("learnt", "mean_attention"):
        encoder = PrunedEncoder(pruning=PruningPolicy((2,), 0.6, 6, score=score), readout="final", adapter="auto")
        whole = encoder.without_cuts()
        meant = whole.encode(TEXTS_IN_STORIES)
        near[score] = (encoder.encode(told) * meant).sum(axis=1).mean()
        near["unpruned"] = (whole.encode(told) * meant).sum(axis=1).mean()
    published = PrunedEncoder(pruning="off")
    before = (published.encode(told) * published.encode(TEXTS_IN_STORIES)).sum(axis=1).mean()
    assert near["unpruned"] > before + 0.1
    assert near["learnt"] > near["unpruned"] - 0.02 and near["learnt"] > near["mean_attention"]
