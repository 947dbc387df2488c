"""What a person reads about a message and an assistant."""

import dataclasses
import re

import pytest

from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.evaluation.explanation import Explanation, Ranked, Unpruned
from rasa_token_pruning.evaluation.explanation_view import described, report
from rasa_token_pruning.fewshot.neighbours import Neighbour
from tests.evaluation.test_reading_view import DROPPED
from tests.evaluation.test_reading_view import SHOWN as READ

FOUND = Explanation(
    **vars(DROPPED),
    intent="faq",
    confidence=0.0423,
    margin=0.25,
    ranking=(Ranked("faq/place", 0.03, 0.5, 0.6), Ranked("greet", 0.0123, 0.0123, 0.0124)),
    familiarity=0.004,
    familiar=False,
    lowered=True,
    coverage=0.9,
    candidates=tuple(f"intent{number}" for number in range(10)),
    nearest_examples=(Neighbour("where\nis it", "faq/place", 0.876),),
    unpruned=Unpruned("faq", 0.61, 0.5, changed=False),
)
SHOWN = rf"""{READ}
Intent       faq, confidence 0.04
Unpruned     the same intent, confidence 0.61; cosine of the embeddings 0.900
Ranking      0.03  faq/place (probability 0.50, unpruned 0.60)
             0.01  greet
Margin       0.25 between the probabilities of the first two intents
Familiarity  0.00: unlike the training examples, of which less than 1% look no more familiar, so confidences are lowered
Candidates   intent0, intent1, intent2, intent3, intent4, intent5, intent6, intent7 and 2 more (with 90% coverage)
Nearest      0.88  faq/place: where\nis it"""


def test_what_a_person_reads():
    assert report(FOUND) == SHOWN


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"familiarity": 0.45, "familiar": True},
            "0.45: like the training examples, of which 45% look no more familiar",
        ),
        ({"lowered": False}, "less than 1% look no more familiar, but doubt_unfamiliar is off"),
        ({"candidates": ("greet",)}, "Candidates   greet (with 90% coverage)"),
        ({"nearest_examples": None}, "Nearest      the archive holds no examples"),
        (
            {"unpruned": Unpruned("par\nking", 0.61, 0.5, changed=True)},
            r"Unpruned     another intent: par\nking, confidence 0.61; cosine of the embeddings 0.900",
        ),
        ({"cuts": ()}, "Unpruned     the same, as no piece went\n"),
    ],
)
def test_what_it_says_in_other_cases(changes, line):
    assert line in report(dataclasses.replace(FOUND, **changes))


def test_colour_says_the_same():
    changed = dataclasses.replace(FOUND, unpruned=Unpruned("greet", 0.61, 0.5, changed=True))
    coloured = report(changed, coloured=True)
    assert "\x1b[1manother intent: greet, confidence 0.61\x1b[0m" in coloured
    words = re.sub(r"\x1b\[[\d;]*m", "", coloured).split()
    assert words == report(changed).replace("[is]", "is").replace("[it]", "it").split()


def test_an_encoder_alone():
    assert report(DROPPED) == f"{READ}\nUnpruned     cosine of the embeddings 0.900"


@pytest.mark.parametrize(
    ("policy", "line"),
    [
        (PruningPolicy((2,), 0.5, 10), "drop 50% of what is above 10 pieces, in layer 2, by mean_attention"),
        (
            PruningPolicy((1, 3), 0.25, 6, "merge", "attention_value"),
            "merge 25% of what is above 6 pieces, in layers 1 and 3, by attention_value",
        ),
        (
            PruningPolicy((2,), 0.5, 10, protect="negations"),
            "drop 50% of what is above 10 pieces, in layer 2, by mean_attention, but never negations",
        ),
        (
            PruningPolicy((2,), 0.5, 10, protect=("not", "never")),
            "drop 50% of what is above 10 pieces, in layer 2, by mean_attention, but never 'not', 'never'",
        ),
        (PruningPolicy((2,), 0, 10), "off"),
        (PruningPolicy((), 0.5, 10), "off"),
    ],
)
def test_a_policy_in_words(policy, line):
    assert described(policy) == line
