"""What makes tokens important, learnt: beside doing it by hand, and on the encoder in use."""

import json

import numpy as np
import pytest
import torch
from torch.nn import functional

from rasa_token_pruning import PrunedEncoder, PruningPolicy
from rasa_token_pruning.cli import main
from rasa_token_pruning.encoder.adapter_files import read_adapter, shipped_adapter
from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.location import DEFAULT_MODEL, WEIGHTS_FILE, sha256
from rasa_token_pruning.encoder.transformer import Transformer
from rasa_token_pruning.encoder.weights import scorer_shapes
from rasa_token_pruning.training.importance import Told, learnt_scorer
from tests.conftest import ROOT

TEXTS = [
    f"{opening} i want to {verb} the {what} that i {did} {when}"
    for opening in ("hello,", "good morning,", "excuse me,")
    for verb in ("cancel", "change", "print", "pay for")
    for what in ("order", "ticket", "invoice")
    for did, when in (("made", "yesterday"), ("got", "last week"))
]


@pytest.fixture
def texts_file(tmp_path):
    file = tmp_path / "texts.txt"
    file.write_text("\n".join(TEXTS), encoding="utf-8")
    return file


def call(*arguments):
    return main(["train-encoder", "score", *map(str, arguments)])


def pieces_of(model, texts=TEXTS):
    return model.tokenizer(None).tokenize(texts, report=False)


def told(model):
    return [Told(text, text) for text in pieces_of(model)]


def as_arrays(scorer):
    """As an encoder's weights have them, in layer 1."""
    return dict(zip(scorer_shapes([1], 384), scorer.parameters(), strict=True))


@pytest.fixture(scope="module")
def learnt():
    """A scorer in layer 1 of the encoder in use, and how well it predicts."""
    model = shared_model(DEFAULT_MODEL)
    return learnt_scorer(model.weights, model.head, told(model), 1, seed=0)


def test_it_predicts_what_a_token_is_worth(learnt):
    scorer, correlation = learnt
    assert {name: tuple(array.shape) for name, array in as_arrays(scorer).items()} == scorer_shapes([1], 384)
    assert correlation > 0.5


def test_it_is_the_same_again_and_another_seed_gives_another(learnt):
    model = shared_model(DEFAULT_MODEL)
    again, other = (learnt_scorer(model.weights, model.head, told(model), 1, seed)[0] for seed in (0, 1))
    arrays = as_arrays(learnt[0])
    assert all(torch.equal(array, arrays[name]) for name, array in as_arrays(again).items())
    transformer = Transformer.from_weights(model.weights)
    with torch.inference_mode():
        ids = torch.from_numpy(np.stack([text.ids for text in pieces_of(model) if len(text.ids) == 14]))
        states = transformer.layers[1].attend(transformer.run_until(1, ids))[:, 1:-1].flatten(0, 1)
    assert 0.5 < np.corrcoef(other.worth(states), learnt[0].worth(states))[0, 1] < 1


def test_a_token_is_worth_what_the_embedding_loses_without_it(learnt):
    """Dropped alone, by hand, on another sentence: what was learnt ranks as the embedding does."""
    model = shared_model(DEFAULT_MODEL)
    transformer = Transformer.from_weights(model.weights)
    (pieces,) = pieces_of(model, ["hi, i would like to return the shoes that i bought"])
    ids = torch.from_numpy(pieces.ids)
    with torch.inference_mode():
        below = transformer.run_until(1, ids[None])
        states = transformer.layers[1].attend(below)
        whole = embedding(transformer, states)
        lost = []
        for place in range(1, len(ids) - 1):
            left = [other for other in range(len(ids)) if other != place]
            lost.append(1 - float(functional.cosine_similarity(embedding(transformer, states[:, left]), whole)))
    found = learnt[0].worth(states[0, 1:-1]).numpy()
    assert np.corrcoef(found, lost)[0, 1] > 0.3


def embedding(transformer, states):
    """Of what leaves the attention of layer 1."""
    hidden = transformer.layers[1].feed_forward(states)
    for layer in list(transformer.layers)[2:]:
        hidden = layer.feed_forward(layer.attend(hidden))
    return hidden.mean(dim=1)


def test_an_adapter_that_knows_prunes_better_than_attention(tmp_path, capsys):
    """On sentences about something else, in a layer where attention says little."""
    file = tmp_path / "scored.safetensors"
    texts = [ROOT / "corpus" / f"{name}.yml" for name in ("fitness", "insurance", "telecom")]
    call(*texts, "--most", 300, "--adapter", "none", "--layers", 1, "--output", file)
    assert "in layer 1" in capsys.readouterr().out
    told = [
        "my card was stolen in the hotel while i was at breakfast",
        "the washing machine makes a strange loud noise",
    ]
    told += ["is there any way to see the grades of my daughter online", "you sent me the wrong size and colour again"]
    whole = PrunedEncoder(pruning="off", engine="torch").encode(told)
    near = {}
    for score, adapter in (("mean_attention", "none"), ("learnt", str(file))):
        pruned = PrunedEncoder(pruning=PruningPolicy((1,), 0.6, 6, score=score), engine="torch", adapter=adapter)
        near[score] = (pruned.encode(told) * whole).sum(axis=1).mean()
    assert near["learnt"] > near["mean_attention"] + 0.01


def test_what_an_adapter_has_stays_and_further_layers_join(texts_file, tmp_path):
    base = shared_model(DEFAULT_MODEL)
    shipped = read_adapter(shipped_adapter(sha256(base.folder / WEIGHTS_FILE)))
    one, two = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    call(texts_file, "--most", 20, "--varied", 0, "--layers", 2, "--output", one)
    call(texts_file, "--most", 20, "--varied", 0, "--layers", 3, "--adapter", one, "--output", two)
    first, both = read_adapter(one), read_adapter(two)
    changes = {name: array for name, array in shipped.adapter.arrays.items() if not name.startswith("scorers.")}
    assert all(np.array_equal(both.adapter.arrays[name], array) for name, array in changes.items())
    for name in scorer_shapes([2], 384):
        assert np.array_equal(both.adapter.arrays[name], first.adapter.arrays[name])
    assert both.base == shipped.base and {"2", "3"} <= set(both.provenance["scores"])
    assert both.provenance["training"] == shipped.provenance["training"]
    assert json.dumps(both.provenance["scores"]["3"]["texts"]) == "20"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--layers", 6], "has 6 layers: give numbers up to 5"),
        (["--most", 8, "--varied", 0], "too little to learn from"),
    ],
)
def test_what_cannot_be_learnt(tmp_path, capsys, arguments, said):
    file = tmp_path / "few.txt"
    file.write_text("hello\nbye\n", encoding="utf-8")
    assert call(file, *arguments, "--output", tmp_path / "out") == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_nothing_is_overwritten(texts_file, capsys):
    assert call(texts_file, "--output", texts_file) == 2
    assert "exists" in capsys.readouterr().err and len(texts_file.read_text().splitlines()) == len(TEXTS)


@pytest.mark.parametrize("stories", ["-1", "many", "inf", "nan"])
def test_a_number_of_stories_that_is_none_is_refused(texts_file, tmp_path, capsys, stories):
    with pytest.raises(SystemExit):
        call(texts_file, "--stories", stories, "--output", tmp_path / "out")
    assert "give a number of at least 0, as in 0.4" in capsys.readouterr().err


def test_without_stories_it_learns_from_messages_as_they_are(texts_file, tmp_path):
    file = tmp_path / "scored.safetensors"
    call(texts_file, "--most", 20, "--stories", 0, "--varied", 0, "--layers", 1, "--output", file)
    assert read_adapter(file).provenance["scores"]["1"]["stories"] == 0
