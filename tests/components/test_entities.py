import asyncio
import json
import logging
import warnings

import numpy as np
import pytest
import yaml
from rasa.core.agent import Agent
from rasa.engine.storage.resource import Resource
from rasa.model_training import train_nlu
from rasa.nlu.classifiers.diet_classifier import DIETClassifier
from rasa.nlu.constants import TOKENS_NAMES
from rasa.nlu.extractors.crf_entity_extractor import CRFEntityExtractor
from rasa.nlu.extractors.entity_synonyms import EntitySynonymMapper
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.nlu.featurizers.sparse_featurizer.regex_featurizer import RegexFeaturizer
from rasa.nlu.test import run_evaluation
from rasa.nlu.tokenizers.tokenizer import Token
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import ENTITIES, FEATURE_TYPE_SEQUENCE, TEXT
from rasa.shared.nlu.training_data.entities_parser import parse_training_example
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from rasa_token_pruning import FewShotEntityExtractor, FewShotIntentClassifier, TokenPruningFeaturizer

FROM, TO = (json.dumps({"entity": "city", "role": role}) for role in ("from", "to"))
EXAMPLES = {
    "book": [
        f"a train from [Oslo]{FROM} to [Lima]{TO}",
        f"i want to go to [New York]{TO} on [Monday](date)",
        f"on [Sunday](date) from [Los Angeles]{FROM} please",
        f"book a flight to [Cairo]{TO}",
        f"is there a bus from [Rome]{FROM} on [Friday](date)",
        f"from [Madrid]{FROM} to [New Delhi]{TO}",
    ],
    "greet": ["hello", "good morning", "hi there"],
    "thank": ["thank you", "that was kind of you"],
}
TRIP = "a train from Berlin to San Francisco on Tuesday"
ADDRESSES = {
    "send": [
        "send it to [Station Road 5, 10119 Berlin](address)",
        "my address is [Long Lane 17, 80331 Munich](address)",
        "i live at [Mill Street 2, 20095 Hamburg](address)",
    ],
    "greet": ["hello"],
}


def unread(examples=EXAMPLES, **more):
    """Training data as Rasa reads it."""
    return TrainingData(
        [parse_training_example(text, intent) for intent, texts in examples.items() for text in texts], **more
    )


def annotated(bench, data=None, **config):
    """Training data, tokenised and featurized."""
    return bench.create(TokenPruningFeaturizer, config).process_training_data(bench.tokenize(data or unread()))


def trained(bench, data=None, **config):
    """An extractor that was trained, stored and loaded again."""
    bench.create(FewShotEntityExtractor, config).train(data or annotated(bench))
    return bench.load(FewShotEntityExtractor, config)


def extracted(extractor, message):
    return extractor.process([message])[0].get(ENTITIES)


def brief(entities, *more):
    """The type, value and role of entities, and more of them."""
    return [tuple(entity.get(key) for key in ("entity", "value", "role", *more)) for entity in entities]


def add_rows(message, rows):
    """What another dense featurizer says of a message's tokens."""
    message.add_features(Features(np.asarray(rows, dtype=np.float32), FEATURE_TYPE_SEQUENCE, TEXT, "other"))
    return message


def test_requires_a_dense_featurizer():
    assert FewShotEntityExtractor.required_components() == [DenseFeaturizer]


def test_cities_and_dates_that_it_has_not_seen_are_found_with_their_roles(bench):
    message = bench.message(TRIP)
    found = extracted(trained(bench), message)
    assert brief(found, "start", "end") == [
        ("city", "Berlin", "from", 13, 19),
        ("city", "San Francisco", "to", 23, 36),
        ("date", "Tuesday", None, 40, 47),
    ]
    assert message.get(TEXT) == TRIP


def test_the_output_has_the_keys_and_types_of_that_of_rasas_own(bench):
    bench.create(CRFEntityExtractor, resource="crf").train(annotated(bench))
    theirs = extracted(bench.load(CRFEntityExtractor, resource="crf"), bench.message("a train from Oslo to Lima"))
    message = bench.message("a train from Oslo to Lima")
    ours = extracted(trained(bench), message)
    assert len(ours) == len(theirs) == 2
    for one, other in zip(ours, theirs, strict=True):
        assert {key: type(value) for key, value in one.items()} == {key: type(value) for key, value in other.items()}
        alike = one.keys() - {"confidence_entity", "confidence_role", "extractor"}
        assert {key: one[key] for key in alike} == {key: other[key] for key in alike}
        assert one["extractor"] == "FewShotEntityExtractor"
    output = message.as_dict(only_output_properties=True)
    assert set(output) == {"text", "entities"}
    assert json.loads(json.dumps(output)) == output


@pytest.mark.parametrize("text", [TRIP, "from Oslo to Oslo", "Friday Monday", "what about Kinshasa or the 3rd of May"])
def test_confidences_are_probabilities_and_a_role_is_no_surer_than_its_type(bench, text):
    for entity in extracted(trained(bench), bench.message(text)):
        assert 0 < entity["confidence_entity"] <= 1
        assert ("role" in entity) == ("confidence_role" in entity)
        assert 0 < entity.get("confidence_role", 1e-9) <= entity["confidence_entity"] + 1e-12


def test_what_was_learnt_is_surer_than_what_was_not(bench):
    extractor = trained(bench)
    [known], [other] = (extracted(extractor, bench.message(f"book a flight to {city}")) for city in ("Cairo", "Bogota"))
    assert 0.8 < known["confidence_entity"]
    assert other["confidence_entity"] < known["confidence_entity"]


def test_groups_are_told_apart(bench):
    def order(*pairs):
        return " and ".join(
            f'a [{size}]{{"entity": "size", "group": "{group}"}} pizza with [{topping}]{{"entity": "topping", '
            f'"group": "{group}"}}'
            for group, (size, topping) in enumerate(pairs, 1)
        )

    examples = {
        "order": [
            order(("small", "ham"), ("large", "cheese")),
            order(("large", "olives"), ("medium", "ham")),
            order(("medium", "onions"), ("small", "olives")),
            order(("large", "cheese")),
        ],
        "greet": ["hello"],
    }
    extractor = trained(bench, annotated(bench, unread(examples)))
    found = extracted(extractor, bench.message("a small pizza with mushrooms and a large pizza with ham"))
    assert brief(found, "group") == [
        ("size", "small", None, "1"),
        ("topping", "mushrooms", None, "1"),
        ("size", "large", None, "2"),
        ("topping", "ham", None, "2"),
    ]
    assert all(0 < entity["confidence_group"] <= 1 for entity in found)


WHOLE = ["Station Road 5, 10119 Berlin"]
HALVES = ["Station Road 5", "10119 Berlin"]


@pytest.mark.parametrize(
    ("splitting", "expected"),
    [
        (True, HALVES),
        (False, WHOLE),
        ({"address": False}, WHOLE),
        ({"address": True}, HALVES),
        ({"city": False}, HALVES),
        ({}, HALVES),
    ],
    ids=str,
)
def test_a_comma_ends_an_entity_unless_it_is_told_not_to(bench, splitting, expected):
    given = splitting.copy() if isinstance(splitting, dict) else splitting
    extractor = trained(bench, annotated(bench, unread(ADDRESSES)), split_entities_by_comma=given)
    found = extracted(extractor, bench.message("send it to Station Road 5, 10119 Berlin"))
    assert [entity["value"] for entity in found] == expected
    assert given == splitting


def test_entities_beside_each_other_stay_apart(bench):
    examples = {"buy": ["[milk](item) [bread](item)", "buy [rice](item) [tea](item) [salt](item)"], "greet": ["hello"]}
    extractor = trained(bench, annotated(bench, unread(examples)))
    found = extracted(extractor, bench.message("buy milk tea bread"))
    assert [entity["value"] for entity in found] == ["milk", "tea", "bread"]


def test_what_others_have_found_is_kept(bench):
    message, before = bench.message(TRIP), {"entity": "number", "value": 5, "extractor": "DucklingEntityExtractor"}
    message.set(ENTITIES, [before])
    found = extracted(trained(bench), message)
    assert found[0] == before
    assert len(found) == 4


def with_extractor(data, entity, extractor):
    """Name the extractor that learns an entity."""
    for message in data.training_examples:
        for one in message.get(ENTITIES, []):
            if one["entity"] == entity:
                one["extractor"] = extractor
    return data


@pytest.mark.parametrize("extractor", ["DucklingEntityExtractor", "FewShotEntityExtractor"])
def test_annotations_for_another_extractor_are_left_to_it(bench, extractor):
    data = with_extractor(annotated(bench), "date", extractor)
    found = {entity["entity"] for entity in extracted(trained(bench, data), bench.message(TRIP))}
    assert found == ({"city", "date"} if extractor == "FewShotEntityExtractor" else {"city"})


def test_an_annotation_that_does_not_end_with_a_token_is_warned_of_and_counts_as_the_whole_token(bench):
    examples = {"book": ["a flight to [Hel](city)sinki", "a flight to [Hel](city)singborg"], "greet": ["hello there"]}
    data = annotated(bench, unread(examples))
    with pytest.warns(UserWarning, match="Misaligned entity annotation") as warned:
        extractor = trained(bench, data)
    assert len(warned) == 2
    assert brief(extracted(extractor, bench.message("a flight to Helsinki"))) == [("city", "Helsinki", None)]


def test_annotations_that_fit_are_not_warned_of(bench):
    data = annotated(bench)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained(bench, data)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fly 😀😀 to Zürich 🎉 on Friday", ["Zürich", "Friday"]),
        ("🎉to Dún Laoghaire!", ["Dún Laoghaire"]),
        ("\n\t to   Zürich", ["Zürich"]),
    ],
)
def test_values_are_the_characters_of_the_message_whatever_stands_before_them(bench, text, expected):
    more = {**EXAMPLES, "fly": [f"fly to [Zürich]{TO}", f"to [Dún Laoghaire]{TO}!"]}
    found = extracted(trained(bench, annotated(bench, unread(more))), bench.message(text))
    assert [entity["value"] for entity in found] == expected
    assert all(text[entity["start"] : entity["end"]] == entity["value"] for entity in found)


def by_character(message):
    """Tokens for languages without spaces."""
    message.set(TOKENS_NAMES[TEXT], [Token(character, place) for place, character in enumerate(message.get(TEXT))])
    return message


def test_entities_of_a_language_without_spaces_are_found_by_its_tokenizer_s_tokens(bench):
    texts = ["我要去[北京](city)", "我要去[上海](city)", "从[广州](city)出发", "明天去[深圳](city)😀"]
    data, featurizer = unread({"fly": texts, "greet": ["你好", "谢谢"]}), bench.create(TokenPruningFeaturizer)
    for example in data.training_examples:
        by_character(example)
    extractor = trained(bench, featurizer.process_training_data(data))
    [message] = featurizer.process([by_character(Message({TEXT: "😀明天去北京"}))])
    assert brief(extracted(extractor, message), "start", "end") == [("city", "北京", None, 4, 6)]


@pytest.mark.parametrize("text", ["", " ", "\x00", "?", "😀", "\ud800", "word " * 400], ids=ascii)
def test_any_message_is_answered(bench, text):
    found = extracted(trained(bench), bench.message(text))
    assert all(text[entity["start"] : entity["end"]] == entity["value"] for entity in found)


def test_an_empty_message_has_no_entities(bench):
    message = bench.message("")
    assert extracted(trained(bench), message) == []
    assert ENTITIES in message.output_properties


def test_a_message_without_usable_features_has_no_entities(bench):
    extractor = trained(bench)
    [tokens_alone] = bench.tokenize([Message({TEXT: TRIP})])
    [narrow] = bench.tokenize([Message({TEXT: TRIP})])
    [fewer] = bench.tokenize([Message({TEXT: TRIP})])
    add_rows(narrow, np.ones((8, 5)))
    add_rows(fewer, np.ones((7, 384)))
    broken = bench.message(TRIP)
    broken.features[0].features[3, 5] = np.nan
    for message in (Message({TEXT: TRIP}), Message({}), tokens_alone, narrow, fewer, broken):
        assert extracted(extractor, message) == []


def test_untrained_and_loaded_from_nothing_it_finds_nothing(bench, caplog):
    with caplog.at_level(logging.DEBUG):
        extractor = bench.load(FewShotEntityExtractor, resource="missing")
    assert "resource 'missing' doesn't exist" in caplog.text
    assert extracted(extractor, bench.message(TRIP)) == []


def test_annotated_entities_without_features_are_told_of(bench, caplog):
    bench.create(FewShotEntityExtractor).train(bench.tokenize(unread()))
    assert "entities are annotated in" in caplog.text and "none of these has usable features" in caplog.text


@pytest.mark.parametrize("which", ["no entities", "those of another", "no messages"])
def test_without_entities_to_learn_nothing_is_trained_and_that_is_no_reason_to_warn(bench, caplog, which):
    data = {
        "no entities": lambda: annotated(bench, unread({"greet": EXAMPLES["greet"]})),
        "those of another": lambda: with_extractor(
            annotated(bench, unread({"b": ["on [Friday](date)"]})), "date", "CRFEntityExtractor"
        ),
        "no messages": TrainingData,
    }[which]()
    with caplog.at_level(logging.DEBUG, "rasa_token_pruning"):
        resource = bench.create(FewShotEntityExtractor).train(data)
    said = "No entities are annotated"
    assert [record.levelno for record in caplog.records if said in record.message] == [logging.DEBUG]
    assert not [record for record in caplog.records if record.levelno > logging.INFO]
    with pytest.raises(ValueError, match="does not exist"), bench.storage.read_from(resource):
        pass


def test_messages_without_features_are_left_out_of_training(bench):
    late = bench.tokenize(unread({"book": ["take me to [the moon](planet)"]}))
    extractor = trained(bench, annotated(bench).merge(late))
    found = extracted(extractor, bench.message("take me to the moon"))
    assert "planet" not in {entity["entity"] for entity in found}


def test_features_of_two_widths_are_refused(bench):
    data = annotated(bench)
    add_rows(data.training_examples[0], np.ones((6, 5)))
    with pytest.raises(InvalidConfigException, match=r"FewShotEntityExtractor: The token features .* widths 384, 389"):
        bench.create(FewShotEntityExtractor).train(data)


def words_alone(message):
    """Rows of another featurizer that tell tokens with a capital from others, and nothing else."""
    return add_rows(message, [[word[0].isupper(), word[0].islower()] for word in message.get(TEXT).split()])


def test_the_features_of_all_dense_featurizers_are_read(bench):
    data = annotated(bench)
    for message in data.training_examples:
        words_alone(message)
    extractor = trained(bench, data)
    assert extracted(extractor, bench.message(TRIP)) == []  # as narrow as without the other
    assert len(extracted(extractor, words_alone(bench.message(TRIP)))) == 3


def test_only_the_featurizers_that_are_named_are_read(bench):
    data = annotated(bench, alias="dense")
    for number, message in enumerate(data.training_examples):
        add_rows(message, np.full((len(message.get(TEXT).split()), 5), number))
    extractor = trained(bench, data, featurizers=["dense"])
    assert len(extracted(extractor, bench.message(TRIP, alias="dense"))) == 3
    assert extracted(extractor, bench.message(TRIP)) == []


def test_featurizers_that_are_not_there_are_refused_with_those_that_are(bench):
    with pytest.raises(InvalidConfigException, match=r"FewShotEntityExtractor: featurizers is .* Name some of 'dense'"):
        bench.create(FewShotEntityExtractor, {"featurizers": ["dens"]}).train(annotated(bench, alias="dense"))


def test_messages_of_which_featurizers_see_other_tokens_are_left_out_and_answered_with_nothing(bench):
    data = annotated(bench)
    extractor = trained(bench, data)
    assert len(extracted(extractor, bench.message(TRIP))) == 3
    assert extracted(extractor, add_rows(bench.message(TRIP), np.ones((2, 5)))) == []
    other = annotated(bench, unread({"book": ["take me to [the moon](planet)"]}))
    add_rows(other.training_examples[0], np.ones((2, 5)))
    extractor = trained(bench, annotated(bench).merge(other))
    assert len(extracted(extractor, bench.message(TRIP))) == 3 and "planet" not in str(extractor._tagger.labels)


def test_a_lookup_table_finds_what_is_in_it_alone(bench):
    plants = ["qorvex", "zyntha", "blomir", "haspel", "ondrux", "kelvane", "traskel", "vunda", "pelquor"]
    others = ["skrimjo", "hlavter", "morblat", "wendrick", "jusk", "ferbola"]
    places = [
        "water the {}",
        "the {} is dry",
        "give the {} some water",
        "where is the {}",
        "cut the {} back",
        "a new {}",
    ]
    examples = {
        "plants": [place.format(f"[{word}](plant)") for place, word in zip(places, plants, strict=False)],
        "others": [place.format(word) for place, word in zip(places, others, strict=True)],
    }
    table = {"name": "plant", "elements": plants}
    found = []
    for tables in ([table], []):
        data = bench.tokenize(unread(examples, lookup_tables=tables))
        regex = bench.create(RegexFeaturizer, resource=f"regex{len(tables)}")
        regex.train(data)
        featurizer = bench.create(TokenPruningFeaturizer)
        data = featurizer.process_training_data(regex.process_training_data(data))
        extractor = trained(bench, data)
        messages = bench.tokenize([Message({TEXT: f"water the {word}"}) for word in plants[6:]])
        found.append([extracted(extractor, one) for one in featurizer.process(regex.process(messages))])
    assert [brief(entities) for entities in found[0]] == [[("plant", word, None)] for word in plants[6:]]
    assert [brief(entities) for entities in found[1]] != [brief(entities) for entities in found[0]]


def test_the_synonym_mapper_replaces_its_values(bench):
    examples = {**EXAMPLES, "fly": ['fly to [NYC]{"entity": "city", "role": "to", "value": "New York"}']}
    data = annotated(bench, unread(examples, entity_synonyms={"NYC": "New York"}))
    extractor = trained(bench, data)
    bench.create(EntitySynonymMapper, resource="synonyms").train(data)
    message = extractor.process([bench.message("fly to NYC")])[0]
    [found] = extracted(bench.load(EntitySynonymMapper, resource="synonyms"), message)
    assert (found["value"], found["start"], found["end"]) == ("New York", 7, 10)
    assert (found["extractor"], found["processors"]) == ("FewShotEntityExtractor", ["EntitySynonymMapper"])


def test_beside_the_classifier_both_say_what_they_say_alone(bench):
    data = annotated(bench)
    bench.create(FewShotIntentClassifier, resource="classifier").train(data)
    extractor, classifier = trained(bench, data), bench.load(FewShotIntentClassifier, resource="classifier")
    together = classifier.process(extractor.process([bench.message(TRIP)]))[0]
    turned = extractor.process(classifier.process([bench.message(TRIP)]))[0]
    assert together.get("intent") == turned.get("intent") == classifier.process([bench.message(TRIP)])[0].get("intent")
    assert together.get("intent")["name"] == "book"
    assert together.get(ENTITIES) == turned.get(ENTITIES) == extracted(extractor, bench.message(TRIP))


def test_a_batch_is_answered_as_its_messages_are(bench):
    extractor = trained(bench)
    texts = [TRIP, "", "hello", "from Rome to Quito", "on Monday"]
    together = extractor.process([bench.message(text) for text in texts])
    assert [message.get(ENTITIES) for message in together] == [
        extracted(extractor, bench.message(text)) for text in texts
    ]


def test_stored_and_loaded_says_the_same_to_the_bit(bench):
    extractor = bench.create(FewShotEntityExtractor)
    extractor.train(annotated(bench))
    loaded = bench.load(FewShotEntityExtractor)
    for text in (TRIP, "hello", "", "never heard of Ouagadougou"):
        one, other = bench.message(text), bench.message(text)
        extractor.process([one])
        loaded.process([other])
        assert one.fingerprint() == other.fingerprint()


def test_the_archive_holds_safetensors_and_json_only(bench):
    trained(bench)
    assert sorted(bench.files()) == ["tagger.json", "tagger.safetensors"]


def test_the_order_of_the_examples_does_not_matter_to_the_bit(bench):
    data = annotated(bench)
    bench.create(FewShotEntityExtractor, resource="one").train(data)
    bench.create(FewShotEntityExtractor, resource="other").train(TrainingData(data.training_examples[::-1]))
    assert bench.files("one") == bench.files("other")


def test_training_leaves_the_messages_as_they_are(bench):
    data = with_extractor(annotated(bench), "date", "DucklingEntityExtractor")
    before = data.fingerprint()
    bench.create(FewShotEntityExtractor).train(data)
    assert data.fingerprint() == before


def test_the_log_says_what_was_learnt(bench, caplog):
    with caplog.at_level(logging.INFO):
        trained(bench)
    assert "Learnt 3 kinds of entities from 11 messages." in caplog.text


def test_finetuning_learns_the_new_examples(bench):
    trained(bench)
    with bench.storage.write_to(Resource("component")) as folder:
        (folder / "of another version").write_text("")
    finetuned = bench.load(FewShotEntityExtractor, is_finetuning=True)
    text = "book a ticket for the xylophone concert"
    assert extracted(finetuned, bench.message(text)) == []
    more = ["a ticket for the [xylophone](instrument) concert", "is the [xylophone](instrument) concert sold out"]
    finetuned.train(annotated(bench, unread({**EXAMPLES, "concert": more})))
    extractor = bench.load(FewShotEntityExtractor)
    assert brief(extracted(extractor, bench.message(text))) == [("instrument", "xylophone", None)]
    assert len(extracted(extractor, bench.message(TRIP))) == 3
    assert sorted(bench.files()) == ["tagger.json", "tagger.safetensors"]


@pytest.mark.parametrize("name", ["tagger.json", "tagger.safetensors"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"[]", b"not what it was"], ids=repr)
def test_a_damaged_archive_is_refused_with_advice(bench, name, content):
    trained(bench)
    file = bench.folder / "component" / name
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(InvalidConfigException, match=r"FewShotEntityExtractor: .*train again"):
        bench.load(FewShotEntityExtractor)


@pytest.mark.parametrize(
    ("config", "advice"),
    [
        ({"featurisers": []}, "Did you mean 'featurizers'"),
        ({"split_entities_by_commas": True}, "Did you mean 'split_entities_by_comma'"),
        ({"max_iterations": 50}, "Its options are featurizers, split_entities_by_comma"),
        ({"featurizers": "dense"}, "list of aliases"),
        ({"split_entities_by_comma": "yes"}, "'yes'; give true or false, or one of them"),
        ({"split_entities_by_comma": None}, "give true or false"),
        ({"split_entities_by_comma": 0}, "give true or false"),
        ({"split_entities_by_comma": ["address"]}, "give true or false"),
        ({"split_entities_by_comma": {"address": "no"}}, "give true or false"),
        ({"split_entities_by_comma": {"address": False, "city": None}}, "give true or false"),
    ],
)
def test_bad_options_are_refused_with_advice(bench, config, advice):
    with pytest.raises(InvalidConfigException, match=f"FewShotEntityExtractor.*{advice}"):
        bench.create(FewShotEntityExtractor, config)


def test_a_pasted_diet_block_is_one_warning_that_does_not_name_what_counts(bench):
    with pytest.warns(UserWarning, match=r"FewShotEntityExtractor ignores BILOU_flag, .*ranking_length") as warned:
        bench.create(FewShotEntityExtractor, DIETClassifier.get_default_config())
    assert len(warned) == 1
    assert "split_entities_by_comma" not in str(warned[0].message)


def test_its_own_options_and_what_rasa_adds_are_taken_without_a_warning(bench):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        given = {"name": "x", "finetuning_epoch_fraction": 1.0, "split_entities_by_comma": {"address": False}}
        bench.create(FewShotEntityExtractor, given)


def test_fingerprinting_takes_the_options_that_rasa_makes_up_for_cached_nodes():
    made_up = FewShotEntityExtractor.fingerprint_addon({"output": "from the cache"})
    assert made_up == FewShotEntityExtractor.fingerprint_addon({})
    assert set(json.loads(made_up)) == {"package", "scipy"}


@pytest.fixture(scope="module")
def assistant(tmp_path_factory):
    """An assistant that Rasa trained, loaded, and a file of other messages."""
    folder = tmp_path_factory.mktemp("assistant")

    def write(name, **content):
        (folder / name).write_text(yaml.safe_dump({"version": "3.1", **content}))
        return str(folder / name)

    ours = ("TokenPruningFeaturizer", "FewShotIntentClassifier", "FewShotEntityExtractor")
    pipeline = [
        {"name": "WhitespaceTokenizer"},
        {"name": "RegexFeaturizer"},
        *({"name": f"rasa_token_pruning.{name}"} for name in ours),
        {"name": "EntitySynonymMapper"},
        {"name": "FallbackClassifier", "threshold": 0.3},
    ]
    config = write("config.yml", recipe="default.v1", language="en", assistant_id="trips", pipeline=pipeline)
    listed = [{"intent": key, "examples": "".join(f"- {text}\n" for text in texts)} for key, texts in EXAMPLES.items()]
    listed += [{"lookup": "city", "examples": "- Ulm\n- Gera\n"}, {"synonym": "Roma", "examples": "- Rome\n"}]
    asked = [
        ("book", f"a train from [Berlin]{FROM} to [San Francisco]{TO} on [Tuesday](date)"),
        ("book", f"fly from [Rome]{FROM} to [Quito]{TO}"),
        ("greet", "hello you"),
    ]
    judged = write("test.yml", nlu=[{"intent": key, "examples": f"- {text}\n"} for key, text in asked])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RASA_CACHE_DIRECTORY", str(folder / "cache"))
        archive = train_nlu(config, write("nlu.yml", nlu=listed), str(folder))
    return Agent.load(archive), judged


def test_rasa_parses_a_message_with_its_entities(assistant):
    agent, _ = assistant
    parsed = asyncio.run(agent.parse_message("a train from Rome to San Francisco"))
    assert parsed["intent"]["name"] == "book"
    assert brief(parsed["entities"]) == [("city", "Roma", "from"), ("city", "San Francisco", "to")]


def test_rasa_test_evaluates_its_entities(assistant, tmp_path):
    agent, judged = assistant
    options = {"output_directory": str(tmp_path), "disable_plotting": True}
    evaluation = asyncio.run(run_evaluation(judged, agent.processor, **options))["entity_evaluation"]
    assert set(evaluation) == {"FewShotEntityExtractor"}
    found = evaluation["FewShotEntityExtractor"]
    assert found["f1_score"] > 0.8
    assert {"city.from", "city.to", "date"} <= set(found["report"])
