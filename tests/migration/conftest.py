import pytest
import yaml

from rasa_token_pruning.migration.classifiers import Wish
from rasa_token_pruning.migration.migrating import migrate

HEAD = "recipe: default.v1\nassistant_id: desk\nlanguage: en\n"


def config(*items):
    """A config with these components: names, or names with options."""
    pipeline = [{"name": item} if isinstance(item, str) else {**item} for item in items]
    return HEAD + yaml.safe_dump({"pipeline": pipeline}, sort_keys=False)


def migrated(text, **wish):
    """The pipeline of a migrated config and its notes, joined."""
    result = migrate(text, "config.yml", Wish(**wish))
    return yaml.safe_load(result.text)["pipeline"], "\n".join(result.notes)


def names(pipeline):
    return [item["name"].rpartition(".")[2] for item in pipeline]


def only(pipeline, name):
    """The one component of a name, without the name."""
    [found] = [item for item in pipeline if item["name"].rpartition(".")[2] == name]
    return {key: value for key, value in found.items() if key != "name"}


@pytest.fixture
def rewritten():
    """Migrate a text; its new text."""
    return lambda text, **wish: migrate(text, "config.yml", Wish(**wish)).text
