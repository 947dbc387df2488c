"""Whatever the pipeline: the output says what it should, and nothing of the user's gets lost."""

import difflib

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rasa_token_pruning.migration.classifiers import ENTITIES, Wish
from rasa_token_pruning.migration.components import DENSE, READ_ALL, SPARSE, TOKENIZERS
from rasa_token_pruning.migration.migrating import migrate
from tests.migration.conftest import HEAD, names

REPLACED = ("DIETClassifier", "ResponseSelector")
GOES = {*SPARSE, *DENSE, "SpacyNLP", "MitieNLP", *REPLACED}
STAYS = (
    *sorted(TOKENIZERS),
    *sorted(READ_ALL),
    "KeywordIntentClassifier",
    "CRFEntityExtractor",
    "rasa_token_pruning.FewShotEntityExtractor",
    "RegexEntityExtractor",
    "EntitySynonymMapper",
    "FallbackClassifier",
    "my.Thing",
    "my.DenseFeaturizer",
)
LEARN_ENTITIES = ("CRFEntityExtractor", "FewShotEntityExtractor")
OPTIONS = {
    "epochs": "3",
    "ranking_length": "'4'",
    "alias": '"mine"',
    "featurizers": "[mine, run_RegexFeaturizer2]",
    "entity_recognition": "False",
    "intent_classification": "true",
    "features": "\n  - [low]\n  - [low, text_dense_features]\n  - - low",
    "text": "|\n    # no comment\n\n    end",
    "nothing": "",
}
comments = st.sampled_from(["", "", "  # said", "\n# below", "\n  # deeper", "\n"])


@st.composite
def components(draw, name):
    """The lines of one component, at column 0."""
    options = draw(st.permutations(sorted(draw(st.sets(st.sampled_from(sorted(OPTIONS)), max_size=3)))))
    lines = [f"{key}: {OPTIONS[key]}{'' if key in ('text', 'features') else draw(comments)}" for key in options]
    quote = draw(st.sampled_from(["", '"', "'"]))
    lines.insert(draw(st.integers(0, len(lines))), f"name: {quote}{name}{quote}{draw(comments)}")
    dash = draw(st.sampled_from(["- ", "-\n  "]))
    return draw(st.sampled_from(["", "# above\n", "\n"])) + dash + "\n".join(lines).replace("\n", "\n  ")


@st.composite
def configs(draw):
    """A config with one DIETClassifier for intents at least."""
    chosen = draw(st.lists(st.sampled_from(sorted({*GOES, *STAYS})), max_size=9))
    chosen.insert(draw(st.integers(0, len(chosen))), "DIETClassifier")
    indent = draw(st.sampled_from(["", "  "]))
    body = "\n".join(draw(components(name)) for name in chosen).replace("\n", "\n" + indent)
    return f"{HEAD}pipeline:\n{indent}{body}\npolicies:  # rules\n- name:   RulePolicy\n"


wishes = st.builds(Wish, st.sampled_from(ENTITIES), st.sampled_from([True, False, None]), st.booleans())


@settings(max_examples=50)
@given(configs(), wishes)
def test_any_pipeline_is_migrated(text, wish):
    old, result = yaml.safe_load(text), migrate(text, "config.yml", wish)
    new = yaml.safe_load(result.text)
    before, after = names(old["pipeline"]), names(new["pipeline"])
    assert {**old, "pipeline": None} == {**new, "pipeline": None}
    assert after.count("TokenPruningFeaturizer") == after.count("FewShotIntentClassifier") == 1
    selectors = before.count("ResponseSelector")
    assert after.count("FewShotResponseSelector") == (0 if wish.keep_selector else selectors)
    assert after.count("ResponseSelector") == (selectors if wish.keep_selector else 0)
    ours = ("TokenPruningFeaturizer", "FewShotIntentClassifier", "FewShotResponseSelector")
    staying = {name.rpartition(".")[2] for name in STAYS} - {*LEARN_ENTITIES}
    assert [name for name in after if name in staying] == [name for name in before if name in staying]
    for extractor in LEARN_ENTITIES:
        assert before.count(extractor) <= after.count(extractor) <= max(1, before.count(extractor))
    added = {"LexicalSyntacticFeaturizer"} if "CRFEntityExtractor" in after else set()
    assert {*after} <= {*before, *ours, *LEARN_ENTITIES, *added}
    custom = [item for item in old["pipeline"] if item["name"].startswith("my.")]
    assert [item for item in new["pipeline"] if item["name"].startswith("my.")] == custom


@settings(max_examples=50)
@given(configs(), wishes)
def test_migrated_twice_is_migrated_once(text, wish):
    once = migrate(text, "config.yml", wish).text
    twice = migrate(once, "config.yml", wish)
    assert twice.text == once and "nothing to do" in twice.notes[0]


@settings(max_examples=50)
@given(configs(), wishes)
def test_no_comment_gets_lost_unsaid(text, wish):
    result = migrate(text, "config.yml", wish)
    lost = [note for note in result.notes if note.startswith("Comments that went")]
    for comment in ("# said", "# below", "# deeper", "# above", "# rules"):
        assert result.text.count(comment) + "".join(lost).count(comment) == text.count(comment)


@settings(max_examples=50)
@given(configs(), wishes)
def test_only_lines_of_the_pipeline_change(text, wish):
    new = migrate(text, "config.yml", wish).text
    assert new.startswith(text.partition("pipeline:\n")[0] + "pipeline:\n")
    assert new.endswith(text[text.index("policies:") :])
    gone = [line[2:] for line in difflib.ndiff(text.splitlines(), new.splitlines()) if line.startswith("- ")]
    untouched = [line for line in text.splitlines() if "my." in line]
    assert not {*gone} & {*untouched}
