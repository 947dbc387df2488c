"""The report on a small bot with known faults, with the encoder that comes with the package."""

import json
from dataclasses import asdict, replace

import pytest

from rasa_token_pruning.encoder.presets import NAMES
from rasa_token_pruning.reporting.facts import FROM_FILE, FROM_HELD_OUT, FROM_INTENT
from rasa_token_pruning.reporting.gathering import gather
from rasa_token_pruning.reporting.pruning import YOURS
from rasa_token_pruning.reporting.source import read_source
from rasa_token_pruning.reporting.todo import ADD, KEEP_ONE, SEPARATE
from tests.evaluation.conftest import EXAMPLES
from tests.reporting.conftest import FAULTS, write_bot


def silent(what):
    pass


def without_times(facts):
    levels = tuple(replace(level, ms=0.0, time=0.0) for level in facts.levels)
    return replace(facts, levels=levels, about=replace(facts.about, made={}))


def kinds(facts, intent):
    return {task.kind for task in facts.tasks if intent in task.intents}


def test_it_names_what_is_wrong_with_the_data(facts):
    assert any(task.kind == SEPARATE and task.intents == ("forecast", "weather") for task in facts.tasks)
    (more,) = (task for task in facts.tasks if task.intents == ("goodbye",))
    assert more.kind == ADD and more.read_as[more.texts.index("where can i leave my car")] == "faq/parking"
    assert KEEP_ONE in kinds(facts, "greet") & kinds(facts, "goodbye")
    assert ADD in kinds(facts, "lonely")
    assert not kinds(facts, "reset_password")


def test_every_example_is_counted_once(facts):
    total = facts.inside.outcomes(facts.threshold)
    rows = [(row.right, row.wrong, row.again) for row in facts.intents]
    assert total.total == facts.about.messages == sum(map(sum, rows))
    assert (total.right, total.wrong, total.again) == tuple(map(sum, zip(*rows, strict=True)))
    assert [row.name for row in facts.intents] == sorted(row.name for row in facts.intents)
    assert sum(one.count for one in facts.bins) == facts.about.messages


def test_what_the_config_says_holds(facts):
    assert (facts.threshold, facts.ambiguity, facts.level) == (0.35, 0.05, "balanced")
    assert facts.about.notes == ()


def test_levels_are_compared_on_the_same_messages(facts):
    assert [level.name for level in facts.levels] == list(NAMES)
    off = facts.levels[0]
    assert (off.change, off.changed, off.dropped, off.time) == (0.0, 0, 0.0, 1.0)
    for level in facts.levels:
        assert level.change == pytest.approx(level.accuracy - off.accuracy)
        assert level.ms == pytest.approx(level.time * off.ms) and level.ms > 0
        assert level.changed == sum(change.level == level.name for change in facts.changes)
    dropped = [level.dropped for level in facts.levels]
    assert dropped == sorted(dropped) and dropped[-1] > 0.05


def test_a_changed_answer_has_what_was_dropped_of_the_message(tmp_path):
    featurizer = {"name": "TokenPruningFeaturizer", "layers": [0], "quantile": 0.9, "min_tokens": 3, "num_threads": 1}
    featurizer["score"] = "mean_attention"  # with which so hard a cut does harm
    found = gather(read_source(write_bot(tmp_path / "bot", {**EXAMPLES, **FAULTS}, [featurizer])), None, 0, silent)
    assert found.level == YOURS and [level.name for level in found.levels] == [*NAMES, YOURS]
    changes = [change for change in found.changes if change.level == YOURS]
    assert len(changes) > 2
    for change in changes:
        assert change.before != change.after
        assert all(change.text[start:end].strip() for start, end in change.dropped)
    # Of 3 tokens 2 are special: of whatever is longer than a word something is dropped.
    assert all(change.dropped for change in changes if len(change.text.split()) > 3)


def test_without_other_messages_intents_are_hidden_in_turn(facts):
    assert facts.outside.source == FROM_HELD_OUT
    assert facts.outside.crowd.outcomes(0).total == facts.about.messages
    assert facts.outside.crowd.right == ()


def test_the_same_data_give_the_same_facts_but_for_times(bot, facts):
    assert without_times(gather(read_source(bot), None, 0, silent)) == without_times(facts)


def test_facts_are_plain(facts):
    assert json.loads(json.dumps(asdict(facts)))["level"] == "balanced"


def test_messages_of_the_users_own_are_taken_instead(tmp_path):
    small = write_bot(tmp_path / "bot", {name: EXAMPLES[name] for name in ("greet", "book_room")})
    assert gather(read_source(small), None, 0, silent).outside is None  # too few intents to hide one
    lines = tmp_path / "others.txt"
    lines.write_text("how high is the moon\nwrite me a poem\nhello\n")
    found = gather(read_source(small), lines, 0, silent).outside
    assert (found.source, found.names) == (FROM_FILE, (str(lines),))
    assert found.crowd.outcomes(0).total == 2


def test_an_intent_for_what_belongs_to_none_is_judged_as_such(tmp_path):
    poems = ["write me a poem", "sing a song", "tell me a joke", "what is the meaning of life", "who won the game"]
    names = ("greet", "book_room", "reset_password")
    small = write_bot(tmp_path / "bot", {**{name: EXAMPLES[name] for name in names}, "out_of_scope": poems})
    found = gather(read_source(small), None, 0, silent)
    assert (found.outside.source, found.outside.names) == (FROM_INTENT, ("out_of_scope",))
    caught = found.outside.crowd.outcomes(found.threshold)
    assert caught.total == 5 and found.inside.outcomes(0).total == 15
    (row,) = (row for row in found.intents if row.name == "out_of_scope")
    assert (row.right, row.wrong, row.again) == (caught.again, caught.wrong, 0)
    assert not any("out_of_scope" in task.intents for task in found.tasks if task.kind == ADD)
