"""Whatever stands in a config: the component works with it, or says which option is wrong before it does any work."""

import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from rasa_token_pruning import (
    FewShotEntityExtractor,
    FewShotIntentClassifier,
    FewShotResponseSelector,
    TokenPruningFeaturizer,
)
from tests.components.conftest import Workbench

EXAMPLES = {
    "reset_password": ["i forgot my password", "please reset my password"],
    "greet": ["hello", "good morning"],
    "faq/parking": ["where can i park", "is there a garage"],
    "faq/opening": ["when are you open", "until when are you there"],
}
COMPONENTS = (TokenPruningFeaturizer, FewShotIntentClassifier, FewShotEntityExtractor, FewShotResponseSelector)
OPTIONS = [(component, option) for component in COMPONENTS for option in component.get_default_config()]
NAMES = [f"{component.__name__}-{option}" for component, option in OPTIONS]

# Names of an option that a message may use for another: what they say together is wrong.
TOGETHER = {"readout": {"layers"}, "layers": {"readout"}, "device": {"engine"}, "engine": {"device", "refine"}}

ODD = [
    *(None, True, False, 0, -0.0, 1, 2, 4, 0.5, -1, 10**9, 2**31, 2**63, 10**400, -(10**400), 5e-324, 1e-300, 1e308),
    *(float("inf"), float("-inf"), float("nan"), "", " ", "a", "off", "auto", "onnx", "torch", "cpu", "cuda", "\ud800"),
    *("\x00", "~", "/", ".", "..", "a/b", "a" * 5000, "greet", "faq", "query: ", "final+" + "9" * 5000, "final+0+0"),
    *([], [None], [0], [0, 1], [1, 0], [10**400], [True], [[0]], ["a"], [{}], {}, {"a": True}, {"a": "b"}, {"": None}),
]
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3), max_leaves=4
)


@pytest.fixture(scope="module", autouse=True)
def no_cache():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RASA_MAX_CACHE_SIZE", "0")
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model with random weights, which is made in no time."""
    from tests.encoder.conftest import write_tiny_model  # here, because it imports torch and transformers

    return str(write_tiny_model(tmp_path_factory.mktemp("tiny") / "model"))


def messages():
    """New ones: training adds features to them."""
    found = [Message.build(text, intent) for intent, texts in EXAMPLES.items() for text in texts]
    found[0].set(ENTITIES, [{"entity": "thing", "start": 11, "end": 19, "value": "password"}])
    return found


@pytest.fixture(scope="module")
def featurized(model, tmp_path_factory):
    """Training data with features, and a message."""
    bench = Workbench(tmp_path_factory.mktemp("features"))
    data = bench.tokenize(TrainingData(messages()))
    featurizer = bench.create(TokenPruningFeaturizer, {"model": model})
    return featurizer.process_training_data(data), bench.message("hello", model=model)


def use(component, config, model, featurized):
    """Train, store, load, and answer a message."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Workbench(Path(folder) / "storage")
        if component is TokenPruningFeaturizer:
            config = {"model": model, **config}
            made = bench.create(component, config)
            made.train(bench.tokenize(TrainingData(messages())))
            bench.load(component, config).process(bench.tokenize([Message({TEXT: "i forgot my password"})]))
            return
        data, message = featurized
        bench.create(component, config).train(data)
        answered = Message({**message.data}, features=list(message.features))
        bench.load(component, config).process([answered])


def works_or_is_refused(component, option, value, model, featurized):
    try:
        use(component, {option: value}, model, featurized)
    except InvalidConfigException as error:
        names = {option, *TOGETHER.get(option, ())}
        assert any(re.search(rf"\b{name}\b", str(error)) for name in names), str(error)


@pytest.mark.parametrize(("component", "option"), OPTIONS, ids=NAMES)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_an_odd_value_works_or_its_option_is_named(component, option, model, featurized):
    for value in ODD:
        if option == "refine" and value is True:  # works, and takes long: tests/components/test_refining.py
            continue
        works_or_is_refused(component, option, value, model, featurized)


@pytest.mark.parametrize(("component", "option"), OPTIONS, ids=NAMES)
@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=40)
@given(value=JSON)
def test_any_value_works_or_its_option_is_named(component, option, model, featurized, value):
    if option != "refine" or value is not True:
        works_or_is_refused(component, option, value, model, featurized)


@pytest.mark.parametrize("component", COMPONENTS)
@given(key=ANY_TEXT, value=JSON)
def test_an_option_that_does_not_exist_is_refused(component, key, value):
    known = {*component.get_default_config(), "name", "epochs", "finetuning_epoch_fraction"}
    config = {**component.get_default_config(), key: value}
    if key not in known:
        with pytest.raises(InvalidConfigException, match="has no option"):
            component.validate_config(config)
