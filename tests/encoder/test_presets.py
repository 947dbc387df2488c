"""Tests of encoder/presets.py."""

from __future__ import annotations

import json
import shutil
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from rasa_token_pruning.encoder import presets
from rasa_token_pruning.encoder.adapter_files import adapter_where_cut
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.location import DEFAULT_MODEL
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.presets import LEVELS, NAMES, by_rule, preset
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.evaluation.work import work_left

MODEL = "all-MiniLM-L6-v2"
FOUND = {
    "gentle": PruningPolicy((4,), 0.3, 12),
    "balanced": PruningPolicy((1, 3), 0.4, 8, "merge", "max_attention"),
    "aggressive": PruningPolicy((1,), 0.7, 4),
}
# Those that come with the package, and the layers of their encoders.
FILES = sorted((Path(presets.__file__).resolve().parents[1] / "presets").glob("*.json"))
LAYERS = {"all-MiniLM-L6-v2": 6, "all-mpnet-base-v2": 12}


@pytest.fixture
def named(file, request):
    """The model and the adapter of a file with presets, and the number of layers."""
    model = file.stem.removesuffix("+adapter")
    adapter = "none" if model == file.stem else "auto"
    is_there = adapter == "none" or model == DEFAULT_MODEL  # whether weights have an adapter has to be looked up
    return model if is_there else request.getfixturevalue("mpnet"), adapter, LAYERS[model]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with presets for one model."""
    folder = tmp_path / "presets"
    folder.mkdir()
    write(folder / f"{MODEL}.json", FOUND)
    monkeypatch.setattr(presets, "_FOLDER", folder)
    presets._tuned.cache_clear()
    yield folder
    presets._tuned.cache_clear()


def write(file, policies):
    levels = {name: {"policy": vars(policy), "work": 0.5} for name, policy in policies.items()}
    file.write_text(json.dumps({"date": "2024-01-01", "levels": levels}), encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("layers", [1, 2, 3, 6, 12, 24])
@pytest.mark.parametrize("model", ["", *LAYERS])
def test_every_preset_names_layers_that_the_encoder_has(name, layers, model):
    policy = preset(name, layers, model)
    assert policy.layers
    assert all(0 <= layer < layers for layer in policy.layers)


@pytest.mark.parametrize("model", ["", *LAYERS])
def test_off_is_balanced_without_the_cut(model):
    assert preset("off", 6, model) == preset("balanced", 6, model).without_cuts()
    assert preset("off", 6, model).tokens_kept(100) == 100
    assert preset("balanced", 6, model).tokens_kept(100) < 100


@pytest.mark.parametrize("name", ["", "Balanced", "on", None, True, False, 0.5, ["off"]], ids=repr)
@pytest.mark.parametrize("model", ["", MODEL])
def test_unknown_preset_is_refused_with_the_value_and_the_names(name, model):
    with pytest.raises(EncoderError) as refused:
        preset(name, 6, model)
    assert repr(name) in str(refused.value)
    assert all(known in str(refused.value) for known in NAMES)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"{}", b"[]", b"null", b'{"levels": 1}', b'{"levels": {"gentle": {}}}', b"[" * 100_000]
    + [b'{"levels": {"gentle": {"policy": %s}}}' % policy for policy in (b"1", b"{}", b'{"layers": 1}')],
    ids=range(11),
)
def test_damaged_presets_are_refused_with_the_file_and_the_way_out(folder, content):
    (folder / f"{MODEL}.json").write_bytes(content)
    with pytest.raises(EncoderError, match=rf"{MODEL}\.json holds no presets .*--preset, or remove it"):
        preset("gentle", 6, MODEL)


def test_the_names():
    assert LEVELS == ("gentle", "balanced", "aggressive")
    assert NAMES == ("off", *LEVELS)


@pytest.mark.parametrize("layers", [1, 2, 3, 6, 12, 24])
@pytest.mark.parametrize("length", [3, 7, 12, 25, 60, 256])
def test_by_rule_less_and_less_is_left(layers, length):
    policies = [by_rule(level, layers) for level in LEVELS]
    assert {policy.layers for policy in policies} == {(layers // 3,)}
    kept = [policy.tokens_kept(length) for policy in policies]
    assert kept == sorted(kept, reverse=True)
    assert length < 20 or len(set(kept)) == 3
    work = [work_left(policy, layers, [length]) for policy in policies]
    assert work == sorted(work, reverse=True)


@pytest.mark.parametrize(
    "model",
    [
        MODEL,
        f"sentence-transformers/{MODEL}",
        f"/srv/models/{MODEL}",
        f"/srv/models/{MODEL}/",
        f"/srv/models/{MODEL}//",
        f"./{MODEL}",
        f"../{MODEL}",
        rf"C:\models\{MODEL}",
        rf"C:\models\{MODEL}" + "\\",
        rf"C:\models/{MODEL}",
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_was_found_for_an_encoder(model):
    assert {level: preset(level, 6, model) for level in LEVELS} == FOUND
    assert preset("off", 6, model) == FOUND["balanced"].without_cuts()


@pytest.mark.parametrize(
    "model",
    [
        "",
        "/",
        "\\",
        ".",
        "..",
        "*",
        "all-*",
        "another-model",
        MODEL.lower(),
        f"{MODEL}.json",
        f"{MODEL}-mine",
        f"{MODEL}/onnx",
        f"{MODEL}/..",
        f"{MODEL}\x00",
        f" {MODEL}",
        "x" * 5000,
        "\ud800",
    ],
)
@pytest.mark.usefixtures("folder")
def test_the_rule_is_for_all_others(model):
    assert [preset(level, 6, model) for level in LEVELS] == [by_rule(level, 6) for level in LEVELS]
    assert preset("off", 6, model) == by_rule("balanced", 6).without_cuts()


@pytest.mark.parametrize("model", ["../x", "..\\x", "../x.json", "presets/../../x", "../presets/../x", "{tmp_path}/x"])
def test_files_elsewhere_are_not_found(folder, tmp_path, model):
    write(tmp_path / "x.json", FOUND)
    (folder / "sub").mkdir()
    write(folder / "sub" / "x.json", FOUND)
    assert preset("balanced", 6, model.format(tmp_path=tmp_path)) == by_rule("balanced", 6)


@pytest.mark.usefixtures("folder")
def test_an_encoder_that_lacks_the_layers():
    """Level by level: those that fit are taken."""
    assert preset("gentle", 4, MODEL) == by_rule("gentle", 4)
    assert preset("gentle", 5, MODEL) == FOUND["gentle"]
    assert preset("balanced", 3, MODEL) == by_rule("balanced", 3)
    assert preset("off", 3, MODEL) == by_rule("balanced", 3).without_cuts()
    assert preset("aggressive", 2, MODEL) == FOUND["aggressive"]
    assert preset("aggressive", 1, MODEL) == by_rule("aggressive", 1)


def test_a_level_that_was_not_found(folder):
    write(folder / "x.json", {"gentle": FOUND["gentle"], "yours": FOUND["aggressive"]})
    assert preset("gentle", 6, "x") == FOUND["gentle"]
    assert preset("balanced", 6, "x") == by_rule("balanced", 6)
    with pytest.raises(EncoderError, match="pruning is 'yours'"):
        preset("yours", 6, "x")


def test_there_is_no_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(presets, "_FOLDER", tmp_path / "nowhere")
    presets._tuned.cache_clear()
    assert preset("balanced", 6, MODEL) == by_rule("balanced", 6)
    presets._tuned.cache_clear()


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("model", [MODEL, f"sentence-transformers/{MODEL}"])
def test_the_encoder_takes_what_was_found(model):
    assert PrunedEncoder(model, "aggressive", engine="torch", num_threads=1).policy == FOUND["aggressive"]


def test_what_was_found_with_the_adapter_is_for_an_encoder_that_has_it(folder, tiny_folder):
    with_it = {level: PruningPolicy((0,), 0.5, 9) for level in LEVELS}
    write(folder / f"{MODEL}+adapter.json", with_it)
    assert {level: preset(level, 6, MODEL, "auto") for level in LEVELS} == with_it
    for adapter in ("none", "mine.safetensors"):
        assert {level: preset(level, 6, MODEL, adapter) for level in LEVELS} == FOUND
    assert preset("off", 6, MODEL, "auto") == FOUND["balanced"].without_cuts()  # which has no adapter
    assert preset("balanced", 4, str(tiny_folder), "auto") == by_rule("balanced", 4)
    options = {"model": MODEL, "pruning": "gentle", "min_tokens": 20}
    assert presets.policy_from_options({**options, "adapter": "auto"}, 6) == PruningPolicy((0,), 0.5, 20)
    assert PrunedEncoder(adapter="auto", num_threads=1).policy == with_it["balanced"]


def test_other_weights_under_the_name_have_what_was_found_without_it(folder, tiny_folder, tmp_path):
    write(folder / f"{MODEL}+adapter.json", {level: PruningPolicy((0,), 0.5, 9) for level in LEVELS})
    other = shutil.copytree(tiny_folder, tmp_path / "other" / MODEL)
    assert {level: preset(level, 6, str(other), "auto") for level in LEVELS} == FOUND


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
class TestWhatComesWithThePackage:
    def test_it_says_how_it_was_found(self, file, named):
        record = json.loads(file.read_text(encoding="utf-8"), parse_constant=pytest.fail)
        assert {"date", "version", "tasks", "setting", "levels"} <= set(record)
        assert date.fromisoformat(record["date"]) and record["version"]
        assert record["tasks"] and all(task["messages"] and task["intents"] for task in record["tasks"].values())
        model, adapter, _ = named
        assert record["setting"]["model"].rpartition("/")[2] == Path(model).name
        assert record["setting"].get("adapter", "none") == adapter
        assert set(record["levels"]) == set(LEVELS)

    def test_it_is_what_the_preset_gives(self, file, named):
        levels = json.loads(file.read_bytes())["levels"]
        model, adapter, layers = named
        for level in LEVELS:
            policy = PruningPolicy(**levels[level]["policy"])
            assert 0 < policy.quantile < 1 and policy.layers[-1] < layers
            assert preset(level, layers, model, adapter) == policy

    def test_less_and_less_is_left(self, named):
        model, adapter, layers = named
        work = [work_left(preset(level, layers, model, adapter), layers, [60]) for level in LEVELS]
        assert all(more >= less for more, less in pairwise(work)), work
        assert work[0] < 1


@pytest.mark.parametrize(("name", "adapter"), [(DEFAULT_MODEL, "none"), (f"{DEFAULT_MODEL}+adapter", "auto")])
def test_the_packaged_model_s_presets_name_the_encoder_in_use(name, adapter):
    (file,) = (one for one in FILES if one.stem == name)
    model = shared_model(DEFAULT_MODEL, adapter_where_cut(DEFAULT_MODEL, adapter))
    assert json.loads(file.read_text(encoding="utf-8"))["identity"] == model.identity
