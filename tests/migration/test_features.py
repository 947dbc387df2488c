"""Which featurizers stay, and who is told to read which."""

import pytest
import yaml

from tests.migration.conftest import config, migrated, names, only

DEFAULT = (
    "WhitespaceTokenizer",
    "RegexFeaturizer",
    "LexicalSyntacticFeaturizer",
    "CountVectorsFeaturizer",
    {"name": "CountVectorsFeaturizer", "analyzer": "char_wb"},
)
WORDS = ("WhitespaceTokenizer", "CountVectorsFeaturizer")
LABSE = ("WhitespaceTokenizer", {"name": "LanguageModelFeaturizer", "alias": "labse"}, "CountVectorsFeaturizer")
ASKS_FOR_DENSE = {"name": "CRFEntityExtractor", "features": [["low"], ["low", "text_dense_features"], ["low"]]}


@pytest.mark.parametrize(
    "featurizers",
    [
        DEFAULT,
        LABSE,
        ("WhitespaceTokenizer", "ConveRTFeaturizer"),
        ("WhitespaceTokenizer", "rasa.nlu.featurizers.dense_featurizer.lm_featurizer.LanguageModelFeaturizer"),
    ],
    ids=lambda featurizers: names([{"name": str(one)} for one in featurizers])[-1],
)
def test_featurizers_that_nothing_reads_go(featurizers):
    pipeline, notes = migrated(config(*featurizers, "DIETClassifier", "ResponseSelector"), entities="none")
    assert [names(pipeline)[1], len(pipeline)] == ["TokenPruningFeaturizer", 4]
    assert pipeline[1:3] == [{"name": f"rasa_token_pruning.{name}"} for name in names(pipeline)[1:3]]
    assert "Nothing that stays reads" in notes and "stay:" not in notes


def test_what_goes_is_counted():
    notes = migrated(config(*DEFAULT, "DIETClassifier"), entities="none")[1]
    assert (
        "Nothing that stays reads RegexFeaturizer, LexicalSyntacticFeaturizer, CountVectorsFeaturizer (2): gone."
        in notes
    )


def test_our_extractor_reads_patterns_and_no_sparse_featurizer():
    pipeline, notes = migrated(config(*DEFAULT, "DIETClassifier", "RegexFeaturizer"))
    assert pipeline == [
        {"name": "WhitespaceTokenizer"},
        {"name": "rasa_token_pruning.TokenPruningFeaturizer"},
        {"name": "RegexFeaturizer"},
        {"name": "rasa_token_pruning.FewShotIntentClassifier"},
        {"name": "rasa_token_pruning.FewShotEntityExtractor"},
    ]
    assert "reads LexicalSyntacticFeaturizer, CountVectorsFeaturizer (2), RegexFeaturizer: gone." in notes
    assert "Featurizers that stay: RegexFeaturizer for FewShotEntityExtractor." in notes


def test_sparse_features_that_something_else_reads_stay_beside_our_extractor():
    pipeline, notes = migrated(config(*DEFAULT, "DIETClassifier", "LogisticRegressionClassifier"))
    assert names(pipeline)[:2] == ["WhitespaceTokenizer", "TokenPruningFeaturizer"]
    assert pipeline[2:6] == [{"name": name} if isinstance(name, str) else name for name in DEFAULT[1:]]
    assert "RegexFeaturizer for FewShotEntityExtractor and LogisticRegressionClassifier" in notes


def test_crf_reads_a_sparse_featurizer_and_patterns():
    pipeline, notes = migrated(config(*DEFAULT, "DIETClassifier"), entities="crf")
    assert pipeline[1:4] == [
        {"name": "rasa_token_pruning.TokenPruningFeaturizer"},
        {"name": "RegexFeaturizer"},
        {"name": "LexicalSyntacticFeaturizer", "alias": "lexical"},
    ]
    assert only(pipeline, "CRFEntityExtractor") == {"featurizers": ["lexical"]}
    assert "RegexFeaturizer, LexicalSyntacticFeaturizer for CRFEntityExtractor." in notes


def test_crf_gets_a_sparse_featurizer_if_there_is_none_before_it():
    pipeline, notes = migrated(config(*WORDS, "DIETClassifier", "LexicalSyntacticFeaturizer"), entities="crf")
    assert pipeline[1:3] == [
        {"name": "rasa_token_pruning.TokenPruningFeaturizer"},
        {"name": "LexicalSyntacticFeaturizer", "alias": "lexical"},
    ]
    assert names(pipeline).count("LexicalSyntacticFeaturizer") == 1
    assert "LexicalSyntacticFeaturizer is new" in notes


def test_two_crfs_share_it():
    pipeline, _ = migrated(config("WhitespaceTokenizer", "CRFEntityExtractor", "CRFEntityExtractor", "DIETClassifier"))
    assert names(pipeline)[:3] == ["WhitespaceTokenizer", "TokenPruningFeaturizer", "LexicalSyntacticFeaturizer"]
    assert [item["featurizers"] for item in pipeline if item["name"] == "CRFEntityExtractor"] == [["lexical"]] * 2


@pytest.mark.parametrize(("features", "stays"), [([["low", "pattern"]], True), ([["low"]], False)])
def test_patterns_stay_for_a_crf_that_uses_them(features, stays):
    crf = {"name": "CRFEntityExtractor", "features": features}
    assert ("RegexFeaturizer" in names(migrated(config(*DEFAULT, "DIETClassifier", crf))[0])) is stays


@pytest.mark.parametrize(
    ("named", "reads"),
    [
        (None, ["lexical"]),  # and not labse, whose rows it stored without using them
        (["labse"], ["lexical"]),
        (["words"], ["words"]),
        (["labse", "words"], ["words"]),
        (["mine"], ["mine"]),
        (["run_LexicalSyntacticFeaturizer2"], ["lexical"]),
    ],
)
def test_a_crf_without_dense_features_reads_sparse_featurizers(named, reads):
    featurizers = [
        {"name": "LanguageModelFeaturizer", "alias": "labse"},
        "LexicalSyntacticFeaturizer",
        {"name": "CountVectorsFeaturizer", "alias": "words"},
    ]
    crf = {"name": "CRFEntityExtractor", **({"featurizers": named} if named else {})}
    pipeline, notes = migrated(config("WhitespaceTokenizer", *featurizers, "DIETClassifier", crf))
    assert only(pipeline, "CRFEntityExtractor")["featurizers"] == reads
    assert ("CRFEntityExtractor gets featurizers" in notes) is (named != reads)
    assert "LanguageModelFeaturizer" not in names(pipeline)


def test_a_crf_that_asks_for_dense_features_goes_on_reading_the_old_ones():
    old = config(*LABSE, "DIETClassifier", "ResponseSelector", ASKS_FOR_DENSE)
    pipeline, notes = migrated(old, entities="fewshot")
    assert names(pipeline)[:3] == ["WhitespaceTokenizer", "TokenPruningFeaturizer", "LanguageModelFeaturizer"]
    assert only(pipeline, "CRFEntityExtractor")["featurizers"] == ["labse"]
    assert only(pipeline, "TokenPruningFeaturizer") == {"alias": "sentence-encoder"}
    assert only(pipeline, "FewShotIntentClassifier") == {"featurizers": ["sentence-encoder"]}
    assert only(pipeline, "FewShotResponseSelector") == {"featurizers": ["sentence-encoder"]}
    assert only(pipeline, "FewShotEntityExtractor") == {"featurizers": ["sentence-encoder"]}
    assert "Our components read our features alone, not those of LanguageModelFeaturizer" in notes


def test_diet_for_entities_goes_on_reading_what_it_read():
    pipeline, _ = migrated(config(*DEFAULT, "DIETClassifier", "LanguageModelFeaturizer"), entities="diet")
    assert [item.get("alias") for item in pipeline[2:6]] == ["regex", "lexical", "count-vectors", "count-vectors-2"]
    assert only(pipeline, "DIETClassifier")["featurizers"] == ["regex", "lexical", "count-vectors", "count-vectors-2"]
    assert "LanguageModelFeaturizer" not in names(pipeline)
    assert only(pipeline, "FewShotIntentClassifier") == {}


def test_diet_for_entities_goes_on_reading_what_it_named():
    diet = {"name": "DIETClassifier", "featurizers": ["labse"]}
    pipeline, _ = migrated(config(*LABSE, diet), entities="diet")
    assert only(pipeline, "DIETClassifier")["featurizers"] == ["labse"]
    assert "CountVectorsFeaturizer" not in names(pipeline)
    assert only(pipeline, "FewShotIntentClassifier") == {"featurizers": ["sentence-encoder"]}


def test_our_featurizer_that_diet_already_read_is_not_doubled():
    ours = {"name": "rasa_token_pruning.components.featurizer.TokenPruningFeaturizer", "pruning": "gentle"}
    pipeline, _ = migrated(config("WhitespaceTokenizer", ours, "DIETClassifier"), entities="diet")
    assert names(pipeline)[1:] == ["TokenPruningFeaturizer", "FewShotIntentClassifier", "DIETClassifier"]
    assert only(pipeline, "TokenPruningFeaturizer") == {"pruning": "gentle", "alias": "sentence-encoder"}
    assert only(pipeline, "DIETClassifier")["featurizers"] == ["sentence-encoder"]


def test_names_that_are_taken_are_not_given_again():
    taken = {"name": "LanguageModelFeaturizer", "alias": "sentence-encoder"}
    pipeline, _ = migrated(config("WhitespaceTokenizer", taken, "DIETClassifier"), entities="diet")
    assert only(pipeline, "TokenPruningFeaturizer") == {"alias": "sentence-encoder-2"}
    assert only(pipeline, "FewShotIntentClassifier") == {"featurizers": ["sentence-encoder-2"]}


@pytest.mark.parametrize(
    ("reader", "stay"),
    [
        ("my.Classifier", ["LanguageModelFeaturizer", "CountVectorsFeaturizer"]),
        ("LogisticRegressionClassifier", ["LanguageModelFeaturizer", "CountVectorsFeaturizer"]),
        ("SklearnIntentClassifier", ["LanguageModelFeaturizer"]),
        ("my.Tokenizer", []),
        ("KeywordIntentClassifier", []),
        ("RegexEntityExtractor", []),
        ("MitieIntentClassifier", []),
    ],
)
def test_what_somebody_reads_stays(reader, stay):
    pipeline, notes = migrated(config(*LABSE, reader, "DIETClassifier"), entities="none")
    assert [name for name in names(pipeline) if name in ("LanguageModelFeaturizer", "CountVectorsFeaturizer")] == stay
    assert (f"Featurizers that stay: {', '.join(stay)} for {reader}." in notes) is bool(stay)
    assert ("cannot be told whose" in notes) is reader.startswith(("Log", "Skl"))


def test_a_component_reads_nothing_of_what_comes_after_it():
    pipeline, _ = migrated(config("WhitespaceTokenizer", "my.Speller", *WORDS[1:], "DIETClassifier"), entities="none")
    assert names(pipeline)[:3] == ["WhitespaceTokenizer", "Speller", "TokenPruningFeaturizer"]


def test_our_featurizer_stands_after_the_tokenizer():
    old = config("my.EmojiFeaturizer", "my.OtherTokenizer", *WORDS[1:], "DIETClassifier")
    assert names(migrated(old, entities="none")[0])[1:3] == ["OtherTokenizer", "TokenPruningFeaturizer"]


def test_a_custom_featurizer_stays_and_is_not_read_by_ours():
    custom = {"name": "my.FastTextFeaturizer", "file": "x"}
    pipeline, notes = migrated(config(*WORDS, custom, "DIETClassifier"), entities="none")
    assert pipeline[2] == custom and names(pipeline)[1] == "TokenPruningFeaturizer"
    assert only(pipeline, "FewShotIntentClassifier") == {"featurizers": ["sentence-encoder"]}
    assert (
        "not those of my.FastTextFeaturizer" in notes and "Neither Rasa 3.6 nor this package has my.FastText" in notes
    )


@pytest.mark.parametrize(("alias", "reads"), [({"alias": "mine"}, ["count-vectors", "mine"]), ({}, ["count-vectors"])])
def test_diet_for_entities_reads_a_custom_featurizer_if_it_has_an_alias(alias, reads):
    custom = {"name": "my.FastTextFeaturizer", **alias}
    pipeline, notes = migrated(config(*WORDS, custom, "DIETClassifier"), entities="diet")
    assert only(pipeline, "DIETClassifier")["featurizers"] == reads
    assert only(pipeline, "FastTextFeaturizer") == alias
    assert ("does not read the features of my.FastTextFeaturizer any more" in notes) is not alias


def test_a_selector_of_rasa_s_that_stays_reads_our_features_alone():
    old = config(*DEFAULT, "DIETClassifier", "ResponseSelector")
    assert only(migrated(old, entities="none", keep_selector=True)[0], "ResponseSelector") == {}
    pipeline, _ = migrated(old, entities="crf", keep_selector=True)
    assert only(pipeline, "ResponseSelector") == {"featurizers": ["sentence-encoder"]}
    assert only(pipeline, "FewShotIntentClassifier") == {}


@pytest.mark.parametrize("component", ["FewShotEntityExtractor", "FewShotResponseSelector"])
def test_components_of_ours_that_are_there_go_on_reading_what_they_named(component):
    ours = {"name": f"rasa_token_pruning.{component}", "featurizers": ["labse"]}
    pipeline, _ = migrated(config(*LABSE, "DIETClassifier", ours))
    assert only(pipeline, component) == {"featurizers": ["labse"]}
    assert names(pipeline)[1:3] == ["TokenPruningFeaturizer", "LanguageModelFeaturizer"]
    assert only(pipeline, "FewShotIntentClassifier") == {"featurizers": ["sentence-encoder"]}


@pytest.mark.parametrize(
    ("named", "reads"), [("labse", "labse"), ("run_CountVectorsFeaturizer2", "count-vectors"), ("unknown", "unknown")]
)
def test_a_selector_of_rasa_s_that_stays_goes_on_reading_what_it_named(named, reads):
    selector = {"name": "ResponseSelector", "featurizers": [named]}
    pipeline, _ = migrated(config(*LABSE, "DIETClassifier", selector), entities="none", keep_selector=True)
    assert only(pipeline, "ResponseSelector") == {"featurizers": [reads]}
    aliases = [item.get("alias") for item in pipeline if item["name"] in ("LanguageModelFeaturizer", LABSE[2])]
    assert aliases == [reads] * (reads != "unknown")


def test_what_a_policy_names_stays():
    text = config(*LABSE, "DIETClassifier") + yaml.safe_dump(
        {"policies": [{"name": "TEDPolicy", "featurizers": ["labse"]}, {"name": "RulePolicy"}]}
    )
    pipeline, notes = migrated(text, entities="none")
    assert "LanguageModelFeaturizer" in names(pipeline) and "LanguageModelFeaturizer for the policies" in notes


@pytest.mark.parametrize(
    ("components", "stays"),
    [
        (["MitieNLP", "WhitespaceTokenizer", "MitieFeaturizer", "DIETClassifier"], False),
        (["MitieNLP", "WhitespaceTokenizer", "MitieFeaturizer", "DIETClassifier", "MitieEntityExtractor"], True),
        (["MitieNLP", "WhitespaceTokenizer", "MitieFeaturizer", "DIETClassifier", "my.Thing"], True),
        (["SpacyNLP", "WhitespaceTokenizer", "CountVectorsFeaturizer", "DIETClassifier", "my.Thing"], True),
        (["SpacyNLP", "SpacyTokenizer", "SpacyFeaturizer", "DIETClassifier"], True),
        (["SpacyNLP", "WhitespaceTokenizer", "CountVectorsFeaturizer", "DIETClassifier"], False),
    ],
)
def test_language_models_stay_for_those_who_need_them(components, stays):
    pipeline, notes = migrated(config(*components), entities="none")
    assert (components[0] in names(pipeline)) is stays
    assert (f"Nothing needs {components[0]} any more" in notes) is not stays


@pytest.mark.parametrize(
    ("policies", "told"),
    [
        ([{"name": "TEDPolicy"}], True),
        ([{"name": "TEDPolicy", "featurizers": ["labse"]}], False),
        ([{"name": "RulePolicy"}], False),
        (None, True),
    ],
)
def test_what_ted_reads_in_stories_in_words_is_said(policies, told):
    policies = yaml.safe_dump({"policies": policies})
    _, notes = migrated(config(*LABSE, "DIETClassifier") + policies, entities="none")
    assert ("TEDPolicy reads our features in them too" in notes) == told
