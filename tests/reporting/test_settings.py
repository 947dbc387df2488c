"""What a report reads of a config."""

import pytest
import yaml
from rasa.nlu.classifiers.fallback_classifier import FallbackClassifier

from rasa_token_pruning import FewShotIntentClassifier
from rasa_token_pruning.reporting.errors import ReportError
from rasa_token_pruning.reporting.settings import CLASSIFIER_DEFAULTS, FALLBACK_DEFAULTS, read_settings

FEATURIZER = {"name": "rasa_token_pruning.TokenPruningFeaturizer"}
CLASSIFIER = {"name": "rasa_token_pruning.FewShotIntentClassifier"}
FALLBACK = {"name": "FallbackClassifier"}


@pytest.fixture
def read(tmp_path):
    def read(*pipeline):
        (tmp_path / "config.yml").write_text(yaml.safe_dump({"pipeline": list(pipeline)}))
        return read_settings(tmp_path / "config.yml")

    return read


@pytest.mark.parametrize(
    "component, defaults", [(FewShotIntentClassifier, CLASSIFIER_DEFAULTS), (FallbackClassifier, FALLBACK_DEFAULTS)]
)
def test_the_defaults_are_the_components(component, defaults):
    own = component.get_default_config()
    assert defaults == {key: own[key] for key in defaults}


def test_a_config_that_says_nothing_gives_the_defaults(read):
    found, without = read(FEATURIZER, CLASSIFIER, FALLBACK), read_settings(None)
    assert (found.featurizer, found.strength, found.threshold) == (without.featurizer, 20.0, 0.3)
    assert found.notes == () and "by default" in without.notes[0]


def test_options_are_read(read):
    classifier = {**CLASSIFIER, "C": 5, "use_intent_names": False, "renormalize_confidences": True, "ranking_length": 3}
    found = read(
        {**FEATURIZER, "pruning": "gentle", "quantile": 0.2, "alias": "encoder"},
        {**classifier, "doubt_unfamiliar": False, "out_of_scope_intent": "other"},
        {**FALLBACK, "threshold": 0.6, "ambiguity_threshold": 0},
    )
    assert (found.featurizer["pruning"], found.featurizer["quantile"]) == ("gentle", 0.2)
    assert "alias" not in found.featurizer
    assert (found.strength, found.use_intent_names, found.doubt_unfamiliar) == (5.0, False, False)
    assert (found.renormalize, found.ranking_length, found.out_of_scope) == (True, 3, "other")
    assert (found.threshold, found.ambiguity) == (0.6, 0.0)


def test_a_model_beside_the_config_is_found_from_anywhere(read, tmp_path):
    (tmp_path / "encoder").mkdir()
    assert read({**FEATURIZER, "model": "encoder"}).featurizer["model"] == str(tmp_path / "encoder")


@pytest.mark.parametrize(
    "pipeline, note",
    [
        ([CLASSIFIER, FALLBACK], "no TokenPruningFeaturizer"),
        ([FEATURIZER, FALLBACK], "no FewShotIntentClassifier"),
        ([FEATURIZER, CLASSIFIER], "no FallbackClassifier"),
        ([{**FEATURIZER, "refine": True}, CLASSIFIER, FALLBACK], "refine"),
        ([FEATURIZER, {"name": "LanguageModelFeaturizer"}, CLASSIFIER, FALLBACK], "LanguageModelFeaturizer"),
    ],
)
def test_what_is_not_judged_is_said(read, pipeline, note):
    notes = read(*pipeline).notes
    assert len(notes) == 1 and note in notes[0]


@pytest.mark.parametrize(
    "content", ["", "pipeline:\n", "pipeline: nothing\n", "- a\n", "pipeline: [WhitespaceTokenizer]\n"]
)
def test_a_config_without_a_pipeline_of_ours_is_as_none(tmp_path, content):
    (tmp_path / "config.yml").write_text(content)
    assert len(read_settings(tmp_path / "config.yml").notes) == 3


@pytest.mark.parametrize(
    "pipeline, what",
    [
        ([{**CLASSIFIER, "C": "much"}], "C is 'much'; give a number"),
        ([{**CLASSIFIER, "C": 0}], "C is 0"),
        ([{**CLASSIFIER, "doubt_unfamiliar": "yes, please"}], "doubt_unfamiliar is .* give true or false"),
        ([{**CLASSIFIER, "ranking_length": -1}], "ranking_length is -1"),
        ([{**CLASSIFIER, "out_of_scope_intent": 3}], "out_of_scope_intent is 3"),
        ([{**FALLBACK, "threshold": 30}], "threshold is 30; give a number from 0 to 1"),
        ([{**FALLBACK, "ambiguity_threshold": None}], "ambiguity_threshold is None"),
    ],
)
def test_values_that_the_components_would_refuse_are_refused(read, pipeline, what):
    with pytest.raises(ReportError, match=what):
        read(*pipeline)


@pytest.mark.parametrize("content", [b"pipeline: [", b"\xff\xfe\x00", b"a: \x01"])
def test_a_damaged_config_is_refused(tmp_path, content):
    (tmp_path / "config.yml").write_bytes(content)
    with pytest.raises(ReportError, match="cannot be read as a config"):
        read_settings(tmp_path / "config.yml")
