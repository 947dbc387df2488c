"""Tests of encoder/loading.py."""

from __future__ import annotations

import gc
import json
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import Dense, Normalize, Pooling

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.location import identity
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.encoder.readout import POOLINGS


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


def test_torch_encoders_of_one_folder_share_their_weights(tiny_copy):
    model = shared_model(str(tiny_copy))
    users = weakref.ref(model)
    encoders = [PrunedEncoder(str(tiny_copy), *rest, engine="torch") for rest in ((), ("off", "final+cut"))]
    del model
    gc.collect()
    assert users() is shared_model(str(tiny_copy))
    assert len(encoders) == 2


def test_a_model_is_released_with_its_last_user(tiny_copy):
    first, second = PrunedEncoder(str(tiny_copy), engine="torch"), PrunedEncoder(str(tiny_copy), "off", engine="torch")
    model = weakref.ref(shared_model(str(tiny_copy)))
    first.encode("hello")
    del first
    gc.collect()
    assert model() is not None
    second.encode("hello")
    del second
    gc.collect()
    assert model() is None


def test_an_onnx_encoder_does_not_hold_the_model_that_it_was_made_of(tiny_copy):
    model = shared_model(str(tiny_copy))
    users = weakref.ref(model)
    encoder = PrunedEncoder(str(tiny_copy), engine="onnx")
    del model
    gc.collect()
    assert users() is None
    assert np.isfinite(encoder.encode("hello")).all()


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
    assert shared_model(str(tiny_folder)).head.normalize
    assert not shared_model(str(write_model(tmp_path / "raw", normalize=False))).head.normalize


@pytest.mark.parametrize(("max_length", "pieces"), [(10, 10), (64, 64), (None, 64)])
def test_the_limit_is_the_models_own_or_else_its_positions(tmp_path, write_model, max_length, pieces):
    model = shared_model(str(write_model(tmp_path / "model", max_length=max_length)))
    assert len(model.tokenizer(None).tokenize(["a " * 200])[0].ids) == pieces


def test_what_sentence_transformers_saves_today_is_the_same_model(tiny_folder, tmp_path):
    SentenceTransformer(str(tiny_folder), device="cpu").save_pretrained(str(tmp_path / "saved"))
    saved = PrunedEncoder(str(tmp_path / "saved"), "off")
    texts = ["reset my password", "a " * 100]
    np.testing.assert_allclose(saved.encode(texts), PrunedEncoder(str(tiny_folder), "off").encode(texts), atol=1e-6)


def refused(folder: Path) -> str:
    with pytest.raises(EncoderError) as error:
        shared_model(str(folder)).tokenizer(None)
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
    assert shared_model(str(tiny_copy)).weights.config.width == 32


def built(folder: Path, tmp_path: Path, pooling: str, dense: int, normalize: bool, **options) -> tuple:
    """A model of these modules, as sentence-transformers itself makes and writes it, and its folder."""
    torch.manual_seed(1)
    transformer, *_ = SentenceTransformer(str(folder), device="cpu")
    layers = [Dense(32, 48), Dense(48, 20, bias=False, activation_function=torch.nn.Identity())][:dense]
    modules = [transformer, Pooling(32, pooling_mode=pooling), *layers, *([Normalize()] if normalize else [])]
    model = SentenceTransformer(modules=modules, device="cpu", **options)
    model.save_pretrained(str(tmp_path / "built"))
    return model, str(tmp_path / "built")


TEXTS = ["", "Reset my PASSWORD", "a card that I ordered, why?", "z " * 60, "İstanbul STRASSE ẞ", "naïve CAFÉ"]


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("dense", [1, 2])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_dense_layers_are_those_of_sentence_transformers(tiny_folder, tmp_path, engine, pooling, dense, normalize):
    model, folder = built(tiny_folder, tmp_path, pooling, dense, normalize)
    encoder = PrunedEncoder(folder, "off", engine=engine, num_threads=1)
    theirs = model.encode(TEXTS)
    assert encoder.dimension == theirs.shape[1] == (48, 20)[dense - 1]
    np.testing.assert_allclose(encoder.encode(TEXTS), theirs, atol=1e-5, rtol=0)
    joined = PrunedEncoder(folder, readout="final+0+cut", engine=engine, num_threads=1)
    assert joined.encode(TEXTS).shape == (len(TEXTS), joined.dimension) == (len(TEXTS), encoder.dimension + 2 * 32)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_every_architecture_with_every_head_is_that_of_sentence_transformers(
    architecture_folder, tmp_path, engine, pooling
):
    model, folder = built(architecture_folder, tmp_path, pooling, 1, True)
    ours = PrunedEncoder(folder, "off", engine=engine, num_threads=1).encode(TEXTS)
    np.testing.assert_allclose(ours, model.encode(TEXTS), atol=1e-5, rtol=0)


PROMPTS = {"query": "Query: ", "passage": "passage: ", "none": ""}


@pytest.mark.parametrize("default", [None, "query", "none"])
def test_prompts_are_those_of_sentence_transformers(tiny_folder, tmp_path, engine, default):
    model, folder = built(tiny_folder, tmp_path, "mean", 0, True, prompts=PROMPTS, default_prompt_name=default)

    def check(ours: str | None, **theirs) -> None:
        embeddings = PrunedEncoder(folder, "off", engine=engine, prompt=ours).encode(TEXTS)
        np.testing.assert_allclose(embeddings, model.encode(TEXTS, **theirs), atol=1e-5, rtol=0)

    check(None)
    check("query", prompt_name="query")
    check("passage", prompt_name="passage")
    check("none", prompt="")
    check("", prompt="")
    check("tell me: ", prompt="tell me: ")


def test_a_prompt_is_the_same_as_text_in_front_and_a_name_the_same_as_its_text(tiny_folder, tmp_path, engine):
    _, folder = built(tiny_folder, tmp_path, "mean", 0, True, prompts=PROMPTS)
    by_name, by_text = (PrunedEncoder(folder, engine=engine, prompt=prompt) for prompt in ("query", "Query: "))
    in_front = PrunedEncoder(folder, engine=engine, num_threads=1).encode([f"Query: {text}" for text in TEXTS])
    assert np.array_equal(by_name.encode(TEXTS), by_text.encode(TEXTS))
    np.testing.assert_allclose(by_name.encode(TEXTS), in_front, atol=1e-6)


def test_a_prompt_that_is_not_pooled_is_refused_with_the_way_out(tiny_folder, tmp_path, engine):
    model, folder = built(tiny_folder, tmp_path, "mean", 0, True, prompts=PROMPTS, default_prompt_name="query")
    model.set_pooling_include_prompt(False)
    model.save_pretrained(folder)
    with pytest.raises(EncoderError, match="set prompt to ''"):
        PrunedEncoder(folder, engine=engine, num_threads=1)
    assert np.isfinite(PrunedEncoder(folder, engine=engine, prompt="").encode(TEXTS)).all()


@pytest.mark.parametrize("lower_case", [True, False])
def test_lower_case_is_that_of_sentence_transformers(tiny_copy, edit_json, engine, lower_case):
    tokenizer = json.loads((tiny_copy / "tokenizer.json").read_text(encoding="utf-8"))
    tokenizer["normalizer"]["lowercase"] = False
    (tiny_copy / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    edit_json(tiny_copy / "sentence_bert_config.json", do_lower_case=lower_case)
    theirs = SentenceTransformer(str(tiny_copy), device="cpu").encode(TEXTS)
    encoder = PrunedEncoder(str(tiny_copy), "off", engine=engine, num_threads=1)
    np.testing.assert_allclose(encoder.encode(TEXTS), theirs, atol=1e-5, rtol=0)
    assert np.array_equal(encoder.encode("RESET"), encoder.encode("reset")) == lower_case


def test_damaged_weights_of_a_dense_layer_are_refused(tiny_folder, tmp_path):
    _, folder = built(tiny_folder, tmp_path, "mean", 1, True)
    file = Path(folder) / "2_Dense" / "model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-4])
    assert str(file) in refused(Path(folder))
    assert "Restore" in refused(Path(folder))
    save_file({"linear.weight": torch.zeros(48, 31), "linear.bias": torch.zeros(48)}, file)
    assert "linear.weight" in refused(Path(folder))
    save_file({"linear.weight": torch.zeros(48, 32)}, file)
    assert "linear.bias" in refused(Path(folder))
