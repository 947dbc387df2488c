"""The name of a processor, wherever it is told."""

from pathlib import Path

import pytest

from rasa_token_pruning.evaluation.machine import machine


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("model name\t: A B\ncpu family\t: 25\nmodel\t\t: 1\n", "A B (family 25, model 1)"),
        ("model name\t: A B\n", "A B"),
    ],
)
def test_linux_tells_it(monkeypatch, told, said):
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: told)
    assert machine()["processor"] == said


def test_arm_has_a_name_too(monkeypatch):
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "processor\t: 0\nCPU architecture: 8\n")
    assert machine()["processor"]
