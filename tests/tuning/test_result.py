"""Choosing from trials that were made by hand, and keeping them in a file."""

import json
import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from rasa_token_pruning.encoder import presets
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.readout import FINAL, FINAL_AND_CUT
from rasa_token_pruning.tuning import trial as trials_module
from rasa_token_pruning.tuning.errors import TuningError
from rasa_token_pruning.tuning.result import LEVELS, Budget, Change, SearchResult
from rasa_token_pruning.tuning.trial import LONG, LONGEST, SHORT, UNCUT, Setting, Trial

NONE = PruningPolicy((2,), *UNCUT)
GENTLE, HARD, HARDER = (PruningPolicy((2,), quantile, 6) for quantile in (0.3, 0.6, 0.7))
SETTING = Setting("model", "int8", shots=(5, 10), seeds=2, held_out=100, long=50)
ANY = Budget(100, 100)

# The changes in points on each task, the work that is left.
CHANGES = {
    NONE: ({"a": 0, "b": 0, "c": 0}, 1.0),
    GENTLE: ({"a": 0, "b": -0.4, "c": 0.7}, 0.8),
    HARD: ({"a": -0.5, "b": -1, "c": -6}, 0.6),
    HARDER: ({"a": -5, "b": -5, "c": 1}, 0.5),
}


def trial(policy, task, points, work, time=None, base=0.8):
    """Every draw changes by so many points; the joined read-out is half a point better, the long messages no worse."""
    reference = np.array([0.0, 0.01, 0.05, 0.06]) + base

    def accuracies(more):
        return {SHORT: list(reference + (points + more) / 100), LONG: list(reference - 0.1 + (points + more) / 100)}

    times = None if time is None else {SHORT: time, LONG: time - 0.1}
    readouts = {FINAL: accuracies(0), FINAL_AND_CUT: accuracies(0.5)}
    return Trial(policy, task, readouts, {SHORT: work + 0.1, LONG: work - 0.1}, times)


def result(changes=CHANGES, times=None, setting=SETTING):
    trials = [
        trial(policy, task, points, work, times and times[policy], base=0.5 + number / 10)
        for policy, (tasks, work) in changes.items()
        for number, (task, points) in enumerate(tasks.items())
    ]
    return SearchResult(setting, "hash", trials, {"date": "2024-01-01", "tasks": {"a": {"messages": 3}}})


def only(*tasks):
    return {policy: ({task: points[task] for task in tasks}, work) for policy, (points, work) in CHANGES.items()}


def several(accuracies, reference, shots):
    """The score of one policy on tasks: the accuracies of each, and the unpruned encoder's."""
    trials = []
    for task, unpruned in reference.items():
        for policy, draws in ((NONE, unpruned), (HARD, accuracies[task])):
            trials.append(Trial(policy, task, {FINAL: draws, FINAL_AND_CUT: draws}, dict.fromkeys(draws, 0.5)))
    seeds = len(reference[task][SHORT]) // len(shots)
    setting = replace(SETTING, shots=shots, seeds=seeds)
    return next(score for score in SearchResult(setting, "", trials, {}).scores(FINAL) if score.policy == HARD)


def single(accuracies, reference, shots):
    """The score of one policy on one task."""
    return several({"a": accuracies}, {"a": reference}, shots)


def test_scores_come_with_the_least_work_first():
    scores = result().scores(FINAL)
    assert [score.policy for score in scores] == [HARDER, HARD, GENTLE, NONE]
    assert [score.work for score in scores] == pytest.approx([0.5, 0.6, 0.8, 1.0])
    assert [score.mean.points for score in scores] == pytest.approx([-3, -2.5, 0.1, 0])
    assert all(score.time is None for score in scores)
    assert set(scores[0].by_task) == {(task, kind) for task in "abc" for kind in (SHORT, LONG)}
    task, worst = scores[1].worst
    assert task == "c" and worst == scores[1].by_task["c", SHORT] and worst.points == pytest.approx(-6)


def test_the_reference_is_the_models_own_embedding_whatever_the_read_out():
    final, joined = result().scores(FINAL), result().scores(FINAL_AND_CUT)
    for own, both in zip(final, joined, strict=True):
        assert own.policy == both.policy and both.mean.points == pytest.approx(own.mean.points + 0.5)


def test_errors_by_hand():
    # Two shots, three seeds; the means over the shots change by 2, 4 and 9 points.
    reference = {SHORT: [0.5, 0.5, 0.5, 0.6, 0.6, 0.6]}
    score = single({SHORT: [0.51, 0.52, 0.60, 0.63, 0.66, 0.68]}, reference, (5, 10))
    deviation = np.sqrt((3**2 + 1**2 + 4**2) / 2)
    assert score.mean.points == pytest.approx(5)
    assert score.mean.error == score.by_task["a", SHORT].error == pytest.approx(deviation / np.sqrt(3))
    assert str(score.mean) == "+5.00 ±2.08"
    # The same change in every draw is certain, and a swap of seeds is not one of shots.
    assert single({SHORT: [0.51, 0.51]}, {SHORT: [0.5, 0.5]}, (5,)).mean.error == pytest.approx(0)
    assert single({SHORT: [0.51, 0.5, 0.5, 0.51]}, {SHORT: [0.5] * 4}, (5, 10)).mean.error == pytest.approx(0)
    assert single({SHORT: [0.51, 0.5, 0.51, 0.5]}, {SHORT: [0.5] * 4}, (5, 10)).mean.error == pytest.approx(0.5)


@pytest.mark.parametrize("kind", [SHORT, LONG])
def test_the_error_of_a_mean_by_hand(kind):
    # Changes of 1 ± 1 and of 3 ± 2: of the mean 2 ± sqrt(1 + 4) / 2.
    reference = {task: {SHORT: [0.5, 0.5], LONG: [0.5, 0.5]} for task in "ab"}
    changed = {"a": {**reference["a"], kind: [0.5, 0.52]}, "b": {**reference["b"], kind: [0.51, 0.55]}}
    score = several(changed, reference, (5,))
    assert [score.by_task[task, kind].error for task in "ab"] == pytest.approx([1, 2])
    means = {SHORT: score.mean, LONG: score.long}
    mean, other = means.pop(kind), *means.values()
    assert mean.points == pytest.approx(2) and mean.error == pytest.approx(np.sqrt(5) / 2)
    assert other == Change(0, 0)


def test_only_messages_as_written_make_the_mean_and_the_worst():
    reference = {task: {SHORT: [0.5, 0.5], LONG: [0.5, 0.5]} for task in "ab"}
    changed = {"a": {SHORT: [0.51, 0.51], LONG: [0.1, 0.1]}, "b": {SHORT: [0.53, 0.53], LONG: [0.2, 0.2]}}
    score = several(changed, reference, (5,))
    assert score.mean.points == pytest.approx(2) and score.long.points == pytest.approx(-35)
    task, worst = score.worst
    assert task == "a" and worst.points == pytest.approx(1)
    assert score.by_task["a", LONG].points == pytest.approx(-40)


def test_long_messages_are_compared_with_the_same_read_out():
    """The joined read-out itself is half a point better, which is no merit of pruning."""
    final, joined = (result().best(ANY, readout) for readout in (FINAL, FINAL_AND_CUT))
    assert final.policy == joined.policy == HARDER
    assert final.long.points == joined.long.points == pytest.approx(-3)
    assert joined.mean.points == pytest.approx(-2.5)
    assert joined.by_task["a", LONG].points == pytest.approx(-4.5)


def read_out_at(layers, quantile, own, joined):
    """A trial of which the long messages have these accuracies with the two read-outs."""
    accuracies = {readout: {SHORT: [0.9] * 4, LONG: [found] * 4} for readout, found in ((FINAL, own), ("+", joined))}
    accuracies[FINAL_AND_CUT] = accuracies.pop("+")
    policy = PruningPolicy(layers, quantile, 2 if quantile == 0 else 6)
    return Trial(policy, "a", accuracies, {SHORT: 1 - quantile, LONG: 1 - quantile})


def test_long_messages_are_compared_with_the_same_first_layer():
    trials = [
        read_out_at((1,), 0.0, 0.5, 0.6),
        read_out_at((2,), 0.0, 0.5, 0.7),
        read_out_at((1,), 0.3, 0.4, 0.55),
        read_out_at((1, 3), 0.6, 0.4, 0.52),
        read_out_at((2,), 0.6, 0.4, 0.69),
    ]
    found = SearchResult(SETTING, "hash", trials, {})
    joined = {(s.policy.layers, s.policy.quantile): s for s in found.scores(FINAL_AND_CUT)}
    points = {key: score.long.points for key, score in joined.items()}
    assert points == pytest.approx({((1,), 0): 0, ((2,), 0): 0, ((1,), 0.3): -5, ((1, 3), 0.6): -8, ((2,), 0.6): -1})
    # The change by task stays against the encoder's own embedding, which is one whatever the layer.
    assert joined[(2,), 0.6].by_task["a", LONG].points == pytest.approx(19)
    own = [score.long.points for score in found.scores(FINAL) if score.policy.quantile]
    assert own == pytest.approx([-10, -10, -10])


@pytest.mark.parametrize("layers", [(1,), (1, 3)])
def test_a_first_layer_without_its_unpruned_trial(tmp_path, layers):
    trials = [read_out_at((2,), 0.0, 0.5, 0.7), read_out_at((2,), 0.3, 0.5, 0.7), read_out_at(layers, 0.3, 0.5, 0.6)]
    SearchResult(SETTING, "hash", trials, {}).save(tmp_path / "tuned.json")
    with pytest.raises(TuningError, match="is no result of a search"):
        SearchResult.load(tmp_path / "tuned.json")


def without_long(found):
    def short(trial):
        accuracies = {readout: {SHORT: kinds[SHORT]} for readout, kinds in trial.accuracies.items()}
        return replace(trial, accuracies=accuracies, work={SHORT: trial.work[SHORT]})

    return replace(found, trials=[short(trial) for trial in found.trials])


@pytest.mark.filterwarnings("error")
def test_no_long_messages(tmp_path):
    found = without_long(result())
    assert [score.long for score in found.scores(FINAL_AND_CUT)] == [None] * 4
    best = found.best(Budget(100, 100, -100), FINAL)  # nothing to hold against it
    assert best.policy == HARDER and set(best.by_task) == {(task, SHORT) for task in "abc"}
    assert best.mean.points == pytest.approx(-3) and best.work == pytest.approx(0.6)
    assert {task: score.long for task, score in found.leave_one_out(ANY, FINAL).items()} == dict.fromkeys("abc")
    found.save(tmp_path / "tuned.json")
    assert SearchResult.load(tmp_path / "tuned.json").scores(FINAL) == found.scores(FINAL)


@pytest.mark.parametrize(
    "budget, policy",
    [
        (Budget(0, 0.5), GENTLE),
        (Budget(-0.05, 0.5), GENTLE),
        (Budget(0, 0.3), None),
        (Budget(2.6, 5.9), GENTLE),
        (Budget(2.6, 6.1), HARD),
        (Budget(2.4, 6.1), GENTLE),
        (Budget(3.1, 5.1), HARDER),
        (Budget(-0.2, 100), None),
        (Budget(100, -0.1), None),
        (ANY, HARDER),
    ],
)
def test_the_best_within_a_budget(budget, policy):
    best = result().best(budget, FINAL)
    assert (best and best.policy) == policy


@pytest.mark.parametrize(
    "budget, policy",
    [
        # On long messages: HARDER -3, HARD -2.5, GENTLE 0.1.
        (Budget(100, 100, 3.1), HARDER),
        (Budget(100, 100, 2.9), HARD),
        (Budget(100, 100, 2.4), GENTLE),
        (Budget(100, 100, -0.05), GENTLE),
        (Budget(100, 100, -0.2), None),
        (Budget(100, 5.5, 2.9), GENTLE),
        (Budget(100, 100), HARDER),
        (Budget(100, 100, math.inf), HARDER),
    ],
)
@pytest.mark.parametrize("readout", [FINAL, FINAL_AND_CUT])
def test_long_messages_bind(budget, policy, readout):
    best = result().best(budget, readout)
    assert (best and best.policy) == policy


def with_longest(found, points):
    """The same with messages of a third kind, on which every policy changes by so many points."""

    def more(trial):
        change = 0 if trial.policy.quantile == 0 else points / 100
        accuracies = {
            readout: {**kinds, LONGEST: [one + change for one in (0.6, 0.6, 0.7, 0.7)]}
            for readout, kinds in trial.accuracies.items()
        }
        return replace(trial, accuracies=accuracies, work={**trial.work, LONGEST: 0.1})

    return replace(found, trials=[more(trial) for trial in found.trials])


def test_the_longest_messages_bind():
    for points in (-3.2, -2.8):
        found = with_longest(result(), points).best(Budget(100, 100, longest=3.1), FINAL)
        assert (found and found.policy) == (HARDER if points > -3 else None)
        assert with_longest(result(), points).best(ANY, FINAL).longest == Change(
            pytest.approx(points), pytest.approx(0)
        )


def test_of_hard_tasks_the_mean_binds_and_no_single_one():
    """On b and c together HARD has -3.5, HARDER -2; on a, the task that counts by itself, -0.5 and -5."""
    found = replace(result(), hard=["b", "c"])
    assert found.tasks == ["a"]
    score = next(score for score in found.scores(FINAL) if score.policy == HARD)
    assert (score.mean.points, score.worst[0]) == (pytest.approx(-0.5), "a")
    assert score.hard.points == pytest.approx(-3.5) and {task for task, _ in score.by_task} == {"a"}
    for bound, policy in ((3.6, HARD), (3.4, GENTLE), (-1, None)):
        best = found.best(Budget(1, 1, hard=bound), FINAL)
        assert (best and best.policy) == policy
    assert result().scores(FINAL)[0].hard is None and result().best(Budget(100, 100, hard=-9), FINAL)


def test_the_tasks_that_are_hard_are_kept(tmp_path):
    replace(result(), hard=["c"]).save(tmp_path / "found.json")
    loaded = SearchResult.load(tmp_path / "found.json")
    assert (loaded.tasks, loaded.hard, loaded.setting) == (["a", "b"], ["c"], SETTING)


def test_a_read_out_that_was_not_tried_is_refused_with_the_way_out():
    found = result(setting=replace(SETTING, readouts=(FINAL,)))
    assert found.scores(FINAL)
    with pytest.raises(TuningError, match=r"final\+cut was not tried, but final: search again with --readout"):
        found.scores(FINAL_AND_CUT)


def test_a_gain_on_one_kind_of_message_makes_up_for_another():
    """HARDER has -3 on the mean, -3 on long messages; HARD -2.5 on both, GENTLE 0.1."""
    found = with_longest(result(), 6)
    assert found.best(ANY, FINAL).overall == pytest.approx(0)
    for bound, policy in ((0.01, HARDER), (-0.01, HARD), (-1, GENTLE), (-2.1, None)):
        best = found.best(Budget(100, 100, overall=bound), FINAL)
        assert (best and best.policy) == policy
    two_kinds = result().best(Budget(100, 100, overall=-100), FINAL)
    assert two_kinds.overall is None and two_kinds.policy == HARDER
    with_hard = replace(found, hard=["c"])  # which say more
    assert with_hard.best(Budget(100, 100, overall=-100), FINAL).policy == HARDER


def test_the_longest_messages_change_nothing_else():
    plain, more = result().scores(FINAL), with_longest(result(), -3).scores(FINAL)
    assert [score.longest for score in plain] == [None] * 4
    for one, other in zip(plain, more, strict=True):
        assert (one.work, one.mean, one.worst, one.long) == (other.work, other.mean, other.worst, other.long)


def test_budgets_are_kept_to_the_last_point():
    score = replace(
        result().best(ANY, FINAL),
        mean=Change(-1, 0),
        by_task={("a", SHORT): Change(-2, 0), ("b", SHORT): Change(0, 0), ("b", LONG): Change(-50, 0)},
        long=Change(-3, 1),
    )
    assert score.within(Budget(1, 2)) and not score.within(Budget(0.99, 2)) and not score.within(Budget(1, 1.99))
    assert score.within(Budget(1, 2, 3)) and not score.within(Budget(1, 2, 2.99))
    assert not score.within(Budget(1, 2, 2.99, errors=9))


def test_a_task_may_be_worse_by_so_many_errors():
    tasks = {("a", SHORT): Change(-2, 0.5), ("b", SHORT): Change(-1, 0)}
    score = replace(result().best(ANY, FINAL), mean=Change(-1.5, 9), by_task=tasks, long=None)
    assert not score.within(Budget(2, 1)) and not score.within(Budget(2, 1, errors=1.9))
    assert score.within(Budget(2, 1, errors=2)) and score.within(Budget(2, 1.5, errors=1))
    # Task b is certain: no number of errors excuses it. Nor do they excuse the mean.
    assert not score.within(Budget(2, 0.9, errors=100))
    assert not score.within(Budget(1.4, 2, errors=100))


def test_errors_decide_between_policies():
    """HARD loses a point and a half on a task, give or take one; HARDER loses three, give or take a half."""
    draws = {NONE: [0.8, 0.8], HARD: [0.775, 0.795], HARDER: [0.765, 0.775]}
    trials = [
        Trial(policy, "a", {FINAL: {SHORT: found}}, {SHORT: 1 - policy.quantile}) for policy, found in draws.items()
    ]
    found = SearchResult(replace(SETTING, shots=(5,)), "hash", trials, {})
    assert [str(score.mean) for score in found.scores(FINAL)] == ["-3.00 ±0.50", "-1.50 ±1.00", "+0.00 ±0.00"]
    chosen = [found.best(Budget(100, 1, errors=errors), FINAL) for errors in (0, 0.4, 0.6, 3.9, 4.1)]
    assert [score and score.policy for score in chosen] == [None, None, HARD, HARD, HARDER]


def test_levels_allow_more_and_more():
    budgets = list(LEVELS.values())
    assert tuple(LEVELS) == presets.LEVELS
    for one, two in pairwise(budgets):
        assert one.mean < two.mean and one.worst < two.worst and one.long < two.long and one.longest < two.longest


def test_the_best_for_some_tasks():
    assert result().best(Budget(2, 2), FINAL, ["a", "b"]).policy == HARD
    assert result().best(Budget(0, 0), FINAL, ["c"]).policy == HARDER
    assert set(result().best(ANY, FINAL, ["b"]).by_task) == {("b", SHORT), ("b", LONG)}


def test_a_policy_is_chosen_without_a_task_and_judged_on_it():
    found = result().leave_one_out(Budget(2, 2), FINAL)
    assert list(found) == ["a", "b", "c"]
    # Without c, HARD is fine, and on c it is not: that is what this is for.
    assert found["c"].policy == HARD and found["c"].mean.points == pytest.approx(-6)
    assert found["a"].policy == GENTLE and found["a"].mean.points == pytest.approx(0)
    assert set(found["b"].by_task) == {("b", SHORT), ("b", LONG)}
    assert result().leave_one_out(Budget(-1, 100), FINAL) == {"a": None, "b": None, "c": None}


@pytest.mark.parametrize("points", [-90, 0, 15])
def test_the_task_that_is_left_out_takes_no_part_in_the_choice(points):
    changed = {policy: ({**tasks, "c": points if policy != NONE else 0}, w) for policy, (tasks, w) in CHANGES.items()}
    for budget in (*LEVELS.values(), Budget(2, 2), ANY):
        before, after = (result(changes).leave_one_out(budget, FINAL)["c"] for changes in (CHANGES, changed))
        assert (before and before.policy) == (after and after.policy)
        assert after is None or after.mean.points == pytest.approx(points)
    assert after.policy == HARDER


def test_not_pruning_at_all_is_not_chosen():
    alone = result({NONE: CHANGES[NONE]})
    assert [score.policy for score in alone.scores(FINAL)] == [NONE]
    assert alone.best(ANY, FINAL) is None and alone.leave_one_out(ANY, FINAL) == dict.fromkeys("abc")
    worse = {NONE: CHANGES[NONE], GENTLE: ({"a": -1, "b": -1, "c": -1}, 0.8)}
    assert result(worse).best(Budget(0, 0), FINAL) is None


@pytest.mark.filterwarnings("error")
def test_one_task_alone_cannot_be_left_out():
    one = result(only("c"))
    assert one.leave_one_out(ANY, FINAL) == {}
    assert one.best(ANY, FINAL).policy == HARDER


def test_measured_times_decide_over_work():
    times = {NONE: 1.0, GENTLE: 0.7, HARD: 0.4, HARDER: 0.6}
    scores = result(times=times).scores(FINAL)
    assert [score.policy for score in scores] == [HARD, HARDER, GENTLE, NONE]
    assert [score.time for score in scores] == pytest.approx([0.35, 0.55, 0.65, 0.95])


def test_a_policy_that_was_not_tried_on_every_task_is_left_out():
    changes = {**CHANGES, HARD: ({"a": 0, "b": 0}, 0.1)}
    assert HARD not in {score.policy for score in result(changes).scores(FINAL)}


def test_several_unpruned_ones_read_out_elsewhere():
    other = replace(NONE, layers=(1,))
    scores = result({**CHANGES, other: ({"a": 0, "b": 0, "c": 0}, 1.0)}).scores(FINAL_AND_CUT)
    assert {NONE, other} < {score.policy for score in scores}


@pytest.fixture
def file(tmp_path):
    result(times={NONE: 1.0, GENTLE: 0.7, HARD: 0.4, HARDER: 0.6}).save(tmp_path / "tuned.json")
    return tmp_path / "tuned.json"


@pytest.mark.parametrize("times", [None, {NONE: 1.0, GENTLE: 0.7, HARD: 0.4, HARDER: 0.6}])
def test_what_is_saved_comes_back(tmp_path, times):
    saved = result(times=times)
    saved.save(tmp_path / "tuned.json")
    loaded = SearchResult.load(tmp_path / "tuned.json")
    assert (loaded.setting, loaded.identity, list(loaded.trials)) == (saved.setting, "hash", list(saved.trials))
    assert loaded.provenance == saved.provenance and loaded.tasks == ["a", "b", "c"]
    assert loaded.scores(FINAL) == saved.scores(FINAL)
    loaded.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "tuned.json").read_bytes()
    assert len((tmp_path / "tuned.json").read_text().splitlines()) > len(saved.trials)


def test_other_budgets_run_nothing(file, monkeypatch):
    monkeypatch.setattr(trials_module, "PrunedEncoder", None)
    loaded = SearchResult.load(file)
    found = [loaded.best(budget, FINAL) for budget in (Budget(0, 0.5), Budget(2.6, 6.1), Budget(3.1, 5.1))]
    assert [score.policy for score in found] == [GENTLE, HARD, HARDER]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"5",
        b"null",
        b'"text"',
        b"{}",
        b'{"format": 2}',
        b'{"format": 1}',
        b'{"date": "2024-01-01", "levels": {}}',
        pytest.param(b"[" * 100_000, id="too deep"),
        b'{"format": 1, "setting": 3, "identity": "x", "trials": []}',
        b'{"format": 1, "setting": {"shots": [5]}, "identity": "x", "trials": []}',
    ],
)
def test_files_that_are_no_result(tmp_path, content):
    (tmp_path / "tuned.json").write_bytes(content)
    with pytest.raises(TuningError, match=r"tuned\.json is no result of a search .*run rasa-token-pruning tune"):
        SearchResult.load(tmp_path / "tuned.json")


def test_there_is_no_file(tmp_path):
    for path in (tmp_path / "nowhere.json", tmp_path):
        with pytest.raises(TuningError, match="is no result of a search"):
            SearchResult.load(path)


def drop_unpruned(record):
    record["trials"] = [trial for trial in record["trials"] if trial["policy"]["quantile"]]


def drop_first(record):
    del record["trials"][0]


def change(*path, value):
    def damage(record):
        place = record
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        lambda record: record.pop("identity"),
        lambda record: record.pop("setting"),
        lambda record: record["setting"].pop("seeds"),
        lambda record: record["setting"].update(more=1),
        lambda record: record["trials"][3].pop("work"),
        lambda record: record["trials"][3]["accuracies"].pop(FINAL),
        lambda record: record["trials"][3]["accuracies"][FINAL][SHORT].pop(),
        lambda record: record["trials"][0]["accuracies"][FINAL].pop(LONG),
        drop_unpruned,
        drop_first,
        change("format", value=2),
        change("trials", value={}),
        change("trials", 3, value=[]),
        change("trials", 3, "policy", value={"layers": [1]}),
        change("trials", 3, "policy", "quantile", value=1.5),
        change("trials", 3, "policy", "layers", value=None),
        change("trials", 3, "accuracies", value=[]),
        change("trials", 3, "accuracies", FINAL, SHORT, value=["a"] * 4),
        change("setting", "shots", value=[5, 10, 15]),
        change("setting", "shots", value=None),
    ],
    ids=range(20),
)
def test_damaged_results(file, damage):
    record = json.loads(file.read_text())
    damage(record)
    file.write_text(json.dumps(record))
    with pytest.raises(TuningError, match="is no result of a search"):
        SearchResult.load(file)
