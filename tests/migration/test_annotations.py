"""Whether training data annotates entities."""

import json

import pytest

from rasa_token_pruning.migration.annotations import annotates_entities
from rasa_token_pruning.migration.errors import MigrationError


def nlu(*examples, key="intent"):
    lines = "".join(f"    - {example}\n" for example in examples)
    return f'version: "3.1"\nnlu:\n- {key}: greet\n  examples: |\n    - hello [there]\n{lines}'


@pytest.mark.parametrize(
    ("example", "is_annotated"),
    [
        ("to [Paris](city)", True),
        ("to [the city of light](city:Paris)", True),
        ('to [Paris]{"entity": "city", "role": "to"}', True),
        ('to [Paris][{"entity": "city"}, {"entity": "name"}]', True),
        ("to [Paris] (city)", False),
        ("to [](city)", False),
        ("to Paris", False),
    ],
)
def test_annotations_as_rasa_takes_them(tmp_path, example, is_annotated):
    from rasa.shared.nlu.training_data.entities_parser import find_entities_in_training_example

    assert bool(find_entities_in_training_example(example)) is is_annotated
    (tmp_path / "nlu.yml").write_text(nlu(example), encoding="utf-8")
    assert annotates_entities(tmp_path) is annotates_entities(tmp_path / "nlu.yml") is is_annotated


@pytest.mark.parametrize(
    "text",
    [
        nlu("to [Paris](city)", key="synonym"),
        "nlu:\n- intent: greet\n  examples: |\n    - hello\n  # - [Paris](city)\n",
        'responses:\n  utter_link:\n  - text: "[here](page)"\n',
        "stories:\n- story: e2e\n  steps:\n  - user: |\n      to [Paris](city)\n",
        "nlu: '[Paris](city)'\n",
        "nlu:\n- '[Paris](city)'\n- intent: a\n  examples: {'[Paris](city)': 1}\n",
        "nlu:\n- intent: '[Paris](city)'\n",
        "",
    ],
)
def test_only_examples_of_intents_count(tmp_path, text):
    (tmp_path / "data.yml").write_text(text, encoding="utf-8")
    assert annotates_entities(tmp_path) is False


def test_examples_with_metadata_count(tmp_path):
    (tmp_path / "nlu.yaml").write_text(
        "nlu:\n- intent: go\n  examples:\n  - text: |\n      - to [Paris](city)\n    metadata: {a: 1}\n",
        encoding="utf-8",
    )
    assert annotates_entities(tmp_path)


@pytest.mark.parametrize(
    ("content", "is_annotated"),
    [
        (
            {"rasa_nlu_data": {"common_examples": [{"text": "a"}, {"text": "to P", "entities": [{"entity": "city"}]}]}},
            True,
        ),
        ({"rasa_nlu_data": {"common_examples": [{"text": "[Paris](city)", "entities": []}]}}, False),
        ({"rasa_nlu_data": {}}, False),
        ([{"entities": [1]}], False),
    ],
)
def test_json(tmp_path, content, is_annotated):
    (tmp_path / "nlu.json").write_text(json.dumps(content), encoding="utf-8")
    assert annotates_entities(tmp_path) is is_annotated


def test_files_in_folders_count_and_others_do_not(tmp_path):
    (tmp_path / "one" / "two.yml").mkdir(parents=True)
    (tmp_path / "one" / "notes.md").write_text(nlu("to [Paris](city)"), encoding="utf-8")
    (tmp_path / "one" / ".nlu.yml").write_text(nlu("to [Paris](city)"), encoding="utf-8")
    assert annotates_entities(tmp_path) is False
    (tmp_path / "one" / "two.yml" / "nlu.yml").write_text(nlu("to [Paris](city)"), encoding="utf-8")
    assert annotates_entities(tmp_path) is True


@pytest.mark.parametrize("examples", [None, True, 5, "text", {"text": 1}, [], [5]], ids=repr)
def test_json_without_a_list_of_examples_has_none(tmp_path, examples):
    (tmp_path / "nlu.json").write_text(json.dumps({"rasa_nlu_data": {"common_examples": examples}}))
    assert annotates_entities(tmp_path) is False


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("nlu.yml", b"nlu: [a](b) {"),
        ("nlu.yml", b"\xff"),
        ("nlu.yml", b"? [{a: '[a](b)'}]\n"),
        ("nlu.yml", b"nlu: '[a](b)'\nx: !!bool maybe\n"),
        ("nlu.json", b"{"),
        ("nlu.json", b"\xff"),
        ("nlu.json", b"[" * 100_000),
    ],
    ids=range(7),
)
def test_what_cannot_be_read_is_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(MigrationError, match=name):
        annotates_entities(tmp_path)
