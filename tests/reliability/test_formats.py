"""Every file that we write says its format, or belongs to one that does; a newer one is refused with both numbers."""

import hashlib
import json
import re
import sqlite3
from contextlib import closing

import pytest
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.exceptions import InvalidConfigException

from rasa_token_pruning import (
    FewShotEntityExtractor,
    FewShotIntentClassifier,
    FewShotResponseSelector,
    TokenPruningFeaturizer,
)
from rasa_token_pruning.encoder.bundle import _checksum as checksum
from rasa_token_pruning.encoder.disk_cache import FORMAT, DiskCache
from tests.reliability.conftest import ours, unpacked

COMPONENTS = {
    component.__name__: component
    for component in (
        *(FewShotEntityExtractor, FewShotIntentClassifier),
        *(FewShotResponseSelector, TokenPruningFeaturizer),
    )
}

# For each file in an archive, the one that says its format.
FORMATS = {
    "FewShotEntityExtractor/tagger.json": "FewShotEntityExtractor/tagger.json",
    "FewShotEntityExtractor/tagger.safetensors": "FewShotEntityExtractor/tagger.json",
    "FewShotIntentClassifier/classifier.json": "FewShotIntentClassifier/classifier.json",
    "FewShotIntentClassifier/classifier.safetensors": "FewShotIntentClassifier/classifier.json",
    "FewShotIntentClassifier/examples.json": "FewShotIntentClassifier/examples.json",
    "FewShotIntentClassifier/examples.safetensors": "FewShotIntentClassifier/examples.json",
    "FewShotResponseSelector/answers.json": "FewShotResponseSelector/answers.json",
    "FewShotResponseSelector/classifier.json": "FewShotResponseSelector/classifier.json",
    "FewShotResponseSelector/classifier.safetensors": "FewShotResponseSelector/classifier.json",
    "TokenPruningFeaturizer/encoder.json": "TokenPruningFeaturizer/encoder.json",
    "TokenPruningFeaturizer/encoder/encoder.json": "TokenPruningFeaturizer/encoder/encoder.json",
    "TokenPruningFeaturizer/encoder/encoder.onnx": "TokenPruningFeaturizer/encoder/encoder.json",
    "TokenPruningFeaturizer/encoder/tokenizer.json": "TokenPruningFeaturizer/encoder/encoder.json",
}
SAYING = sorted(set(FORMATS.values()))


@pytest.fixture
def folders(archive, tmp_path):
    """The folder of each component, by the name of its class."""
    return unpacked(archive, tmp_path)


def load(name, folder):
    """Load a component from its folder, as Rasa does."""
    component = COMPONENTS[name]
    context = ExecutionContext(GraphSchema({}), "model", node_name="run_component")
    config = component.get_default_config()
    return component.load(config, LocalModelStorage(folder.parent), Resource(folder.name), context)


def test_every_file_of_ours_in_an_archive_says_its_format_or_belongs_to_one_that_does(archive):
    files = ours(archive)
    assert set(files) == set(FORMATS)
    for name in SAYING:
        assert isinstance(json.loads(files[name])["format"], int)


@pytest.mark.parametrize("name", COMPONENTS)
def test_what_was_written_can_be_loaded(folders, name):
    load(name, folders[name])


def change(component, folder, name, **changes):
    """Change keys of a file, and the marks by which others recognise it."""
    file = folder / name
    record = {**json.loads(file.read_bytes()), **changes}
    if name == "encoder/encoder.json":
        del record["checksum"]
        record["checksum"] = checksum(record)
    file.write_text(json.dumps(record))
    if name == "encoder/encoder.json":
        change(component, folder, "encoder.json", bundle=hashlib.sha256(file.read_bytes()).hexdigest())


@pytest.mark.parametrize("file", SAYING)
def test_a_newer_format_is_refused_with_both_numbers_and_the_way_out(folders, file):
    component, name = file.split("/", 1)
    known = json.loads((folders[component] / name).read_bytes())["format"]
    change(component, folders[component], name, format=known + 1000)
    with pytest.raises(InvalidConfigException) as refused:
        load(component, folders[component])
    said = str(refused.value)
    assert f"format {known + 1000}" in said, said
    assert re.search(rf"\b{known}\b", said), said
    assert "train again" in said.lower()


@pytest.mark.parametrize("file", SAYING)
def test_a_file_without_a_format_is_refused(folders, file):
    component, name = file.split("/", 1)
    change(component, folders[component], name, format=None)
    with pytest.raises(InvalidConfigException, match=r"[Tt]rain again"):
        load(component, folders[component])


def test_the_cache_says_its_format(tmp_path):
    DiskCache(tmp_path / "cache.db", 100).write({"a": b"one"})
    with closing(sqlite3.connect(tmp_path / "cache.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (FORMAT,)
