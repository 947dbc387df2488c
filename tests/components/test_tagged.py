import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rasa.nlu.constants import TOKENS_NAMES
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.nlu.tokenizers.tokenizer import Token
from rasa.shared.nlu.constants import ENTITIES, FEATURE_TYPE_SENTENCE, FEATURE_TYPE_SEQUENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message

from rasa_token_pruning.components.tagged import spans_of, token_features, tokens_of, with_confidences
from rasa_token_pruning.fewshot.bilou import Label, Span, tags
from rasa_token_pruning.fewshot.tagger import Tagging

LABELS = (
    Label("city"),
    Label("city", "from"),
    Label("city", "to", "1"),
    Label("city", "to", "2"),
    Label("date"),
    Label("date", "to", "1"),
)
SENTENCE = "a bb ccc dd e ff g hh"
WORDS = SENTENCE.split()


def message(text=SENTENCE, entities=(), features=()):
    """A message, tokenised at spaces."""
    found, start = [], 0
    for word in text.split():
        start = text.index(word, start)
        found.append(Token(word, start))
        start += len(word)
    one = Message({TEXT: text, ENTITIES: list(entities), TOKENS_NAMES[TEXT]: found})
    for rows, kind, origin in features:
        one.add_features(Features(np.asarray(rows, dtype=np.float64), kind, TEXT, origin))
    return one


def entity(start, end, **more):
    return {"start": start, "end": end, "entity": "city", **more}


@pytest.mark.parametrize(
    ("annotated", "span"),
    [
        (entity(2, 4), Span(1, 1, Label("city"))),
        (entity(2, 8), Span(1, 2, Label("city"))),
        (entity(3, 4), Span(1, 1, Label("city"))),  # inside a token
        (entity(3, 6), Span(1, 2, Label("city"))),  # from one into the next
        (entity(1, 5), Span(1, 1, Label("city"))),  # with the spaces
        (entity(2, 4, role="to", group="1"), Span(1, 1, Label("city", "to", "1"))),
        (entity(2, 4, role="", group=0), Span(1, 1, Label("city"))),
        (entity(2, 4, role=None, group=2), Span(1, 1, Label("city", None, "2"))),
    ],
    ids=str,
)
def test_an_entity_is_all_tokens_that_it_touches(annotated, span):
    assert spans_of(message("a bb ccc", [annotated]), 3) == [span]


@pytest.mark.parametrize("annotated", [entity(1, 2), entity(8, 8), entity(9, 20)], ids=str)
def test_an_entity_that_touches_no_token_is_none(annotated):
    assert spans_of(message("a bb ccc", [annotated]), 3) == []


def test_a_message_without_tokens_or_entities_has_none():
    assert spans_of(Message({TEXT: "a", ENTITIES: [entity(0, 1)]}), 3) == spans_of(Message({TEXT: "a"}), 3) == []
    assert tokens_of(Message({TEXT: "a"})) == []


ROWS = np.arange(6).reshape(3, 2)


def test_the_rows_words_and_patterns_of_the_tokens_are_what_a_tagger_sees():
    one = message(
        "a Bb ccc", features=[(ROWS, FEATURE_TYPE_SEQUENCE, "one"), (ROWS[:, :1], FEATURE_TYPE_SEQUENCE, "other")]
    )
    tokens_of(one)[1].set("pattern", {"city": True, "name": False, "street": True})
    found = token_features(one, [])
    assert found.rows.dtype == np.float32
    assert found.rows.tolist() == [[0, 1, 0], [2, 3, 2], [4, 5, 4]]
    assert found.words == ["a", "Bb", "ccc"]
    assert found.patterns == [[], ["city", "street"], []]
    assert token_features(one, ["other"]).rows.tolist() == [[0], [2], [4]]


@pytest.mark.parametrize(
    "one",
    [
        Message({TEXT: "a"}),
        message("a bb ccc"),
        message("", features=[(np.ones((1, 2)), FEATURE_TYPE_SEQUENCE, "one")]),
        message("a bb ccc", features=[(ROWS[:2], FEATURE_TYPE_SEQUENCE, "one")]),
        message("a bb ccc", features=[(ROWS[:1], FEATURE_TYPE_SENTENCE, "one")]),
        message("a bb ccc", features=[(ROWS, FEATURE_TYPE_SEQUENCE, "another")]),
    ],
    ids=["no tokens", "no features", "empty", "too few rows", "a sentence alone", "another featurizer"],
)
def test_without_a_row_for_each_token_a_tagger_sees_nothing(one):
    assert token_features(one, ["one"]) is None


@st.composite
def spans(draw):
    """Entities that do not overlap, in order."""
    found, place = [], draw(st.integers(0, 2))
    while place < len(WORDS):
        last = min(place + draw(st.integers(0, 2)), len(WORDS) - 1)
        found.append(Span(place, last, draw(st.sampled_from(LABELS))))
        place = last + 1 + draw(st.integers(0, 2))
    return found


@given(spans(), st.integers(0, 99))
def test_rasa_makes_of_tags_the_entities_that_were_tagged_with_the_confidence_of_their_least_certain_token(drawn, seed):
    sure = np.random.default_rng(seed).dirichlet(np.ones(1 + len(LABELS)), len(WORDS))[:, 1:]
    tagging = Tagging(tags(drawn, len(WORDS), LABELS).tolist(), sure)
    one = message()
    said_of_tokens, sure_of_tokens = with_confidences(tagging, LABELS)
    found = EntityExtractorMixin.convert_predictions_into_entities(
        one.get(TEXT), tokens_of(one), said_of_tokens, {"split_entities_by_comma": True}, sure_of_tokens
    )
    assert [(said["start"], said["end"]) for said in found] == [
        (tokens_of(one)[span.first].start, tokens_of(one)[span.last].end) for span in drawn
    ]
    for said, span in zip(found, drawn, strict=True):
        here = sure[span.first : span.last + 1]

        def least(shared, here=here, label=span.label):
            return here[:, [shared(other) == shared(label) for other in LABELS]].sum(axis=1).min()

        assert Label(said["entity"], said.get("role"), said.get("group")) == span.label
        assert said["confidence_entity"] == pytest.approx(least(lambda label: label.type))
        if span.label.role:
            assert said["confidence_role"] == pytest.approx(least(lambda label: (label.type, label.role)))
        if span.label.group:
            assert said["confidence_group"] == pytest.approx(least(lambda label: (label.type, label.group)))
        assert all(type(value) is float for key, value in said.items() if key.startswith("confidence"))


def test_a_confidence_is_not_above_1_where_probabilities_are_by_a_bit():
    tagging = Tagging(tags([Span(0, 0, LABELS[0])], 1, LABELS).tolist(), np.array([[0.7, 0.3 + 1e-15, 0, 0, 0, 0]]))
    _, confidences = with_confidences(tagging, LABELS)
    assert tagging.probabilities.sum() > 1
    assert confidences["entity"] == [1.0]


def test_what_is_beyond_the_limit_of_the_encoder_is_left_out():
    rows = np.array([[0, 1], [0, 0], [2, 0], [0, 0], [0, 0]])
    one = message("a bb ccc dd e", [entity(2, 8), entity(5, 11), entity(9, 11)], [(rows, FEATURE_TYPE_SEQUENCE, "x")])
    features = token_features(one, [])
    assert features.words == ["a", "bb", "ccc"]
    assert np.array_equal(features.rows, rows[:3])
    assert spans_of(one, 3) == [Span(1, 2, Label("city")), Span(2, 2, Label("city"))]


def test_a_message_of_which_the_encoder_reads_nothing_has_no_features():
    assert token_features(message("a bb", features=[(np.zeros((2, 4)), FEATURE_TYPE_SEQUENCE, "x")]), []) is None
