"""What the search hands to the encoder: written here, read there."""

import json

import pytest

from rasa_token_pruning.encoder import presets
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.encoder.readout import FINAL, FINAL_AND_CUT
from rasa_token_pruning.tuning.errors import TuningError
from rasa_token_pruning.tuning.preset_file import write_preset_file
from rasa_token_pruning.tuning.result import Budget
from tests.encoder.conftest import write_tiny_model
from tests.tuning.test_result import GENTLE, HARD, HARDER, NONE, only, result, without_long

OTHERS = ("long", "longest", "overall", "hard")  # bounds that may be missing
BUDGETS = {"gentle": Budget(0, 0.5, errors=1), "balanced": Budget(2.6, 6.1), "aggressive": Budget(3.1, 5.1, 4)}
CHOSEN = {"gentle": GENTLE, "balanced": HARD, "aggressive": HARDER}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where presets are read from in this test."""
    monkeypatch.setattr(presets, "_FOLDER", tmp_path)
    presets._tuned.cache_clear()
    yield tmp_path
    presets._tuned.cache_clear()


def written(folder, found=None, budgets=BUDGETS, readout=FINAL):
    file = folder / "some-model.json"
    write_preset_file(found or result(), readout, budgets, file)
    return json.loads(file.read_text(encoding="utf-8"), parse_constant=pytest.fail)


def test_what_is_written_is_what_the_encoder_reads(folder):
    written(folder)
    for name, policy in CHOSEN.items():
        assert presets.preset(name, 6, "some-model") == policy
        assert presets.preset(name, 6, "owner/some-model") == policy
        assert presets.preset(name, 6, "another-model") == presets.by_rule(name, 6)
        assert presets.preset(name, 2, "some-model") == presets.by_rule(name, 2)  # it cuts in layer 2
    assert presets.preset("off", 6, "some-model") == HARD.without_cuts()


def test_all_of_a_policy_comes_back(folder):
    policy = PruningPolicy((2, 3), 0.5, 10, "merge", "max_attention")
    found = result({NONE: ({"a": 0}, 1.0), policy: ({"a": 1}, 0.5)})
    written(folder, found, {"balanced": Budget(0, 0)})
    assert presets.preset("balanced", 4, "some-model") == policy
    assert presets.preset("gentle", 4, "some-model") == presets.by_rule("gentle", 4)  # not written


def test_an_encoder_of_that_name_is_cut_like_this(folder):
    written(folder)
    place = write_tiny_model(folder / "models" / "some-model")
    assert {name: PrunedEncoder(str(place), name, num_threads=1).policy for name in BUDGETS} == CHOSEN


def test_how_it_was_found(folder):
    record = written(folder)
    assert list(record) == ["date", "tasks", "identity", "setting", "levels"]
    assert (record["date"], record["identity"]) == ("2024-01-01", "hash") and record["tasks"] == {"a": {"messages": 3}}
    assert record["setting"] == {
        "model": "model",
        "precision": "int8",
        "shots": [5, 10],
        "seeds": 2,
        "held_out": 100,
        "long": 50,
        "adapter": "none",
        "longest": 0,
        "readout": FINAL,
    }
    assert (folder / "some-model.json").read_text().endswith("}\n")


def test_what_each_level_is_worth(folder):
    levels = written(folder)["levels"]
    assert list(levels) == list(BUDGETS)
    assert levels["gentle"]["budget"] == {"mean": 0, "worst": 0.5, "errors": 1, **dict.fromkeys(OTHERS)}
    assert levels["aggressive"]["budget"] == {
        "mean": 3.1,
        "worst": 5.1,
        "errors": 0,
        **dict.fromkeys(OTHERS),
        "long": 4,
    }
    hard = levels["balanced"]
    assert (hard["work"], hard["time"]) == (0.6, None)
    assert hard["mean"] == hard["long"] == {"points": -2.5, "error": 0}
    assert hard["tasks"]["c, as written"] == hard["tasks"]["c, long"] == {"points": -6, "error": 0}
    assert len(hard["tasks"]) == 6


def test_what_each_choice_is_worth_without_a_task(folder):
    levels = written(folder, budgets={"balanced": Budget(2, 2)})["levels"]
    without = levels["balanced"]["chosen_without"]
    assert list(without) == ["a", "b", "c"]
    assert PruningPolicy(**without["c"]["policy"]) == HARD and without["c"]["mean"] == {"points": -6, "error": 0}
    assert list(without["c"]["tasks"]) == ["c, as written", "c, long"]


def test_no_choice_without_a_task(folder):
    """Alone, tasks a and c allow nothing; b allows what c would not."""
    levels = written(folder, result(only("a", "c")), {"balanced": Budget(-0.2, 100)})["levels"]
    assert PruningPolicy(**levels["balanced"]["policy"]) == GENTLE
    assert levels["balanced"]["chosen_without"]["c"] is None
    assert written(folder, result(only("a")))["levels"]["gentle"]["chosen_without"] == {}


def test_the_read_out_decides(folder):
    record = written(folder, readout=FINAL_AND_CUT, budgets={"balanced": Budget(2.1, 5.6)})
    assert record["setting"]["readout"] == FINAL_AND_CUT
    assert record["levels"]["balanced"]["mean"]["points"] == -2.0
    assert record["levels"]["balanced"]["long"]["points"] == -2.5


def test_times_and_no_long_messages(folder):
    times = {NONE: 1.0, GENTLE: 0.7, HARD: 0.4, HARDER: 0.6}
    assert written(folder, result(times=times))["levels"]["balanced"]["time"] == 0.35
    level = written(folder, without_long(result()))["levels"]["gentle"]
    assert level["long"] is None and list(level["tasks"]) == [f"{task}, as written" for task in "abc"]


@pytest.mark.parametrize("level", BUDGETS)
def test_a_level_without_a_policy(tmp_path, level):
    file = tmp_path / "some-model.json"
    file.write_text("before")
    with pytest.raises(TuningError, match=rf"No policy keeps to the budget of {level} \(.*mean=-9.*\): widen the sear"):
        write_preset_file(result(), FINAL, {**BUDGETS, level: Budget(-9, 0)}, file)
    assert file.read_text() == "before"
