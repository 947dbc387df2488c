"""Tests of encoder/model_files.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.model_files import ModelFacts, read_facts

POSITIONS = 64
NEEDED = ["config.json", "modules.json", "sentence_bert_config.json", "1_Pooling/config.json"]
OPTIONAL = ["tokenizer_config.json", "config_sentence_transformers.json"]


def write(file: Path, content) -> None:
    file.write_text(json.dumps(content), encoding="utf-8")


def refused(folder: Path) -> str:
    with pytest.raises(EncoderError) as error:
        read_facts(folder)
    assert str(folder) in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("normalize", [True, False])
def test_facts_are_what_the_files_say(tmp_path, write_model, normalize):
    folder = write_model(tmp_path / "model", normalize=normalize, max_length=40)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert read_facts(folder) == ModelFacts(config, max_length=40, normalize=normalize, pooling="mean")


def test_the_packaged_model_is_read(packaged_folder):
    facts = read_facts(packaged_folder)
    assert (facts.max_length, facts.normalize, facts.config["model_type"]) == (256, True, "bert")


@pytest.mark.parametrize("limit", [2, 10, POSITIONS])
def test_the_limit_is_the_models_own(tiny_copy, edit_json, limit):
    edit_json(tiny_copy / "sentence_bert_config.json", max_seq_length=limit)
    edit_json(tiny_copy / "tokenizer_config.json", model_max_length=20)
    assert read_facts(tiny_copy).max_length == limit


# What transformers writes for "no limit".
NO_LIMIT = 10**30


@pytest.mark.parametrize("limit", [2, 20, POSITIONS, 512, NO_LIMIT, None])
def test_without_it_the_limit_is_the_smaller_of_the_tokenizers_and_the_positions(tiny_copy, edit_json, limit):
    edit_json(tiny_copy / "sentence_bert_config.json", max_seq_length=None)
    edit_json(tiny_copy / "tokenizer_config.json", model_max_length=limit)
    assert read_facts(tiny_copy).max_length == min(limit or NO_LIMIT, POSITIONS)


def test_files_that_a_model_may_lack_may_be_missing(tiny_copy, edit_json):
    edit_json(tiny_copy / "sentence_bert_config.json", max_seq_length=None)
    for name in OPTIONAL:
        (tiny_copy / name).unlink(missing_ok=True)
    assert read_facts(tiny_copy).max_length == POSITIONS


def test_max_seq_length_above_the_positions_is_refused_with_both_numbers_and_the_way_out(tiny_copy, edit_json):
    edit_json(tiny_copy / "sentence_bert_config.json", max_seq_length=POSITIONS + 1)
    message = refused(tiny_copy).removeprefix(str(tiny_copy))
    assert str(POSITIONS + 1) in message
    assert f"{POSITIONS} positions" in message
    assert "lower max_seq_length" in message


@pytest.mark.parametrize("limit", [0, 1, -1, -70, "40", 40.5, True, [40]], ids=repr)
def test_max_seq_length_that_is_no_limit_is_refused_with_the_value(tiny_copy, edit_json, limit):
    edit_json(tiny_copy / "sentence_bert_config.json", max_seq_length=limit)
    assert f"max_seq_length {limit!r}" in refused(tiny_copy)


def test_an_architecture_without_positions_is_refused_by_its_name(tiny_copy, edit_json):
    edit_json(tiny_copy / "config.json", model_type="t5", max_position_embeddings=None)
    assert "'t5'" in refused(tiny_copy)


@pytest.mark.parametrize(
    "pooling", [{"pooling_mode_mean_tokens": True}, {"pooling_mode": "mean"}, {"pooling_mode": ["mean"]}], ids=str
)
def test_mean_pooling_is_read_as_every_version_of_sentence_transformers_writes_it(tiny_copy, pooling):
    write(tiny_copy / "1_Pooling" / "config.json", pooling | {"include_prompt": True})
    assert read_facts(tiny_copy).normalize


@pytest.mark.parametrize(
    ("pooling", "named"),
    [
        ({"pooling_mode_mean_tokens": False, "pooling_mode_lasttoken": True}, "pooling_mode_lasttoken"),
        ({"pooling_mode_mean_sqrt_len_tokens": True}, "pooling_mode_mean_sqrt_len_tokens"),
        ({"pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True}, "pooling_mode_max_tokens"),
        ({"pooling_mode_mean_tokens": False}, "nothing"),
        ({"pooling_mode": "weightedmean"}, "weightedmean"),
        ({"pooling_mode": ["mean", "max"]}, "max"),
        ({"pooling_mode": []}, "nothing"),
        ({"pooling_mode": None}, "config.json"),
        ({"pooling_mode": 3}, "config.json"),
    ],
    ids=str,
)
def test_unsupported_pooling_is_named_beside_what_is_supported(tiny_copy, pooling, named):
    write(tiny_copy / "1_Pooling" / "config.json", pooling)
    message = refused(tiny_copy).removeprefix(str(tiny_copy))
    assert named in message
    assert "mean" in message.rpartition("supported")[2]


@pytest.mark.parametrize(
    "kinds",
    [
        ["Transformer"],
        ["Transformer", "Normalize"],
        ["Pooling", "Transformer"],
        ["Transformer", "Pooling", "Dense"],
        ["Transformer", "Pooling", "Dense", "Normalize"],
        ["Transformer", "Pooling", "Normalize", "Normalize"],
        ["CLIPModel"],
        [],
    ],
    ids=str,
)
def test_unsupported_modules_are_named_beside_what_is_supported(tiny_copy, kinds):
    modules = [{"path": "1_Pooling", "type": f"sentence_transformers.models.{kind}"} for kind in kinds]
    write(tiny_copy / "modules.json", modules)
    found, _, supported = refused(tiny_copy).rpartition("supported")
    assert ", ".join(kinds) in found
    assert all(kind in supported for kind in ("Transformer", "Pooling", "Normalize"))


@pytest.mark.parametrize("package", ["sentence_transformers.models", "sentence_transformers.base.modules.any", ""])
def test_modules_are_known_wherever_sentence_transformers_keeps_them(tiny_copy, package):
    modules = json.loads((tiny_copy / "modules.json").read_text(encoding="utf-8"))
    moved = [module | {"type": f"{package}.{module['type'].rpartition('.')[2]}"} for module in modules]
    write(tiny_copy / "modules.json", moved)
    assert read_facts(tiny_copy).normalize


@pytest.mark.parametrize("path", [{}, {"path": None}, {"path": 1}, {"path": ["1_Pooling"]}], ids=str)
def test_pooling_without_a_path_is_refused(tiny_copy, path):
    write(tiny_copy / "modules.json", [{"type": "Transformer", "path": ""}, {"type": "Pooling", **path}])
    assert "modules.json" in refused(tiny_copy)


@pytest.mark.parametrize(
    ("file", "key", "value"),
    [
        ("sentence_bert_config.json", "do_lower_case", True),
        ("config_sentence_transformers.json", "default_prompt_name", "query"),
    ],
)
def test_what_would_change_the_embeddings_is_refused_by_its_name_and_value(tiny_copy, edit_json, file, key, value):
    if not (tiny_copy / file).exists():
        write(tiny_copy / file, {})
    edit_json(tiny_copy / file, **{key: value})
    assert key in refused(tiny_copy)
    assert repr(value) in refused(tiny_copy)


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_file_is_named(tiny_copy, name):
    (tiny_copy / name).unlink()
    assert str(tiny_copy / name) in refused(tiny_copy)


@pytest.mark.parametrize("name", [*NEEDED, *OPTIONAL])
@pytest.mark.parametrize("content", [b"", b'{"model_type": "be', b"\xff\xfe", b"not json"], ids=repr)
def test_a_broken_file_is_named(tiny_copy, edit_json, name, content):
    edit_json(tiny_copy / "sentence_bert_config.json", max_seq_length=None)
    (tiny_copy / name).write_bytes(content)
    assert str(tiny_copy / name) in refused(tiny_copy)


@pytest.mark.parametrize("name", [*NEEDED, *OPTIONAL])
@pytest.mark.parametrize("content", [None, "text", 3, [1, 2], [[], []]], ids=repr)
def test_a_file_of_another_form_is_named(tiny_copy, edit_json, name, content):
    edit_json(tiny_copy / "sentence_bert_config.json", max_seq_length=None)
    write(tiny_copy / name, content)
    assert str(tiny_copy / name) in refused(tiny_copy)
