"""Data and configs that a user names: labelled messages, texts, annotated training data, a config to migrate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris
from ruamel.yaml import YAML

from fuzz.choices import Choices, changed, damaged
from fuzz.harness import main

with atheris.instrument_imports(include=["rasa_token_pruning"]):
    from rasa_token_pruning.evaluation.labelled import LabelledError, read_labelled
    from rasa_token_pruning.evaluation.texts import TextsError, read_texts
    from rasa_token_pruning.migration.annotations import annotates_entities
    from rasa_token_pruning.migration.classifiers import ENTITIES, Wish
    from rasa_token_pruning.migration.errors import MigrationError
    from rasa_token_pruning.migration.migrate_command import report
    from rasa_token_pruning.migration.migrating import migrate

ALLOWED = (LabelledError, TextsError, MigrationError)
CSV = 'text,intent\nhello,greet\n"bye, bye",goodbye\n' + "".join(f"message {number},a\n" for number in range(20))
NLU = """\
version: "3.1"
nlu:
- intent: greet
  examples: |
    - hello
    - to [Paris](city) and [LA]{"entity": "city", "role": "to"}
- intent: faq/hours
  examples:
  - text: |
      when are you open
    metadata: {a: 1}
"""
RASA_JSON = {"rasa_nlu_data": {"common_examples": [{"text": "to Paris", "intent": "go", "entities": [{"start": 3}]}]}}
CONFIGS = (
    """\
recipe: default.v1
assistant_id: desk
language: en
# what understands
pipeline:
- name: WhitespaceTokenizer  # words
- name: RegexFeaturizer
- name: LexicalSyntacticFeaturizer
- name: "CountVectorsFeaturizer"
  analyzer: char_wb
- name: DIETClassifier
  epochs: 100
  ranking_length: 5
- name: ResponseSelector
- name: FallbackClassifier
  threshold: 0.7
policies:
- name: TEDPolicy
  featurizers: [a]
""",
    """\
x: &options
  epochs: 5
pipeline:
  - {name: SpacyNLP, model: "en"}
  - name: SpacyTokenizer
  - &a
    name: SpacyFeaturizer
    alias: a
  - name: CRFEntityExtractor
    features: [["low"], ["text_dense_features"]]
  - <<: *options
    name: DIETClassifier
    featurizers: [a]
""",
    "recipe: default.v1\npipeline: [{name: WhitespaceTokenizer}, {name: DIETClassifier}]\n",
    "language: de\npipeline:\n",
)
WORDS = (
    "- name: ", "pipeline:", "DIETClassifier", "ResponseSelector", "CRFEntityExtractor", "rasa_token_pruning.", "nlu:",
    "LogisticRegressionClassifier", "MyFeaturizer", "MyTokenizer", "alias: ", "featurizers: ", "&a ", "*a", "<<: *a",
    "? ", "|\n", ">-\n", "\\U", "\\x", "%YAML 1.2\n---\n", "!!python/object", "!!binary ", "!!set ", "!!timestamp ",
    "---\n", "...\n", "# ", "\r\n", "\r", "\t", "\u2028", "\x85", "\ufeff", "- intent: ", "  examples: |\n",
    "  - text: ", "[a](b)", '[a]{"entity": "b"}', "text,intent\n",
    '"', '"",', "\x00", ".inf", ".nan", "0x", "null", "~", "{", "}", "[", "]", "5: 6", "1.5: ", "true: ",
)  # fmt: skip

PLACE = TemporaryDirectory()


def _file(name: str, content: bytes) -> Path:
    file = Path(PLACE.name, name)
    file.write_bytes(content)
    return file


def _cut(base: str, choices: Choices) -> bytes:
    """A text into whose lines the fuzzer's own words come, or the fuzzer's own text."""
    kind = choices.number(4)
    if kind == 3:
        return choices.rest()
    lines = base.splitlines(keepends=True)
    for _ in range(kind):
        at, replaced = choices.number(len(lines)), choices.number(2)
        line = " " * choices.number(8) + "".join(choices.of(WORDS) for _ in range(choices.number(5))) + "\n"
        lines[at : at + replaced] = [line]
    text = "".join(lines)
    at, gone = choices.number(len(text) + 1), choices.number(8)
    return text[:at].encode() + choices.rest() + text[at + gone :].encode()


def _csv(choices: Choices) -> None:
    found = read_labelled(_file("a.csv", _cut(CSV, choices)))
    assert len(found.texts) == len(found.intents) and all(text.strip() for text in found.texts)


def _yaml(choices: Choices) -> None:
    found = read_labelled(_file("a.yml", _cut(NLU, choices)))
    assert len(found.texts) == len(found.intents) and all(text.strip() for text in found.texts)


def _texts(choices: Choices) -> None:
    name = choices.of(("b.csv", "b.txt"))
    assert len(read_texts(_file(name, _cut(CSV, choices)))) >= 20


def _annotations(choices: Choices) -> None:
    assert annotates_entities(_file("c.yml", _cut(NLU, choices))) in (True, False)


def _annotations_in_json(choices: Choices) -> None:
    assert annotates_entities(_file("c.json", damaged(RASA_JSON, choices))) in (True, False)


def _config(choices: Choices) -> None:
    """Migrate a text; what comes has nothing left to migrate."""
    wish = Wish(choices.of(ENTITIES), choices.of((None, True, False)), choices.of((False, True)))
    if choices.number(4) == 3:
        text = _dumped(changed(YAML(typ="safe").load(choices.of(CONFIGS)), choices))
    else:
        text = _cut(choices.of(CONFIGS), choices).decode("utf-8", "replace")
    migration = migrate(text, "config.yml", wish)
    report(text, migration, "config.yml", coloured=True)
    migration.text.encode()
    again = migrate(migration.text, "config.yml", wish)
    assert again.text == migration.text


def _dumped(document: object) -> str:
    import yaml

    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


PARTS: tuple[Callable[[Choices], None], ...] = (
    _csv, _yaml, _texts, _annotations, _annotations_in_json, _config, _config,
)  # fmt: skip


def check(content: bytes) -> None:
    """Read one kind of file."""
    choices = Choices(content)
    choices.of(PARTS)(choices)


if __name__ == "__main__":
    seeds = [bytes([part, *rest]) for part in range(5) for rest in ((), (1, 2, 1, 0, 1, 3), (1, 3, 0, 2, 2, 9, 4))]
    wishes = range(len(ENTITIES))
    seeds += [bytes([5, entities, 0, 0, 0, which]) for entities in wishes for which in range(len(CONFIGS))]
    seeds += [bytes([5, 0, 0, 0, 3, which, 1, 5]) for which in range(len(CONFIGS))]
    seeds += [bytes([part, 3]) + text.encode() for part, text in ((0, CSV), (1, NLU), (3, NLU))]
    seeds += [bytes([5, 0, 0, 0, 0, which, 3]) + text.encode() for which, text in enumerate(CONFIGS)]
    main("data", check, ALLOWED, seeds, WORDS)
