"""Messages that belong to no intent: where they come from, and what is made of them."""

from dataclasses import replace

import numpy as np
import pytest

from rasa_token_pruning.evaluation.labelled import Labelled
from rasa_token_pruning.reporting.errors import ReportError
from rasa_token_pruning.reporting.outsiders import can_hold_out, held_out_in_turn, read_lines, scope_intents
from tests.reporting.conftest import labelled

DATA = labelled({name: [f"{name} {number}" for number in range(4)] for name in ("a", "b", "c", "faq/x", "faq/y")})


def silent(what):
    pass


def encode(texts):
    """A direction for each intent, and a little of each text's own."""
    rows = []
    for text in texts:
        chance = np.random.default_rng(sum(map(ord, text.split()[0])))
        rows.append(chance.normal(size=8) + 0.1 * np.random.default_rng(sum(map(ord, text))).normal(size=8))
    return np.array(rows)


def test_no_message_is_understood_as_the_intent_that_was_hidden(settings):
    found = held_out_in_turn(DATA, encode, settings, 0, silent)
    assert len(found.answers.topics) == len(found.topics) == len(DATA)
    known = [set(topics) for topics in found.topics]
    assert {frozenset(DATA.known) - topics for topics in known} == {
        frozenset({"a"}), frozenset({"b"}), frozenset({"c"}), frozenset({"faq/x", "faq/y"}),
    }  # fmt: skip


def test_the_messages_of_a_hidden_intent_are_those_judged(settings):
    seen = []

    def watch(texts):
        seen.append(list(texts))
        return encode(texts)

    held_out_in_turn(DATA, watch, replace(settings, use_intent_names=False), 0, silent)
    for learnt, judged in zip(seen[::2], seen[1::2], strict=True):
        assert sorted((*learnt, *judged)) == sorted(DATA.texts)
        assert not {text.split()[0] for text in learnt} & {text.split()[0] for text in judged}


def test_another_seed_hides_other_intents_together(settings):
    data = labelled({f"intent{number}": [f"i{number} a", f"i{number} b"] for number in range(12)})

    def groups(seed):
        found = held_out_in_turn(data, encode, settings, seed, silent)
        return {frozenset(data.known) - frozenset(topics) for topics in found.topics}

    assert groups(0) == groups(0) != groups(1)
    assert len(groups(0)) == 5


@pytest.mark.parametrize(
    "intents, can", [(("a", "b"), False), (("a", "faq/x", "faq/y"), False), (("a", "b", "c"), True)]
)
def test_enough_intents_must_be_left(intents, can):
    assert can_hold_out(labelled({intent: ["x", "y"] for intent in intents})) is can


@pytest.mark.parametrize(
    "names, found",
    [
        (("a", "out_of_scope"), {"out_of_scope"}),
        (("NLU_fallback", "a"), {"NLU_fallback"}),
        (("scope", "a"), set()),
        (("a", "out_of_scope/x", "out_of_scope/y", "faq/oos"), {"out_of_scope/x", "out_of_scope/y"}),
    ],
)
def test_intents_that_stand_for_what_belongs_to_none_are_known_by_their_names(settings, names, found):
    assert scope_intents(labelled({name: ["x", "y"] for name in names}), settings) == found


def test_the_intent_that_the_config_names_is_one(settings):
    assert scope_intents(DATA, replace(settings, out_of_scope="b")) == {"b"}
    with pytest.raises(ReportError, match="no examples of it"):
        scope_intents(DATA, replace(settings, out_of_scope="nothing"))


def test_lines_are_messages_but_for_examples(tmp_path):
    file = tmp_path / "others.txt"
    file.write_text("\ufeffwhat is love\n\n  a 1 \nwhat is love\nhow old is the moon\n", encoding="utf-8")
    assert read_lines(file, DATA) == ["what is love", "how old is the moon"]


@pytest.mark.parametrize("content", [b"", b"a 1\n", b"\xff\xfe\x00\x00"])
def test_a_file_without_messages_is_refused(tmp_path, content):
    file = tmp_path / "others.txt"
    file.write_bytes(content)
    with pytest.raises(ReportError, match="one message a line"):
        read_lines(file, DATA)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ReportError, match="cannot be read"):
        read_lines(tmp_path / "nothing.txt", Labelled((), ()))
