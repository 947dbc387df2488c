"""Whole configs: those that are refused, those with nothing to do, and what else is said."""

import builtins
import re
import sys

import pytest

from rasa_token_pruning.migration.classifiers import ENTITIES, Wish
from rasa_token_pruning.migration.errors import MigrationError
from rasa_token_pruning.migration.migrating import migrate
from tests.conftest import ROOT
from tests.migration.conftest import HEAD, config, migrated, names

SMALL = ("WhitespaceTokenizer", "CountVectorsFeaturizer", "DIETClassifier", "FallbackClassifier")
DEFAULT_NEW = """\
  - name: WhitespaceTokenizer
  - name: rasa_token_pruning.TokenPruningFeaturizer
  - name: rasa_token_pruning.FewShotIntentClassifier
  - name: EntitySynonymMapper
  - name: rasa_token_pruning.FewShotResponseSelector
  - name: FallbackClassifier
    threshold: 0.3
    ambiguity_threshold: 0.1
"""


@pytest.mark.parametrize("line", ["a{n}: &a{n} [*a{m}, *a{m}]\n", "a{n}: &a{n}\n  <<: [*a{m}, *a{m}]\n"])
def test_aliases_that_say_more_than_any_memory_holds_are_refused_at_once(line):
    bomb = "a0: &a0 {x: y}\n" + "".join(line.format(n=number, m=number - 1) for number in range(1, 60))
    with pytest.raises(MigrationError, match=r"config.yml says more than 100000 things"):
        migrate(f"{bomb}pipeline:\n- name: DIETClassifier\n", "config.yml", Wish())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pipeline:\n  - name: [x\n", "config.yml:3: while parsing a flow sequence, expected"),
        ("language: en\nlanguage: de\n", "config.yml:2: .*duplicate key"),
        ("language: !odd en\n", "config.yml:1: .*'!odd'"),
        ("a: \x01\n", "config.yml cannot be read as YAML: .*special characters"),
        ("? [{a: 1}]\n", "config.yml cannot be read as YAML: .*unhashable"),
        ("a: !!int ''\n", "config.yml cannot be read as YAML"),
        ("a: !!bool maybe\n", "config.yml cannot be read as YAML: 'maybe'"),
        ("a: 1\n---\nb: 1\n", "config.yml:2: .*another document"),
        ("- a\n", "config.yml:1: a config has one key a line"),
        ('{"pipeline": []}', "config.yml:1: a config has one key a line"),
        (
            f"pipeline:\n- name: DIETClassifier\n- name: FallbackClassifier\n  threshold: 0x{5000 * 'f'}\n",
            "config.yml:4: a number of 5002 characters",
        ),
        (f"a: {5000 * '1'}\n", "config.yml:1: a number of 5000 characters"),
        ("recipe: graph.v1\nnodes: {}\n", "recipe graph.v1, which lists nodes"),
        ("recipe: mine\n", "recipe 'mine'; only default.v1"),
        ("a: 1\npipeline: supervised_embeddings\n", "config.yml:2: pipeline is 'supervised_embeddings'. Give a list"),
        ("pipeline: []\n", "no DIETClassifier"),
        ("pipeline:\n- name: WhitespaceTokenizer\n- epochs: 1\n", "config.yml:3: a component needs a name"),
        ("pipeline:\n- WhitespaceTokenizer\n", "config.yml:2: a component needs a name"),
        ("pipeline:\n- name: 3\n", "config.yml:2: a component needs a name"),
        ("pipeline:\n- &a\n  name: X\n- *a\n", "config.yml:2: a component is written elsewhere"),
        ("mine: &a\n- name: X\npipeline: *a\n", "config.yml:3: the pipeline is written elsewhere"),
        ("pipeline: &a [*a]\n", "config.yml: something that has an &anchor holds its own"),
        ("mine: &a {x: *a}\npipeline:\n- name: DIETClassifier\n", "config.yml: something that has an &anchor holds"),
        ("pipeline:\n- name: DIETClassifier\n  5: 6\n", "config.yml:2: DIETClassifier has an option 5"),
        ("pipeline:\n- ? [a]\n  : b\n  name: DIETClassifier\n", r"config.yml:2: DIETClassifier has an option \('a',\)"),
        ("pipeline:\r- name: DIETClassifier\r", "config.yml: the pipeline has no line of its own for each component"),
        (config(*SMALL, "rasa_token_pruning.FewShotIntentClassifier"), "config.yml has both DIETClassifier and Few"),
    ],
)
def test_what_cannot_be_migrated_is_refused(text, said):
    with pytest.raises(MigrationError, match=said):
        migrate(text, "config.yml", Wish())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("pipeline:\n", "pipeline:\n" + DEFAULT_NEW),
        ("pipeline:", "pipeline:\n" + DEFAULT_NEW[:-1]),
        ("pipeline: ~", "pipeline:\n" + DEFAULT_NEW[:-1]),
        ("pipeline: null  # Rasa's\npolicies:\n", "pipeline:  # Rasa's\n" + DEFAULT_NEW + "policies:\n"),
        (
            "pipeline:   # Rasa's\n# # No configuration\n\npolicies:\n",
            "pipeline:   # Rasa's\n" + DEFAULT_NEW + "# # No configuration\n\npolicies:\n",
        ),
        ("language: en\n", "language: en\n\npipeline:\n" + DEFAULT_NEW),
        ("language: en", "language: en\n\npipeline:\n" + DEFAULT_NEW[:-1]),
        ("", "pipeline:\n" + DEFAULT_NEW[:-1]),
    ],
)
def test_where_rasa_s_default_pipeline_is_meant_it_is_migrated(old, new):
    result = migrate(old, "config.yml", Wish("none"))
    assert result.text == new and "this is Rasa's default pipeline" in result.notes[0]


def test_the_example_of_the_documentation(root):
    text = (root / "docs" / "migration.md").read_text(encoding="utf-8")
    before, after = re.findall(r"^```yaml\n# \w+\n(.*?)^```", text, re.M | re.S)
    assert migrate(before, "config.yml", Wish()).text == after


@pytest.mark.parametrize("wish", [{}, {"keep_selector": True}, *({"entities": who} for who in ENTITIES)], ids=str)
@pytest.mark.parametrize("name", ["config-diet.yml", "config.yml"])
def test_migrated_once_there_is_nothing_to_do(name, wish):
    once = migrate((ROOT / "example_bot" / name).read_text(encoding="utf-8"), name, Wish(**wish))
    twice = migrate(once.text, name, Wish(**wish))
    assert twice.text == once.text
    assert "already uses this package: there is nothing to do." in twice.notes[0] and len(twice.notes) == 1


@pytest.mark.parametrize(
    ("component", "ours"),
    [
        ("ResponseSelector", "FewShotResponseSelector"),
        ("CRFEntityExtractor", "FewShotEntityExtractor"),
        ({"name": "DIETClassifier", "intent_classification": False}, "FewShotEntityExtractor"),
        ("EntitySynonymMapper", None),
    ],
)
def test_what_ours_could_replace_beside_our_classifier_is_mentioned(component, ours):
    there = ("rasa_token_pruning.TokenPruningFeaturizer", "rasa_token_pruning.FewShotIntentClassifier")
    [note] = migrate(config("WhitespaceTokenizer", *there, component), "config.yml", Wish()).notes
    assert (f"rasa_token_pruning.{ours} can take its place" in note) is bool(ours)
    assert note.count("can take its place") == bool(ours)


def said(text):
    return migrated(text, entities="none")[1]


@pytest.mark.parametrize(("language", "named"), [("en", False), ("en-GB", False), ("EN_us", False), ("de", True)])
def test_other_languages_need_another_encoder(language, named):
    assert (
        f"Language {language}: the default encoder" in said(config(*SMALL).replace(": en", f": {language}"))
    ) is named


@pytest.mark.parametrize(
    ("line", "named"), [("assistant_id: desk\n", False), ("assistant_id: placeholder_default\n", True), ("", True)]
)
def test_an_assistant_needs_an_id(line, named):
    assert ("Rasa wants an assistant_id" in said(config(*SMALL).replace("assistant_id: desk\n", line))) is named


@pytest.mark.parametrize("tokenizer", ["WhitespaceTokenizer", "my.JapaneseTokenizer", None])
def test_a_missing_tokenizer_is_mentioned(tokenizer):
    components = SMALL[1:] if tokenizer is None else (tokenizer, *SMALL[1:])
    assert ("The pipeline has no tokenizer" in said(config(*components))) is (tokenizer is None)


def test_a_missing_fallback_is_mentioned_and_not_added():
    pipeline, notes = migrated(config(*SMALL[:-1]), entities="none")
    assert "FallbackClassifier" not in names(pipeline) and "There is no FallbackClassifier" in notes
    assert "FallbackClassifier" not in said(config(*SMALL))


@pytest.mark.parametrize(("options", "named"), [({}, False), ({"threshold": 0.3}, False), ({"threshold": 0.7}, True)])
def test_a_threshold_that_was_chosen_for_diet_is_mentioned(options, named):
    notes = said(config(*SMALL[:-1], {"name": "FallbackClassifier", **options}))
    assert ("keeps threshold 0.7, which was chosen for DIET" in notes) is named


@pytest.mark.parametrize(
    ("entities", "keep_selector", "named"),
    [
        ("fewshot", False, ["FewShotEntityExtractor does", "FewShotResponseSelector does"]),
        ("none", False, ["FewShotResponseSelector does"]),
        ("crf", True, []),
    ],
)
def test_that_rasa_may_warn_wrongly_is_said(entities, keep_selector, named):
    old = config(*SMALL, "ResponseSelector")
    notes = migrated(old, entities=entities, keep_selector=keep_selector)[1]
    assert [line.rpartition(": ")[2].rstrip(".") for line in notes.splitlines() if "may warn" in line] == named


def test_that_finetuning_ends_is_said():
    assert "cannot be finetuned" in said(config(*SMALL))


def test_an_odd_recipe_or_policies_do_not_matter():
    text = config(*SMALL).replace("default.v1", "") + "policies: RulePolicy\n"
    assert "FewShotIntentClassifier" in names(migrated(text)[0])


def test_without_the_reader_of_yaml_the_way_out_is_said(monkeypatch):
    original = builtins.__import__

    def missing(name, *arguments, **options):
        if name.startswith("ruamel"):
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
        return original(name, *arguments, **options)

    monkeypatch.delitem(sys.modules, "ruamel.yaml", raising=False)
    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(
        MigrationError, match=r"migrate needs the package ruamel.yaml: pip install 'rasa-token-pruning\[tr"
    ):
        migrate(HEAD, "config.yml", Wish())
