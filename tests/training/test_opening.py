"""Opening a published model runs none of its own code, and carries along nothing that could write elsewhere."""

import json

import pytest

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.training.opening import opened


def change(file, **values):
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | values))


def test_a_folder_that_brings_its_own_module_is_refused_and_not_run(tiny_copy):
    modules = json.loads((tiny_copy / "modules.json").read_text(encoding="utf-8"))
    modules[0]["type"] = "modeling_own.Transformer"
    (tiny_copy / "modules.json").write_text(json.dumps(modules))
    (tiny_copy / "modeling_own.py").write_text(f"open({str(tiny_copy / 'ran')!r}, 'w').close()\n")
    with pytest.raises(EncoderError, match=r"modeling_own\.Transformer, which are not"):
        opened(str(tiny_copy))
    assert not (tiny_copy / "ran").exists()


def test_an_architecture_that_the_encoder_does_not_know_is_refused(tiny_copy):
    change(tiny_copy / "config.json", model_type="lightglue", architectures=["LightGlueForKeypointMatching"])
    with pytest.raises(EncoderError, match="lightglue"):
        opened(str(tiny_copy))


def test_chat_templates_are_not_carried_along(tiny_copy, tmp_path):
    change(tiny_copy / "tokenizer_config.json", chat_template={"../../outside": "text", "default": "text"})
    opened(str(tiny_copy)).save_pretrained(str(tmp_path / "one" / "saved"))
    assert not [file for file in tmp_path.rglob("*") if "outside" in file.name or "chat_template" in file.name]
