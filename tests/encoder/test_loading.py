"""Tests of encoder/loading.py."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.location import identity
from rasa_token_pruning.encoder.pruned import PrunedEncoder


def test_threads_that_load_at_once_get_the_same_model(tiny_copy):
    threads = 8
    barrier = Barrier(threads)

    def load(_):
        barrier.wait()
        return shared_model(str(tiny_copy))

    with ThreadPoolExecutor(threads) as pool:
        models = list(pool.map(load, range(threads)))
    assert all(model is models[0] for model in models)


def test_every_way_to_write_a_folder_is_the_same_model(tiny_copy, monkeypatch):
    model = shared_model(str(tiny_copy))
    link = tiny_copy.parent / "link"
    link.symlink_to(tiny_copy)
    monkeypatch.chdir(tiny_copy.parent)
    assert shared_model(tiny_copy.name) is model
    assert shared_model(str(link)) is model


def test_encoders_of_one_folder_share_their_weights(tiny_copy):
    model = shared_model(str(tiny_copy))
    users = weakref.ref(model)
    encoders = [PrunedEncoder(str(tiny_copy)), PrunedEncoder(str(tiny_copy), "off", "final+cut")]
    del model
    gc.collect()
    assert users() is shared_model(str(tiny_copy))
    assert len(encoders) == 2


def test_a_model_is_released_with_its_last_user(tiny_copy):
    first, second = PrunedEncoder(str(tiny_copy)), PrunedEncoder(str(tiny_copy), "off")
    model = weakref.ref(shared_model(str(tiny_copy)))
    first.encode("hello")
    del first
    gc.collect()
    assert model() is not None
    second.encode("hello")
    del second
    gc.collect()
    assert model() is None


def test_a_folder_is_read_again_when_a_file_has_changed(tiny_copy, tmp_path, write_model):
    before = shared_model(str(tiny_copy))
    embedding = PrunedEncoder(str(tiny_copy)).encode("hello")
    other = write_model(tmp_path / "other", seed=1)
    (tiny_copy / "model.safetensors").write_bytes((other / "model.safetensors").read_bytes())
    after = shared_model(str(tiny_copy))
    assert after is not before
    assert after.identity != before.identity
    assert not np.allclose(PrunedEncoder(str(tiny_copy)).encode("hello"), embedding)


def test_a_model_knows_its_identity_and_whether_it_normalizes(tiny_folder, tmp_path, write_model):
    assert shared_model(str(tiny_folder)).identity == identity(tiny_folder)
    assert shared_model(str(tiny_folder)).normalize
    assert not shared_model(str(write_model(tmp_path / "raw", normalize=False))).normalize


@pytest.mark.parametrize(("max_length", "pieces"), [(10, 10), (64, 64), (None, 64)])
def test_the_limit_is_the_models_own_or_else_its_positions(tmp_path, write_model, max_length, pieces):
    model = shared_model(str(write_model(tmp_path / "model", max_length=max_length)))
    assert len(model.tokenizer.tokenize(["a " * 200])[0].ids) == pieces


def test_what_sentence_transformers_saves_today_is_the_same_model(tiny_folder, tmp_path):
    SentenceTransformer(str(tiny_folder), device="cpu").save_pretrained(str(tmp_path / "saved"))
    saved = PrunedEncoder(str(tmp_path / "saved"), "off")
    texts = ["reset my password", "a " * 100]
    np.testing.assert_allclose(saved.encode(texts), PrunedEncoder(str(tiny_folder), "off").encode(texts), atol=1e-6)


def refused(folder: Path) -> str:
    with pytest.raises(EncoderError) as error:
        shared_model(str(folder))
    return str(error.value)


@pytest.mark.parametrize(
    "name", ["config.json", "modules.json", "sentence_bert_config.json", "1_Pooling/config.json", "tokenizer.json"]
)
def test_a_damaged_json_file_is_named(tiny_copy, name):
    (tiny_copy / name).write_bytes(b'{"half": ')
    assert str(tiny_copy / name) in refused(tiny_copy)


@pytest.mark.parametrize("share", [0, 0.00001, 0.001, 0.5, 0.99])
def test_truncated_weights_are_refused_with_the_way_out(tiny_copy, share):
    file = tiny_copy / "model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    assert str(file) in refused(tiny_copy)
    assert "Restore" in refused(tiny_copy)


def test_weights_of_another_model_are_refused(tiny_copy, tmp_path, write_model):
    other = write_model(tmp_path / "other", layers=2)
    (tiny_copy / "model.safetensors").write_bytes((other / "model.safetensors").read_bytes())
    assert "config.json" in refused(tiny_copy)


def test_a_tokenizer_with_more_pieces_than_the_encoder_has_is_refused(tiny_copy, packaged_folder):
    (tiny_copy / "tokenizer.json").write_bytes((packaged_folder / "tokenizer.json").read_bytes())
    assert "tokenizer.json" in refused(tiny_copy)


def test_a_model_that_was_refused_loads_once_it_is_repaired(tiny_copy):
    file = tiny_copy / "model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:100])
    refused(tiny_copy)
    file.write_bytes(whole)
    assert shared_model(str(tiny_copy)).transformer.config.width == 32
