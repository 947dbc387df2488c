"""What answers in an archive is found, also where it is not alone; what cannot be explained is said."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from safetensors.numpy import save

from rasa_token_pruning.encoder.from_options import encoder_from_options
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.evaluation.archive import ArchiveError
from rasa_token_pruning.evaluation.assistant import CLASSIFIER_DEFAULTS, FEATURIZER_DEFAULTS, load
from tests.evaluation.conftest import CLASSIFIER, EXAMPLES, FEATURIZER, node

OURS = ("TokenPruningFeaturizer", "FewShotIntentClassifier")
REMEMBERED = (f"{CLASSIFIER}examples.json", f"{CLASSIFIER}examples.safetensors")


def options(nodes, component, **changes):
    node(nodes, component)["config"].update(changes)


def second(nodes, component, name, **changes):
    """Another node of a component, at the end of the pipeline, with the same files."""
    nodes[name] = json.loads(json.dumps(node(nodes, component)))
    nodes[name]["config"] = changes


def without_encoder(contents, description=None, **changes):
    """The files that an archive has with bundle_encoder: false."""
    record = {**json.loads(contents[f"{FEATURIZER}encoder.json"]), "bundle": None, **changes}
    record["description"].update(description or {})
    bundled = [name for name in contents if name.startswith(f"{FEATURIZER}encoder/")]
    return {**dict.fromkeys(bundled), f"{FEATURIZER}encoder.json": json.dumps(record).encode()}


def test_the_assistant_in_an_archive(archive):
    assistant = load(archive)
    assert assistant.classifier.intents == tuple(sorted(EXAMPLES))
    assert assistant.encoder.dimension == assistant.classifier.dimension == assistant.neighbours.rows.shape[1]
    assert sorted(assistant.neighbours.texts) == sorted(text for texts in EXAMPLES.values() for text in texts)
    assert assistant.doubting and assistant.coverage == 0.9


def test_defaults_are_the_components_own():
    from rasa_token_pruning import FewShotIntentClassifier, TokenPruningFeaturizer

    for component, ours in (
        (TokenPruningFeaturizer, FEATURIZER_DEFAULTS),
        (FewShotIntentClassifier, CLASSIFIER_DEFAULTS),
    ):
        assert {key: component.get_default_config()[key] for key in ours} == ours
    without_effect = {"alias", "bundle_encoder", "cache_mib", "refine"}  # on an encoder that is made again
    assert set(TokenPruningFeaturizer.get_default_config()) - without_effect == set(FEATURIZER_DEFAULTS)


def test_options_that_decide_what_is_shown(packed):
    assistant = load(packed(change=lambda nodes: options(nodes, OURS[1], doubt_unfamiliar=False, coverage=0.75)))
    assert not assistant.doubting and assistant.coverage == 0.75


def test_an_assistant_that_remembers_no_examples(packed):
    assert load(packed(dict.fromkeys(REMEMBERED))).neighbours is None


def test_the_last_classifier_answers_and_reads_what_it_names(packed, contents):
    def change(nodes):
        options(nodes, OURS[0], alias="first")
        options(nodes, OURS[1], featurizers=["first"], coverage=0.5)
        second(nodes, OURS[0], "run_later", alias="later", model="no such model")
        second(nodes, OURS[1], "run_last", featurizers=["first"], coverage=0.6)

    assert load(packed(change=change)).coverage == 0.6


def test_a_featurizer_without_alias_goes_by_its_node(packed):
    name = "run_rasa_token_pruning.TokenPruningFeaturizer1"

    def change(nodes):
        second(nodes, OURS[0], "run_later", alias="later")
        second(nodes, OURS[1], "run_last", featurizers=[name])

    assert load(packed(change=change)).encoder.precision == "int8"


def drop(component):
    return lambda nodes: nodes.pop(next(name for name, found in nodes.items() if found["uses"].endswith(component)))


def late_featurizer(nodes):
    second(nodes, OURS[0], "run_later")
    drop(OURS[0])(nodes)


def two_featurizers(nodes):
    second(nodes, OURS[0], "run_later", alias="later")
    second(nodes, OURS[1], "run_last")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (drop(OURS[1]), r"no FewShotIntentClassifier \(its components: .*WhitespaceTokenizer, TokenPruningFeaturizer"),
        (lambda nodes: nodes.clear(), r"its components: none"),
        (drop(OURS[0]), r"reads all featurizers before it, and 0 of them .*: none\)"),
        (late_featurizer, r"and 0 of them"),
        (two_featurizers, r"and 2 of them .*: 'run_rasa_token_pruning.TokenPruningFeaturizer1', 'later'\)"),
        (lambda nodes: options(nodes, OURS[1], featurizers=["bert"]), r"reads the featurizers 'bert', and 0 of them"),
    ],
    ids=["no classifier", "nothing", "no featurizer", "it stands behind", "two", "another"],
)
def test_what_cannot_be_explained(packed, change, said):
    with pytest.raises(ArchiveError, match=said):
        load(packed(change=change))


@pytest.mark.parametrize(
    "forged",
    [{"coverage": value} for value in ("0.9", 0.0, 1.0, True, [0.9], float("nan"), -1)]
    + [{"featurizers": value} for value in (5, "a", None, [1], {"a": 1})],
    ids=str,
)
def test_options_that_the_component_would_have_refused(packed, forged):
    with pytest.raises(ArchiveError, match="a number between 0 and 1 and a list of aliases: train again"):
        load(packed(change=lambda nodes: options(nodes, OURS[1], **forged)))


def test_a_classifier_that_reads_other_features_too(packed, contents):
    from safetensors.numpy import load as tensors

    name = f"{CLASSIFIER}classifier.safetensors"
    wider = tensors(contents[name])
    for part in ("weights", "prototypes", "remembered"):
        wider[part] = np.hstack([wider[part]] * 2)
    with pytest.raises(ArchiveError, match=r"width 768, but its TokenPruningFeaturizer gives 384"):
        load(packed({name: save(wider), **dict.fromkeys(REMEMBERED)}))


def test_examples_of_another_width(packed, contents):
    name = f"{CLASSIFIER}examples.safetensors"
    count = sum(map(len, EXAMPLES.values()))
    with pytest.raises(ArchiveError, match=r"remembered examples .* train again"):
        load(packed({name: save({"rows": np.ones((count, 4), dtype=np.float16)})}))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (f"{CLASSIFIER}classifier.json", b"{", "FewShotIntentClassifier in .* train again"),
        (f"{CLASSIFIER}classifier.safetensors", None, "FewShotIntentClassifier in .* train again"),
        (f"{CLASSIFIER}examples.json", b"[]", "remembered examples .* train again"),
        (f"{FEATURIZER}encoder.json", None, "The record of the encoder .* train again"),
        (f"{FEATURIZER}encoder.json", b"[1]", "The record of the encoder .* train again"),
        (f"{FEATURIZER}encoder/encoder.json", b"{}", "not what was written"),
        (f"{FEATURIZER}encoder/encoder.onnx", b"0", "The encoder in .* Train again"),
        (f"{FEATURIZER}encoder/tokenizer.json", None, "The encoder in .* Train again"),
    ],
)
def test_damaged_files(packed, name, content, said):
    with pytest.raises(ArchiveError, match=said):
        load(packed({name: content}))


def test_an_encoder_that_is_not_in_the_archive_is_made_again(packed, contents, archive):
    assistant = load(packed(without_encoder(contents)))
    assert isinstance(assistant.encoder, PrunedEncoder) and assistant.encoder.can_be_saved
    texts = ["hello", "good morning, i can not find the car park of which they told me"]
    np.testing.assert_array_equal(assistant.encoder.encode(texts), load(archive).encoder.encode(texts))


def test_a_record_of_another_format_is_refused(packed, contents):
    with pytest.raises(ArchiveError, match="has format 3, but this version reads 2: train again"):
        load(packed(without_encoder(contents, format=3)))


@pytest.mark.parametrize(
    ("description", "said"),
    [
        ({"identity": "0" * 64}, "trained with another encoder than the one that model 'all-MiniLM-L6-v2' names"),
        ({"precision": "fp32"}, "trained with precision fp32, but here its options mean precision int8: install"),
        ({"readout": "final+cut"}, "trained with readout final.cut, but here its options mean readout final: install"),
    ],
)
def test_another_encoder_is_refused(packed, contents, description, said):
    with pytest.raises(ArchiveError, match=said):
        load(packed(without_encoder(contents, description)))


def test_another_meaning_of_the_same_options_is_refused(packed, contents):
    policy = json.loads(contents[f"{FEATURIZER}encoder.json"])["description"]["policy"]
    then = {"policy": {**policy, "quantile": 0.4, "min_tokens": 6}}
    now = f"quantile {policy['quantile']}, min_tokens {policy['min_tokens']}"
    with pytest.raises(ArchiveError, match=f"quantile 0.4, min_tokens 6, but here its options mean {now}: install"):
        load(packed(without_encoder(contents, then)))


def trained_with(packed, contents, **changed):
    """An archive without its encoder whose featurizer had these options."""
    made = encoder_from_options({**FEATURIZER_DEFAULTS, **changed})
    files = without_encoder(contents, asdict(made.description))
    return packed(files, lambda nodes: options(nodes, OURS[0], **changed))


def test_options_of_the_encoder_are_followed(packed, contents):
    others = {"pruning": False, "quantile": 0.3, "min_tokens": 3, "precision": "fp32"}
    encoder = load(trained_with(packed, contents, **others)).encoder
    assert (encoder.policy.quantile, encoder.policy.min_tokens, encoder.precision) == (0.3, 3, "fp32")
    with pytest.raises(ArchiveError, match="features of width 384, but its TokenPruningFeaturizer gives 768"):
        load(trained_with(packed, contents, readout="final+0"))
