"""What a training finds in Rasa's cache folder: the texts that an earlier one encoded, and the encoder itself."""

import uuid

import numpy as np
import pytest
from rasa.engine.graph import ExecutionContext, GraphSchema, SchemaNode
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import TEXT

from rasa_token_pruning import TokenPruningFeaturizer
from rasa_token_pruning.components.intent_names import INTENT_NAME
from rasa_token_pruning.encoder.onnx_engine import OnnxEngine
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from tests.alone import alone
from tests.components.conftest import EXAMPLES, training_data

OTHER = {**EXAMPLES, "greet": [*EXAMPLES["greet"], "good evening"]}


@pytest.fixture(autouse=True)
def cache_folder(cache_folder):
    """Rasa's cache folder, as Rasa makes it before it trains."""
    cache_folder.mkdir()
    return cache_folder


@pytest.fixture
def made(monkeypatch):
    """The encoders that were made or loaded, and the texts that were run, counted around the real ones."""
    counted = {"encoders": 0, "texts": 0}
    start, run = PrunedEncoder._start, OnnxEngine.run

    def counting_start(encoder, *arguments):
        counted["encoders"] += 1
        start(encoder, *arguments)

    def counting_run(engine, ids):
        counted["texts"] += len(ids)
        return run(engine, ids)

    monkeypatch.setattr(PrunedEncoder, "_start", counting_start)
    monkeypatch.setattr(OnnxEngine, "run", counting_run)
    with alone():
        yield counted


def train(bench, examples=EXAMPLES, eager=False, **config):
    """Train a featurizer as Rasa's graph does: one node trains and writes, another loads and featurizes."""
    config = {**TokenPruningFeaturizer.get_default_config(), **config}
    nodes = {}
    for name, fn in (("train_featurizer", "train"), ("run_featurizer", "process_training_data")):
        nodes[name] = SchemaNode({}, TokenPruningFeaturizer, "create", fn, config, eager=eager)
    contexts = [ExecutionContext(GraphSchema(nodes), uuid.uuid4().hex, node_name=name) for name in nodes]
    resource, data = Resource("featurizer"), bench.tokenize(training_data(examples))
    TokenPruningFeaturizer.create(config, bench.storage, resource, contexts[0]).train(data)
    featurizer = TokenPruningFeaturizer.load(config, bench.storage, resource, contexts[1])
    return featurizer.process_training_data(data)


def arrays(data):
    """All features of all messages."""
    return [feature.features for message in data.training_examples for feature in message.features]


def test_unchanged_texts_are_neither_encoded_again_nor_is_an_encoder_loaded(bench, made):
    first = train(bench)
    files = bench.files("featurizer")
    assert made == {"encoders": 2, "texts": 9 + 3}
    again = train(bench)
    assert made == {"encoders": 2, "texts": 9 + 3}
    assert bench.files("featurizer") == files
    assert any(feature.attribute == INTENT_NAME for message in again.training_examples for feature in message.features)
    for one, other in zip(arrays(first), arrays(again), strict=True):
        np.testing.assert_array_equal(one, other)
        assert other.flags.writeable


def test_of_changed_data_only_the_new_texts_are_encoded(bench, made):
    train(bench)
    train(bench, OTHER)
    assert made["texts"] == 9 + 3 + 1


def test_what_comes_from_the_cache_is_what_would_have_been_encoded(bench, cache_folder):
    train(bench)
    mixed = train(bench, OTHER)
    (cache_folder / "rasa_token_pruning.db").unlink()
    for one, other in zip(arrays(mixed), arrays(train(bench, OTHER)), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("config", [{"pruning": "off"}, {"prompt": "say: "}, {"precision": "fp32"}])
def test_other_options_of_the_encoder_find_nothing(bench, made, config):
    train(bench)
    train(bench, **config)
    assert made["texts"] == 2 * (9 + 3)


@pytest.mark.parametrize("config", [{"alias": "sentences"}, {"cache_mib": 1}])
def test_options_that_change_no_feature_find_everything(bench, made, config):
    train(bench)
    train(bench, **config)
    assert made == {"encoders": 2, "texts": 9 + 3}


def test_another_model_under_the_same_path_finds_nothing(bench, made, tiny_model):
    train(bench, model=str(tiny_model))
    before = made["texts"]
    facts = tiny_model / "sentence_bert_config.json"
    facts.write_text('{"max_seq_length": 31, "do_lower_case": false}')
    train(bench, model=str(tiny_model))
    assert made["texts"] == 2 * before


def test_the_archive_holds_a_working_encoder_although_none_was_made(bench, made):
    train(bench)
    train(bench)
    loaded = bench.load(TokenPruningFeaturizer, resource="featurizer")
    assert made["encoders"] == 3
    assert loaded.process(bench.tokenize([training_data({"greet": ["hello"]}).training_examples[0]]))[0].get(TEXT)


def test_what_answers_loads_its_encoder_at_once(bench, made):
    train(bench, eager=True)
    assert made["encoders"] == 2
    train(bench, eager=True)
    assert made["encoders"] == 4


def test_refining_uses_no_cache(bench, cache_folder, quicker):
    train(bench, refine=True)
    assert not list(cache_folder.iterdir())


def test_rasa_without_a_cache_has_none_of_ours(bench, made, cache_folder, monkeypatch):
    monkeypatch.setenv("RASA_MAX_CACHE_SIZE", "0")
    train(bench)
    train(bench)
    assert made["texts"] == 2 * (9 + 3)


def test_it_takes_a_quarter_of_what_rasa_allows(bench, cache_folder, monkeypatch):
    monkeypatch.setenv("RASA_MAX_CACHE_SIZE", "1")
    train(bench)
    assert (cache_folder / "rasa_token_pruning.db").stat().st_size < 0.5e6
    files = bench.files("featurizer")  # larger than that: made again
    train(bench)
    assert bench.files("featurizer") == files


def test_no_text_can_be_read_in_it(bench, cache_folder):
    train(bench, {"greet": ["hello", "xylophone"], "bye": ["so long", "bye"]})
    assert b"xylophone" not in (cache_folder / "rasa_token_pruning.db").read_bytes()


@pytest.mark.parametrize("bundle_encoder", [True, False])
def test_options_that_are_wrong_are_refused_as_ever(bench, bundle_encoder):
    train(bench, bundle_encoder=bundle_encoder)
    with pytest.raises(ValueError, match="quantile"):
        train(bench, bundle_encoder=bundle_encoder, quantile=2)
