"""What a person wrote around the components stays."""

import pytest

from rasa_token_pruning.migration.classifiers import Wish
from rasa_token_pruning.migration.editing import written
from rasa_token_pruning.migration.errors import MigrationError
from rasa_token_pruning.migration.migrating import migrate

OLD = """\
# our bot
recipe: default.v1   # of Rasa
language: "en"

pipeline:
# words
-   name: WhitespaceTokenizer   # simple
    # intent_tokenization_flag: true

# sparse
-   name: "CountVectorsFeaturizer"   # of words
# also of letters

-   name: CountVectorsFeaturizer
    # of letters
    analyzer: 'char_wb'

# the classifier
-   epochs: 100   # enough

    # it is here
    name: 'rasa.nlu.classifiers.diet_classifier.DIETClassifier'  # DIET
    ranking_length: 5  # five

    hidden_layers_sizes:
      # wide
      text: [256, 128]
    # no more
# synonyms
-   name: "EntitySynonymMapper"

# -   name: FallbackClassifier
policies:
  - name:   RulePolicy
    enable_fallback_prediction: True
"""
NEW = """\
# our bot
recipe: default.v1   # of Rasa
language: "en"

pipeline:
# words
-   name: WhitespaceTokenizer   # simple
    # intent_tokenization_flag: true

# sparse
-   name: rasa_token_pruning.TokenPruningFeaturizer
# also of letters


# the classifier
    # it is here
-   name: 'rasa_token_pruning.FewShotIntentClassifier'  # DIET
    ranking_length: 5  # five

    # no more
# synonyms
-   name: "EntitySynonymMapper"

# -   name: FallbackClassifier
policies:
  - name:   RulePolicy
    enable_fallback_prediction: True
"""
SMALL = "- name: WhitespaceTokenizer\n- name: CountVectorsFeaturizer\n- name: DIETClassifier\n"
SMALL_NEW = (
    "- name: WhitespaceTokenizer\n- name: rasa_token_pruning.TokenPruningFeaturizer\n"
    "- name: rasa_token_pruning.FewShotIntentClassifier\n"
)


def test_comments_order_quotes_and_layout_stay(rewritten):
    assert rewritten(OLD, entities="none") == NEW


def test_comments_of_lines_that_go_are_in_the_notes():
    notes = "\n".join(migrate(OLD, "config.yml", Wish("none")).notes)
    assert (
        "Comments that went with their lines: line 11: # of words; line 15: # of letters; line 19: # enough; "
        "line 26: # wide" in notes
    )


def test_a_config_without_lost_comments_has_no_such_note():
    assert not any("Comments" in note for note in migrate("pipeline:\n" + SMALL, "config.yml", Wish("none")).notes)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("end", ["", "\n", "\n\n\n", "\n# end", "\npolicies:\n"])
@pytest.mark.parametrize("start", ["", "\ufeff", "---\n", "%YAML 1.2\n---\n"])
def test_line_ends_and_what_stands_around_stay(rewritten, start, end, newline):
    def around(pipeline):
        return (start + "pipeline:\n" + pipeline.removesuffix("\n") + end).replace("\n", newline)

    assert rewritten(around(SMALL), entities="none") == around(SMALL_NEW)


def test_a_dash_on_a_line_of_its_own(rewritten):
    old = "pipeline:\n  -\n    name: WhitespaceTokenizer\n  -\n    # a\n    name: CountVectorsFeaturizer\n"
    old += "  -\n    # b\n    epochs: 5\n    name: DIETClassifier\n"
    assert rewritten(old, entities="diet") == (
        "pipeline:\n  -\n    name: WhitespaceTokenizer\n"
        "  - name: rasa_token_pruning.TokenPruningFeaturizer\n"
        "  -\n    # a\n    name: CountVectorsFeaturizer\n    alias: count-vectors\n"
        "  - name: rasa_token_pruning.FewShotIntentClassifier\n"
        "  -\n    # b\n    epochs: 5\n    name: DIETClassifier\n    intent_classification: false\n"
        "    featurizers: [count-vectors]\n"
    )


def test_components_in_braces_stay_in_braces(rewritten):
    old = """\
pipeline:
  - {name: WhitespaceTokenizer}  # tokens
  - {name: CountVectorsFeaturizer,  # lost
     "analyzer": "char_wb"}  # letters
  - { name: DIETClassifier, epochs: 100, ranking_length: 3}
    # below
"""
    assert (
        rewritten(old, entities="diet")
        == """\
pipeline:
  - {name: WhitespaceTokenizer}  # tokens
  - name: rasa_token_pruning.TokenPruningFeaturizer
  - {name: CountVectorsFeaturizer, analyzer: char_wb, alias: count-vectors}  # letters
  - name: rasa_token_pruning.FewShotIntentClassifier
    ranking_length: 3
  - {name: DIETClassifier, intent_classification: false, epochs: 100, featurizers: [count-vectors]}
    # below
"""
    )
    assert any("line 3: # lost" in note for note in migrate(old, "config.yml", Wish("diet")).notes)


def test_a_pipeline_in_brackets_is_written_in_lines(rewritten):
    old = """\
pipeline: [ {name: WhitespaceTokenizer}, # lost
  {name: CountVectorsFeaturizer}, {name: DIETClassifier, ranking_length: 3} ]  # stays
policies: []
"""
    assert (
        rewritten(old, entities="none")
        == """\
pipeline:  # stays
  - name: WhitespaceTokenizer
  - name: rasa_token_pruning.TokenPruningFeaturizer
  - name: rasa_token_pruning.FewShotIntentClassifier
    ranking_length: 3
policies: []
"""
    )
    notes = "\n".join(migrate(old, "config.yml", Wish("none")).notes)
    assert "line 1: # lost" in notes and "written in brackets" in notes


def test_what_is_said_of_a_featurizer_that_stays_stays_above_it(rewritten):
    patterns = "# patterns\n- name: RegexFeaturizer\n"
    start = "pipeline:\n# tokens\n- name: WhitespaceTokenizer\n"
    assert rewritten(start + patterns + "- name: DIETClassifier\n", entities="crf").startswith(
        start + "- name: rasa_token_pruning.TokenPruningFeaturizer\n"
        "- name: LexicalSyntacticFeaturizer\n  alias: lexical\n" + patterns
    )


def test_a_hash_in_a_value_is_no_comment(rewritten):
    thing = "  - name: my.Thing\n    text: |\n      # not a comment\n\n    like: 'a # b'\n    plain: a#b\n"
    old = f"pipeline:\n  - name: WhitespaceTokenizer\n{thing}  - name: CountVectorsFeaturizer\n"
    old += '  - name: DIETClassifier\n    tensorboard_log_directory: "a # b"\n    checkpoint_model: a#b\n'
    assert thing in rewritten(old, entities="none")
    assert not any("Comments" in note for note in migrate(old, "config.yml", Wish("none")).notes)


def test_options_that_are_written_elsewhere_are_written_out_where_some_of_them_go(rewritten):
    old = """\
train: &train
  epochs: 100
  ranking_length: 4
pipeline:
  - name: WhitespaceTokenizer
  - name: CountVectorsFeaturizer
  - name: DIETClassifier
    <<: *train
  - <<: *train
    name: my.Thing
"""
    assert (
        rewritten(old, entities="none").partition("pipeline:\n")[2]
        == """\
  - name: WhitespaceTokenizer
  - name: rasa_token_pruning.TokenPruningFeaturizer
  - name: CountVectorsFeaturizer
  - name: rasa_token_pruning.FewShotIntentClassifier
    ranking_length: 4
  - <<: *train
    name: my.Thing
"""
    )


def test_an_option_that_goes_and_is_needed_elsewhere_is_refused():
    old = "pipeline:\n" + SMALL + "  epochs: &many 100\npolicies:\n- name: TEDPolicy\n  epochs: *many\n"
    with pytest.raises(
        MigrationError, match=r"^config.yml: an option .* elsewhere: found undefined alias 'many'. Write"
    ):
        migrate(old, "config.yml", Wish("none"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (None, "null"),
        (0.5, "0.5"),
        ("char_wb", "char_wb"),
        ("yes", '"yes"'),
        ("1e3", '"1e3"'),
        ("a: b # c", '"a: b # c"'),
        ("é", '"é"'),
        ("${HOST}", "${HOST}"),
        (["a", 1], "[a, 1]"),
        ({"text": [256], "odd key": {}}, '{text: [256], "odd key": {}}'),
    ],
)
def test_values_on_one_line(value, text):
    assert written(value) == text
