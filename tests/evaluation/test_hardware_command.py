"""rasa-token-pruning benchmark hardware."""

import json

import pytest

from rasa_token_pruning.cli import main
from rasa_token_pruning.evaluation.hardware_command import LENGTHS
from tests.encoder.conftest import write_tiny_model


def test_machines_are_added_to_the_file(tmp_path, capsys):
    file = tmp_path / "machines.json"
    rows = [
        {"system": f"onnx int8, 1, {name}", "pieces": length, "p50_ms": time}
        for name, time in (("off", 4.0), ("balanced", 3.0))
        for length in LENGTHS
    ]
    other = {"machine": {"processor": "Abacus", "cores": 4}, "model": "some-model", "one_message": rows}
    file.write_text(json.dumps([other]), encoding="utf-8")
    tiny = str(write_tiny_model(tmp_path / "tiny", max_length=64))
    assert main(["benchmark", "hardware", "--model", tiny, "--rounds", "1", "--append", str(file)]) == 0
    first, found = json.loads(file.read_bytes())
    assert first == other
    assert {"processor", "cores", "packages"} <= set(found["machine"])
    systems = {row["system"] for row in found["one_message"]}
    assert len(systems) == 12 and "onnx int8, 2, balanced" in systems and "torch fp32, 1, off" in systems
    assert {row["pieces"] for row in found["one_message"]} == set(LENGTHS)
    assert all(row["p50_ms"] > 0 for row in found["one_message"])
    printed = capsys.readouterr().out
    assert "| Abacus, 4 cores | some-model, `adapter: none` | onnx int8, 1 | 4.00 -> 3.00 (-25%)" in printed
    assert printed.count("onnx int8, 1") == 2


def test_long_messages_alone_are_refused_before_anything_is_measured(tmp_path, capsys):
    (tmp_path / "long.txt").write_text("".join(f"{'word ' * 80}{number}\n" for number in range(25)))
    for command, said in (
        ("hardware", "cannot be joined to messages of [15, 60] word pieces"),
        ("speed", "no message of up to 40"),
    ):
        assert main(["benchmark", command, "--texts", str(tmp_path / "long.txt")]) == 2
        assert said in capsys.readouterr().err


@pytest.mark.parametrize("content", ["{", "{}", '[{"machine": {}}]', "[1]"])
def test_another_file_is_refused_before_anything_is_measured(tmp_path, capsys, content):
    file = tmp_path / "machines.json"
    file.write_text(content, encoding="utf-8")
    assert main(["benchmark", "hardware", "--append", str(file)]) == 2
    assert str(file) in capsys.readouterr().err
    assert file.read_text(encoding="utf-8") == content
