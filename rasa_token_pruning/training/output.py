"""The folder of a trained encoder: whole or not there, with a card and a record of how it came about."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rasa_token_pruning.evaluation.record import write_record
from rasa_token_pruning.training.errors import TrainingError

RECORD = "training.json"


def check_free(output: Path) -> None:
    """:raises TrainingError: If there is something under the name already."""
    if output.exists():
        raise TrainingError(f"{output} exists: name another folder with --output, or remove it.")


def checkpoints_of(output: Path) -> Path:
    """Where a training whose result goes to a folder keeps its checkpoints."""
    return output.with_name(f"{output.name}.checkpoints")


def write(output: Path, save: Callable[[Path], Any], record: Mapping[str, Any]) -> None:
    """Write a model's folder in one step, and remove the checkpoints.

    :param save: Writes the model to a folder.
    :param record: How it came about; it goes with the model as ``training.json``, and in short into its ``README.md``.
    """
    partial = output.with_name(f"{output.name}.partial")
    if partial.exists():
        shutil.rmtree(partial)
    save(partial)
    write_record(record, partial / RECORD)
    card = partial / "README.md"
    before = card.read_text(encoding="utf-8") if card.is_file() else ""
    card.write_text(f"{before.rstrip()}\n\n{_section(record)}".lstrip(), encoding="utf-8")
    os.replace(partial, output)
    shutil.rmtree(checkpoints_of(output), ignore_errors=True)


def _section(record: Mapping[str, Any]) -> str:
    """What a person wants to know of the record."""
    lines = ["## How this encoder was trained", "", "By `rasa-token-pruning train-encoder`:", ""]
    lines += [f"- {key}: {value}" for key, value in record["settings"].items()]
    if record["judged"]:
        lines += ["", "| step | accuracy on the held-out task, 5 examples an intent |", "|---|---|"]
        lines += [f"| {step} | {accuracy:.4f} |" for step, accuracy in record["judged"].items()]
    return "\n".join(lines) + "\n"
