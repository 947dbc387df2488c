"""Every architecture passes the same tests: tiny random models beside sentence-transformers and transformers."""

from __future__ import annotations

import json
from pathlib import Path
from string import ascii_lowercase

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
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

from rasa_token_pruning.encoder.architectures import SUPPORTED, usable_positions
from rasa_token_pruning.encoder.checkpoints import build_transformer
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.encoder.relative_positions import distance_buckets

SIZES = {
    "vocab_size": 60,
    "hidden_size": 32,
    "num_hidden_layers": 3,
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
            n_layers=3,
            n_heads=4,
            hidden_dim=48,
            max_position_embeddings=200,
            initializer_range=0.3,
        )
    ),
}
# Beyond 128 pieces MPNet's distances share their last bucket; beyond 200 texts are cut.
TEXTS = ["", "hello", "a card that i ordered", "reset my password please", "z " * 40, "y x " * 75, "w v u " * 100]
POLICY = PruningPolicy((1,), 0.5, 4)


def write_tokenizer(folder: Path) -> None:
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


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    torch.manual_seed(0)
    FAMILIES[request.param]().save_pretrained(folder)
    write_tokenizer(folder)
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


def config_of(folder: Path) -> dict:
    return json.loads((folder / "config.json").read_text())


def test_every_supported_architecture_is_tested():
    assert set(FAMILIES) == set(SUPPORTED)


def test_embeddings_are_those_of_sentence_transformers(folder):
    theirs = SentenceTransformer(str(folder), device="cpu").encode(TEXTS)
    np.testing.assert_allclose(PrunedEncoder(str(folder), "off").encode(TEXTS), theirs, atol=1e-5, rtol=0)


def test_alone_equals_in_a_batch_and_tokens_really_go(folder):
    encoder = PrunedEncoder(str(folder), POLICY)
    together = encoder.encode_tokens(TEXTS)
    for text, one in zip(TEXTS, together, strict=True):
        alone = encoder.encode_tokens([text])[0]
        assert (alone.kept == one.kept).all()
        np.testing.assert_allclose(alone.embedding, one.embedding, atol=1e-5)
        assert one.kept.sum() == POLICY.tokens_kept(len(one.kept))
        assert one.kept[0] and one.kept[-1]


def test_a_pruned_layer_computes_what_an_unpruned_one_would_for_the_tokens_that_stay(folder):
    """Tokens dropped in the first layer are as if they had never been there for the layers above it.

    Above the cut, each layer is compared with transformers' attention written out, distances of the original
    positions included.
    """
    transformer = build_transformer(config_of(folder), load_file(folder / "model.safetensors"))
    ids = torch.randint(4, 56, (3, 20))
    run = transformer.run(ids, PruningPolicy((0,), 0.5, 4))
    seen = torch.full((3, 20, 20), float("-inf"))
    for row, kept in enumerate(run.kept):
        seen[row][:, kept] = 0.0
    hidden = transformer.embeddings(ids)
    for number, layer in enumerate(transformer.layers):
        bias = transformer._bias(20)
        mask = seen[:, None] if number else torch.zeros(1, 1, 20, 20)
        hidden = layer.feed_forward(layer.attend(hidden, mask if bias is None else mask + bias))
    expected = torch.stack([states[kept] for states, kept in zip(hidden, run.kept, strict=True)])
    torch.testing.assert_close(run.final, expected, atol=1e-4, rtol=1e-4)


def test_the_limit_is_the_number_of_positions_that_can_be_used(folder):
    assert usable_positions(config_of(folder)) == 200
    assert build_transformer(config_of(folder), load_file(folder / "model.safetensors")).config.max_positions == 200


def test_another_activation_is_refused_by_its_name(folder):
    key = "activation" if config_of(folder)["model_type"] == "distilbert" else "hidden_act"
    with pytest.raises(EncoderError, match=f"{key} 'relu'"):
        build_transformer({**config_of(folder), key: "relu"}, load_file(folder / "model.safetensors"))


@pytest.mark.parametrize("model_type", ["roberta", "xlm-roberta", "mpnet"])
def test_positions_that_are_counted_from_another_padding_are_refused(model_type):
    with pytest.raises(EncoderError, match="pad_token_id 0"):
        usable_positions(FAMILIES[model_type]().config.to_dict() | {"pad_token_id": 0})


def test_distances_beyond_the_last_bucket_share_it():
    buckets = distance_buckets(300, 32)
    assert buckets.min() == 0 and buckets.max() == 31
    assert (buckets[0, 128:] == 31).all() and (buckets[128:, 0] == 15).all()
    assert buckets.diagonal().eq(0).all()


def test_another_number_of_distances_is_refused_by_its_tensor():
    model = MPNetModel(MPNetConfig(**SIZES, max_position_embeddings=202, relative_attention_num_buckets=64))
    with pytest.raises(EncoderError, match="relative_attention_bias"):
        build_transformer(model.config.to_dict(), model.state_dict())
