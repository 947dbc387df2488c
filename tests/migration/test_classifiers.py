"""What takes the places of DIETClassifier and ResponseSelector."""

import pytest

from rasa_token_pruning.migration.errors import MigrationError
from tests.migration.conftest import config, migrated, names, only

TEXT = ("WhitespaceTokenizer", "CountVectorsFeaturizer")
DIET = "DIETClassifier"
OURS = "rasa_token_pruning.FewShotEntityExtractor"
EXTRACTORS = {"FewShotEntityExtractor", "CRFEntityExtractor", DIET}
PATH = "rasa.nlu.classifiers.diet_classifier.DIETClassifier"
ENTITIES_OF_DIET = {"name": DIET, "BILOU_flag": False, "split_entities_by_comma": {"address": False}, "epochs": 9}


def entities(notes):
    [note] = [line for line in notes.splitlines() if line.startswith("Entities")]
    return note


@pytest.mark.parametrize("name", [DIET, PATH])
def test_our_classifier_stands_where_diet_stood(name):
    pipeline, _ = migrated(config(*TEXT, {"name": name, "epochs": 9}, "EntitySynonymMapper"), entities="none")
    assert names(pipeline) == [
        "WhitespaceTokenizer",
        "TokenPruningFeaturizer",
        "FewShotIntentClassifier",
        "EntitySynonymMapper",
    ]


def test_options_that_both_have_are_carried_over_and_others_named():
    old = config(*TEXT, {"name": DIET, "epochs": 9, "ranking_length": 5, "renormalize_confidences": True, "epoch": 1})
    pipeline, notes = migrated(old, entities="none")
    assert only(pipeline, "FewShotIntentClassifier") == {"ranking_length": 5, "renormalize_confidences": True}
    assert "Gone from DIETClassifier: epochs, epoch. FewShotIntentClassifier has no such options." in notes


def test_nothing_is_said_of_options_where_none_goes():
    assert "Gone from" not in migrated(config(*TEXT, {"name": DIET, "ranking_length": 5}), entities="none")[1]


def test_our_extractor_takes_over_the_entities_with_what_both_know_of_them():
    pipeline, notes = migrated(config(*TEXT, ENTITIES_OF_DIET, "EntitySynonymMapper"), annotated=True)
    assert pipeline[-2] == {"name": OURS, "split_entities_by_comma": {"address": False}}
    assert names(pipeline)[-3:] == ["FewShotIntentClassifier", "FewShotEntityExtractor", "EntitySynonymMapper"]
    assert "Gone from DIETClassifier: BILOU_flag, epochs." in notes


def test_crf_takes_over_the_entities_with_what_both_know_of_them():
    pipeline, notes = migrated(config(*TEXT, ENTITIES_OF_DIET, "EntitySynonymMapper"), entities="crf")
    assert names(pipeline)[-3:] == ["FewShotIntentClassifier", "CRFEntityExtractor", "EntitySynonymMapper"]
    assert only(pipeline, "CRFEntityExtractor") == {
        "BILOU_flag": False,
        "split_entities_by_comma": {"address": False},
        "featurizers": ["lexical"],
    }
    assert "Gone from DIETClassifier: epochs." in notes


def test_diet_stays_for_the_entities_alone():
    diet = {**ENTITIES_OF_DIET, "name": PATH, "ranking_length": 5}
    pipeline, notes = migrated(config(*TEXT, diet), entities="diet")
    assert names(pipeline)[-2:] == ["FewShotIntentClassifier", "DIETClassifier"]
    assert only(pipeline, "FewShotIntentClassifier") == {"ranking_length": 5}
    assert only(pipeline, "DIETClassifier") == {
        "BILOU_flag": False,
        "split_entities_by_comma": {"address": False},
        "epochs": 9,
        "intent_classification": False,
        "featurizers": ["count-vectors"],
    }
    assert "stays for them alone" in entities(notes) and "fails if no example annotates an entity" in entities(notes)


@pytest.mark.parametrize(
    ("diet", "wish", "extractor", "said"),
    [
        ({}, {}, "FewShotEntityExtractor", "No training data was looked at"),
        ({}, {"annotated": True}, "FewShotEntityExtractor", "--entities diet keeps DIETClassifier for them)."),
        ({}, {"annotated": False}, None, "the training data annotates none"),
        ({"entity_recognition": False}, {"annotated": True}, None, "entity_recognition: false"),
        ({}, {"annotated": True, "entities": "none"}, None, "as asked"),
        ({}, {"annotated": False, "entities": "fewshot"}, "FewShotEntityExtractor", "none, so it has nothing to learn"),
        ({}, {"annotated": False, "entities": "crf"}, "CRFEntityExtractor", "annotates none, so it has nothing to lea"),
        ({"entity_recognition": False}, {"entities": "fewshot"}, "FewShotEntityExtractor", "extracts them instead"),
        ({"entity_recognition": False}, {"entities": "crf"}, "CRFEntityExtractor", "extracts them instead"),
        (
            {},
            {"annotated": False, "entities": "diet"},
            "DIETClassifier",
            "its training will fail, so use --entities no",
        ),
        ({"entity_recognition": False}, {"entities": "diet"}, "DIETClassifier", "stays for them alone"),
    ],
)
def test_who_extracts_entities(diet, wish, extractor, said):
    pipeline, notes = migrated(config(*TEXT, {"name": DIET, **diet}), **wish)
    assert {*names(pipeline)} & EXTRACTORS == ({extractor} if extractor else set())
    assert said in entities(notes)
    assert "entity_recognition" not in pipeline[-1]


def test_no_without_quotes_is_a_text_in_rasa_and_so_means_yes():
    text = config(*TEXT, DIET) + "  entity_recognition: no\n"
    assert "FewShotEntityExtractor" in names(migrated(text)[0])


@pytest.mark.parametrize("entities", ["auto", "crf"])
def test_a_crf_that_is_there_is_not_joined_by_another(entities):
    crf = {"name": "CRFEntityExtractor", "L1_c": 0.2}
    pipeline, notes = migrated(config(*TEXT, {"name": DIET, "BILOU_flag": True}, crf), entities=entities)
    assert only(pipeline, "CRFEntityExtractor")["L1_c"] == 0.2
    assert {*names(pipeline)} & EXTRACTORS == {"CRFEntityExtractor"}
    assert "Gone from DIETClassifier: BILOU_flag." in notes  # the other one has its own


def test_who_asks_for_our_extractor_beside_a_crf_gets_it_and_is_told():
    pipeline, notes = migrated(config(*TEXT, DIET, "CRFEntityExtractor"), entities="fewshot")
    assert names(pipeline)[-2:] == ["FewShotEntityExtractor", "CRFEntityExtractor"]
    assert "CRFEntityExtractor and FewShotEntityExtractor both learn the annotated entities: take one of them" in notes
    assert "take one of them" not in migrated(config(*TEXT, DIET, "CRFEntityExtractor"))[1]


@pytest.mark.parametrize("entities", ["auto", "fewshot"])
def test_an_extractor_of_ours_that_is_there_is_not_joined_by_another(entities):
    ours = {"name": OURS, "split_entities_by_comma": False}
    featurizer = "rasa_token_pruning.TokenPruningFeaturizer"
    pipeline, notes = migrated(config("WhitespaceTokenizer", featurizer, DIET, ours), entities=entities)
    assert pipeline[-1] == ours and names(pipeline)[-2:] == ["FewShotIntentClassifier", "FewShotEntityExtractor"]
    assert "FewShotEntityExtractor extracts them" in notes and "Neither Rasa 3.6" not in notes


def test_of_two_diets_each_part_goes_on():
    both = [{"name": DIET, "entity_recognition": False}, {"name": DIET, "intent_classification": False, "epochs": 3}]
    pipeline, notes = migrated(config(*TEXT, *both), entities="diet")
    assert names(pipeline)[-2:] == ["FewShotIntentClassifier", "DIETClassifier"] and pipeline[-1]["epochs"] == 3
    assert "last word" not in notes
    both[1]["BILOU_flag"] = False
    pipeline, _ = migrated(config(*TEXT, *both), entities="crf")
    assert "DIETClassifier" not in names(pipeline) and only(pipeline, "CRFEntityExtractor")["BILOU_flag"] is False
    both[1]["split_entities_by_comma"] = False
    pipeline, _ = migrated(config(*TEXT, *both))
    assert "DIETClassifier" not in names(pipeline)
    assert only(pipeline, "FewShotEntityExtractor") == {"split_entities_by_comma": False}


def test_of_two_diets_for_intents_the_last_one_s_place_counts():
    pipeline, notes = migrated(config(*TEXT, DIET, "EntitySynonymMapper", DIET), entities="none")
    assert names(pipeline)[-2:] == ["EntitySynonymMapper", "FewShotIntentClassifier"]
    assert "Of 2 DIETClassifiers that classify intents the last had the last word" in notes


def test_each_response_selector_is_replaced():
    faq = {"retrieval_intent": "faq", "use_text_as_label": True, "ranking_length": 3, "renormalize_confidences": True}
    selectors = [{"name": "ResponseSelector", **faq, "epochs": 9}, {"name": "ResponseSelector", "featurizers": ["a"]}]
    pipeline, notes = migrated(config(*TEXT, DIET, *selectors), entities="none")
    ours = "rasa_token_pruning.FewShotResponseSelector"
    assert pipeline[-2:] == [{"name": ours, **faq}, {"name": ours}]
    assert "Gone from ResponseSelector: epochs. FewShotResponseSelector has no such options." in notes


def test_a_response_selector_can_stay():
    selector = {"name": "ResponseSelector", "epochs": 9}
    pipeline, notes = migrated(config(*TEXT, DIET, selector), entities="none", keep_selector=True)
    assert pipeline[-1] == selector and "ResponseSelector stays Rasa's own" in notes


@pytest.mark.parametrize(
    ("components", "said"),
    [
        (["WhitespaceTokenizer", "KeywordIntentClassifier"], "no DIETClassifier to replace"),
        ([*TEXT, "LogisticRegressionClassifier", {"name": DIET, "intent_classification": False}], "only extracts ent"),
        ([*TEXT, "my.DIETClassifier"], "no DIETClassifier to replace"),
    ],
)
def test_without_diet_for_intents_nothing_is_migrated(components, said):
    with pytest.raises(MigrationError, match=f"config.yml: .*{said}"):
        migrated(config(*components))
