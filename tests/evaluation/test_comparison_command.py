"""rasa-token-pruning benchmark pruning, on small data sets, with the real encoder and with a tiny one."""

import json

import pytest

from rasa_token_pruning.cli import main
from rasa_token_pruning.evaluation import comparison, techniques
from tests.encoder.conftest import write_tiny_model

ORDERS = ["i want to order a pizza", "bring me some pasta please", "one large pizza to go", "can i get a salad"]
HOURS = ["when do you open", "what time do you close", "are you open on sunday", "until when can i come by"]


@pytest.fixture
def data(tmp_path):
    folders = [tmp_path / name for name in ("a", "b")]
    for number, folder in enumerate(folders):
        folder.mkdir()
        rows = [
            f"{text} {number},{intent}" for intent, texts in (("order", ORDERS), ("hours", HOURS)) for text in texts
        ]
        for file in ("train", "test"):
            (folder / f"{file}.csv").write_text("\n".join(["text,intent", *rows]), encoding="utf-8")
    return folders


def at_one_strength(*given):
    return {way.name: way for way in techniques.techniques(*given)}.values()


@pytest.mark.parametrize(("adapter", "sets"), [("auto", 1), ("none", 2)])
def test_end_to_end(data, tmp_path, monkeypatch, capsys, adapter, sets):
    monkeypatch.setattr(comparison, "TIMED", 1)
    monkeypatch.setattr(comparison, "techniques", at_one_strength)
    output, figure = tmp_path / "found.json", tmp_path / "found.png"
    command = ["benchmark", "pruning", *map(str, data[:sets]), "--output", str(output), "--figure", str(figure)]
    command += ["--adapter", adapter]
    if adapter == "none":
        command += ["--model", str(write_tiny_model(tmp_path / "tiny", max_length=64))]
    assert main(command) == 0
    found = json.loads(output.read_bytes())
    names = {row["technique"] for row in found["accuracy"]}
    assert {"unpruned", "tome", "threshold", "early_exit", "stop_words", "lowest_idf", "truncation"} <= names
    learnt = {f"learnt in layers {where}, final" for where in ("1 and 3 above 8", "0 and 2 above 6")}
    assert learnt & names == (learnt if adapter == "auto" else set()) and found["adapter"] == adapter
    served = {f"onnx int8, balanced, {readout}" for readout in ("final", "final+cut")}
    assert {"balanced, final", "aggressive, final+cut", *served} <= names
    for row in found["accuracy"]:
        assert 0 <= row["accuracy"] <= 1 and row["error"] >= 0
        if row["technique"] == "unpruned" or row["technique"] == "onnx fp32, off, final":
            assert row["change"] == 0
    assert len(found["accuracy"]) == 2 * sets * len({(row["technique"], row["setting"]) for row in found["accuracy"]})
    assert all(row["share"] > 0 and row["ms"] > 0 for row in found["time"])
    assert sum(row["messages"] for row in found["lengths"] if row["technique"] == "unpruned") == 2 * sets * 8
    printed = capsys.readouterr().out
    assert "messages as written" in printed and "messages long" in printed and "early_exit" in printed
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_a_missing_folder_is_said(tmp_path, capsys):
    assert main(["benchmark", "pruning", str(tmp_path / "nothing")]) == 2
    assert "nothing" in capsys.readouterr().err
