"""Tests of encoder/model_files.py."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import Dense

from rasa_token_pruning.encoder.dense import DenseFacts
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.location import WEIGHTS_FILE
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
        ["Transformer", "Dense", "Pooling"],
        ["Transformer", "Pooling", "Normalize", "Dense"],
        ["Transformer", "Pooling", "Normalize", "Normalize"],
        ["Transformer", "Pooling", "LayerNorm"],
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
    assert all(kind in supported for kind in ("Transformer", "Pooling", "Dense", "Normalize"))


@pytest.mark.parametrize("package", ["sentence_transformers.models", "sentence_transformers.base.modules.any"])
def test_modules_are_known_wherever_sentence_transformers_keeps_them(tiny_copy, package):
    modules = json.loads((tiny_copy / "modules.json").read_text(encoding="utf-8"))
    moved = [module | {"type": f"{package}.{module['type'].rpartition('.')[2]}"} for module in modules]
    write(tiny_copy / "modules.json", moved)
    assert read_facts(tiny_copy).normalize


@pytest.mark.parametrize(
    "path",
    [{}, {"path": None}, {"path": 1}, {"path": ["1_Pooling"]}, {"path": "/1_Pooling"}, {"path": "../model/1_Pooling"}],
    ids=str,
)
def test_pooling_without_a_path_in_the_folder_is_refused(tiny_copy, path):
    write(tiny_copy / "modules.json", [{"type": "Transformer", "path": ""}, {"type": "Pooling", **path}])
    assert "modules.json" in refused(tiny_copy)


def test_a_transformer_in_a_folder_of_its_own_is_refused_with_the_way_out(tiny_copy):
    modules = json.loads((tiny_copy / "modules.json").read_text(encoding="utf-8"))
    write(tiny_copy / "modules.json", [modules[0] | {"path": "0_Transformer"}, *modules[1:]])
    message = refused(tiny_copy)
    assert "'0_Transformer'" in message
    assert "save_pretrained" in message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("transformer_task", "fill-mask"),
        ("module_output_name", "sentence_embedding"),
        ("modality_config", {"text": {"method": "forward", "method_output_name": "pooler_output"}}),
        ("processing_kwargs", {"text": {"truncation": False}}),
        ("tokenizer_args", {"do_lower_case": True}),
    ],
)
def test_what_would_change_the_embeddings_is_refused_by_its_name_and_value(tiny_copy, edit_json, key, value):
    edit_json(tiny_copy / "sentence_bert_config.json", **{key: value})
    assert key in refused(tiny_copy)
    assert repr(value) in refused(tiny_copy)


@pytest.mark.parametrize("kind", ["roberta", "distilbert", "xlm-roberta"])
def test_settings_are_read_from_the_file_of_old_versions(tiny_copy, edit_json, kind):
    edit_json(tiny_copy / "sentence_bert_config.json", max_seq_length=17)
    (tiny_copy / "sentence_bert_config.json").rename(tiny_copy / f"sentence_{kind}_config.json")
    assert read_facts(tiny_copy).max_length == 17


@pytest.mark.parametrize("lower_case", [True, False])
def test_lower_case_is_read(tiny_copy, edit_json, lower_case):
    edit_json(tiny_copy / "sentence_bert_config.json", do_lower_case=lower_case)
    assert read_facts(tiny_copy).lower_case is lower_case


def test_what_is_not_said_is_as_sentence_transformers_has_it(tiny_copy):
    write(tiny_copy / "sentence_bert_config.json", {})
    facts = read_facts(tiny_copy)
    assert (facts.lower_case, facts.prompts, facts.default_prompt) == (False, {}, None)
    assert (facts.include_prompt, facts.dense) == (True, ())


@pytest.mark.parametrize("value", [0, 1, "yes", [], {}], ids=repr)
@pytest.mark.parametrize(
    ("file", "key"), [("sentence_bert_config.json", "do_lower_case"), ("1_Pooling/config.json", "include_prompt")]
)
def test_what_is_neither_true_nor_false_is_refused_with_the_value(tiny_copy, edit_json, file, key, value):
    edit_json(tiny_copy / file, **{key: value})
    assert str(tiny_copy / file) in refused(tiny_copy)
    assert f"{key} {value!r}" in refused(tiny_copy)


@pytest.mark.parametrize("include", [True, False])
def test_include_prompt_is_read(tiny_copy, edit_json, include):
    edit_json(tiny_copy / "1_Pooling/config.json", include_prompt=include)
    assert read_facts(tiny_copy).include_prompt is include


PROMPTS = {"query": "query: ", "document": ""}


@pytest.mark.parametrize(("name", "default"), [("query", "query: "), ("document", None), (None, None)])
def test_the_default_prompt_is_the_text_of_its_name(tiny_copy, name, default):
    write(tiny_copy / OPTIONAL[1], {"prompts": PROMPTS, "default_prompt_name": name})
    facts = read_facts(tiny_copy)
    assert (facts.prompts, facts.default_prompt) == (PROMPTS, default)


@pytest.mark.parametrize("name", ["passage", "", "query: ", 3, ["query"], {"query": 1}, False], ids=repr)
def test_a_default_prompt_that_is_no_prompt_is_refused_with_those_that_are(tiny_copy, name):
    write(tiny_copy / OPTIONAL[1], {"prompts": PROMPTS, "default_prompt_name": name})
    message = refused(tiny_copy)
    assert f"default_prompt_name {name!r}" in message
    assert "query, document" in message


@pytest.mark.parametrize("prompts", ["query: ", ["query: "], 3, True], ids=repr)
def test_prompts_that_are_no_object_are_refused(tiny_copy, prompts):
    write(tiny_copy / OPTIONAL[1], {"prompts": prompts})
    assert f"prompts {prompts!r}" in refused(tiny_copy)


@pytest.mark.parametrize("text", [None, 3, ["query: "], {"text": "query: "}], ids=repr)
def test_a_prompt_that_is_no_text_is_refused_with_its_name(tiny_copy, text):
    write(tiny_copy / OPTIONAL[1], {"prompts": {"query": "", "passage": text}})
    assert f"passage {text!r}" in refused(tiny_copy)


@pytest.fixture(scope="module")
def written_folder(tiny_folder, tmp_path_factory):
    """A model with all of it, as the installed sentence-transformers writes it; no test may change it."""
    transformer, pooling, normalize = SentenceTransformer(str(tiny_folder))
    layers = [Dense(32, 16), Dense(16, 8, bias=False, activation_function=None)]
    model = SentenceTransformer(
        modules=[transformer, pooling, *layers, normalize], prompts={"task": "task: "}, default_prompt_name="task"
    )
    model.set_pooling_include_prompt(False)
    folder = tmp_path_factory.mktemp("written") / "model"
    model.save_pretrained(str(folder))
    return folder


@pytest.fixture
def dense_copy(written_folder, tmp_path):
    return Path(shutil.copytree(written_folder, tmp_path / "dense"))


def test_what_sentence_transformers_writes_is_read(written_folder):
    facts = read_facts(written_folder)
    assert (facts.max_length, facts.normalize, facts.pooling) == (40, True, "mean")
    assert facts.prompts == {"query": "", "document": "", "task": "task: "}
    assert facts.default_prompt == "task: "
    assert not facts.include_prompt
    assert facts.dense == (
        DenseFacts(written_folder / "2_Dense" / WEIGHTS_FILE, 32, 16, True, "tanh"),
        DenseFacts(written_folder / "3_Dense" / WEIGHTS_FILE, 16, 8, False, "identity"),
    )


def test_the_weights_of_dense_modules_have_the_shapes_that_the_facts_say(written_folder):
    for layer in read_facts(written_folder).dense:
        weights = load_file(layer.file)
        assert weights["linear.weight"].shape == (layer.out_features, layer.in_features)
        assert ("linear.bias" in weights) == layer.bias


def test_dense_without_normalize_is_read(dense_copy):
    modules = json.loads((dense_copy / "modules.json").read_text(encoding="utf-8"))
    write(dense_copy / "modules.json", modules[:-1])
    facts = read_facts(dense_copy)
    assert not facts.normalize
    assert len(facts.dense) == 2


@pytest.mark.parametrize(
    ("said", "activation"),
    [
        ("torch.nn.modules.activation.Tanh", "tanh"),
        ("torch.nn.Tanh", "tanh"),
        ("torch.nn.modules.linear.Identity", "identity"),
    ],
)
def test_activations_are_read(dense_copy, edit_json, said, activation):
    edit_json(dense_copy / "2_Dense/config.json", activation_function=said)
    assert read_facts(dense_copy).dense[0].activation == activation


def test_what_old_versions_did_not_write_is_their_default(dense_copy):
    write(dense_copy / "2_Dense/config.json", {"in_features": 32, "out_features": 16})
    layer = read_facts(dense_copy).dense[0]
    assert (layer.bias, layer.activation) == (True, "tanh")


@pytest.mark.parametrize("said", ["torch.nn.modules.activation.ReLU", "my.Tanh", "Tanh", "", "torch.tanh"])
def test_other_activations_are_refused_with_what_is_supported(dense_copy, edit_json, said):
    edit_json(dense_copy / "3_Dense/config.json", activation_function=said)
    message = refused(dense_copy)
    assert repr(said) in message
    assert "Identity and Tanh" in message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *((key, value) for key in ("in_features", "out_features") for value in (0, -1, 1.5, "32", True)),
        *(("bias", value) for value in (1, "true", [])),
        ("activation_function", 3),
        ("module_input_name", "token_embeddings"),
        ("module_output_name", "token_embeddings"),
        ("in_features", 31),
    ],
    ids=str,
)
def test_other_values_of_dense_are_refused_by_their_key(dense_copy, edit_json, key, value):
    edit_json(dense_copy / "2_Dense/config.json", **{key: value})
    message = refused(dense_copy)
    assert f"{key} {value!r}" in message


def test_dense_modules_that_do_not_fit_are_refused_with_both_sizes(dense_copy, edit_json):
    edit_json(dense_copy / "2_Dense/config.json", out_features=17)
    message = refused(dense_copy)
    assert str(dense_copy / "3_Dense/config.json") in message
    assert "in_features 16" in message
    assert "17" in message


def test_what_dense_does_not_know_is_refused_by_its_name(dense_copy, edit_json):
    edit_json(dense_copy / "2_Dense/config.json", use_residual=True)
    assert "use_residual" in refused(dense_copy)


@pytest.mark.parametrize("key", ["in_features", "out_features"])
def test_dense_without_a_size_is_refused(dense_copy, edit_json, key):
    edit_json(dense_copy / "2_Dense/config.json", **{key: None})
    assert f"{key} None" in refused(dense_copy)


def test_pickled_weights_of_dense_are_refused_with_the_command_that_converts_the_model(dense_copy):
    (dense_copy / "3_Dense" / WEIGHTS_FILE).rename(dense_copy / "3_Dense" / "pytorch_model.bin")
    message = refused(dense_copy)
    assert str(dense_copy / "3_Dense") in message
    assert f"SentenceTransformer('{dense_copy}').save_pretrained('{dense_copy}-safetensors')" in message


@pytest.mark.parametrize("path", ["x" * 300, "a\0b", "\ud800"], ids=["too long", "NUL", "no Unicode"])
def test_dense_at_what_can_be_no_path_is_refused(dense_copy, path):
    modules = json.loads((dense_copy / "modules.json").read_text(encoding="utf-8"))
    modules[2]["path"] = path
    write(dense_copy / "modules.json", modules)
    assert "no path" in refused(dense_copy) or "has no model.safetensors" in refused(dense_copy)


def test_dense_without_weights_is_refused(dense_copy):
    (dense_copy / "2_Dense" / WEIGHTS_FILE).unlink()
    assert str(dense_copy / "2_Dense") in refused(dense_copy)


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_file_is_named(tiny_copy, name):
    (tiny_copy / name).unlink()
    assert str(tiny_copy / name) in refused(tiny_copy)


@pytest.mark.parametrize("name", [*NEEDED, *OPTIONAL])
@pytest.mark.parametrize("content", [b"", b'{"model_type": "be', b"\xff\xfe", b"not json", b"[" * 10**5], ids=range(5))
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
