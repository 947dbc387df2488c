"""The benchmark itself on the real encoder, with so few messages that it is quick; its figures mean nothing here."""

import json
import sys

import pytest

from rasa_token_pruning.cli import main
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.evaluation.speed import SpeedError, System, Worker, latencies, started, throughputs
from rasa_token_pruning.evaluation.speed_tables import linear_work_left, savings, tables

TEXTS = [f"where is my parcel number {number}?" for number in range(6)]


@pytest.fixture(scope="module")
def systems(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    PrunedEncoder(engine="onnx").save(folder)
    return [System(name, "ours", {"load": str(folder), "num_threads": 1}) for name in ("first", "second")]


def test_a_run(systems):
    said = []
    with started(systems) as workers:
        one = latencies(workers, {10: TEXTS}, 2, said.append)
        many = throughputs(workers, {"short": TEXTS}, 1, said.append)
        processes = [
            {"system": w.system.name, "start_s": w.start_s, "load_s": w.load_s, "resident_mib": w.resident_mib}
            for w in workers
        ]
    assert len(said) == 3
    assert [row["system"] for row in one] == ["first", "second"] == [row["system"] for row in many]
    assert one[0]["ratio"] == many[0]["ratio"] == 1
    assert all(0 < row["p50_ms"] <= row["p95_ms"] < 1000 for row in one)
    assert all(20 < process["resident_mib"] < 1000 and process["load_s"] < process["start_s"] for process in processes)
    printed = tables({"one_message": one, "saved": [], "batched": many, "processes": processes})
    assert "| 10 pieces |" in printed and "| first | " in printed and "(1.0)" in printed


@pytest.mark.parametrize(
    "system",
    [
        System("no such folder", "ours", {"load": "nowhere"}),
        System("no such kind", "theirs", {}),
        System("no such Python", "ours", {}, python=str(sys.executable) + "-missing"),
    ],
)
def test_a_system_that_does_not_start(system):
    with pytest.raises((SpeedError, OSError), match=r"(no such|missing)"):
        Worker(system)


def test_workers_end_when_one_does_not_start(systems):
    with pytest.raises(SpeedError, match="bad ended without an answer"), started([systems[0], System("bad", "x", {})]):
        pass


def test_the_command_refuses_what_it_cannot_use(tmp_path, capsys):
    (tmp_path / "few.csv").write_text("text\nhello\n")
    (tmp_path / "bad.json").write_text(json.dumps([{"title": "x"}]))
    for arguments, said in (
        (["--texts", str(tmp_path / "few.csv")], "give at least 20"),
        (["--baselines", str(tmp_path / "bad.json")], "no list of systems"),
        (["--baselines", str(tmp_path / "none.json")], "none.json"),
        (["--model", "nowhere/at all"], "nowhere/at all"),
    ):
        assert main(["benchmark", "speed", *arguments]) == 2
        assert said in capsys.readouterr().err


def test_no_rounds_are_none(capsys):
    for command in ("speed", "hardware"):
        with pytest.raises(SystemExit):
            main(["benchmark", command, "--rounds", "0"])
        assert "'0': give a whole number of at least 1" in capsys.readouterr().err


def test_help_and_version(capsys):
    for arguments in (["--help"], ["benchmark", "--help"], ["benchmark", "speed", "--help"], ["--version"]):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 0
    assert "--texts" in capsys.readouterr().out


def test_linear_work_left():
    assert linear_work_left(PruningPolicy((1,), 0.0, 2), 6, 40) == 1
    assert linear_work_left(PruningPolicy((1,), 0.9, 40), 6, 40) == 1
    # Layer 0 whole, the attention of layer 1 whole, its feed-forward part and four layers with half of the tokens.
    assert linear_work_left(PruningPolicy((1,), 0.5, 2), 6, 42) == pytest.approx(
        (1 + 1 / 3 + 22 / 42 * (2 / 3 + 4)) / 6
    )
    assert linear_work_left(PruningPolicy((0, 1, 2), 0.5, 2), 6, 42) < 0.5


def test_savings_compare_with_the_same_engine_unpruned():
    policies = {"off": PruningPolicy((2,), 0.0, 6), "half": PruningPolicy((2,), 0.5, 6)}
    times = {"theirs": 9.0, "ours, off": 4.0, "ours, half": 3.0}
    rows = [{"system": name, "pieces": 50, "p50_ms": time} for name, time in times.items()]
    (row,) = savings(rows, policies, 6)
    assert row["system"] == "ours, half" and row["pieces"] == 50
    assert row["time_saved"] == pytest.approx(0.25)
    assert row["work_saved"] == pytest.approx(1 - linear_work_left(policies["half"], 6, 50))
