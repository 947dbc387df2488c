"""Rows of a measurement that takes hours: a JSON file that grows row by row, so that it can be stopped and resumed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

from rasa_token_pruning.evaluation.machine import machine

Row = dict[str, Any]
Key = tuple[str, str, int]  # system, task, shots


def read_rows(file: Path) -> list[Row]:
    """All rows so far; none if there is no file yet."""
    rows: list[Row] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    return rows


def key(row: Row) -> Key:
    """What tells a row from the others."""
    return row["system"], row["task"], row["shots"]


def resume(file: Path, wanted: Iterable[Key], measure: Callable[[str, str, int], Row]) -> list[Row]:
    """Measure what the file lacks, one after the other, and add it at once.

    :param measure: Takes system, task and shots; its row need not repeat them. The day and the processor are added.
    :return: All rows of the file, those of other systems among them.
    """
    for system, task, shots in wanted:
        if (system, task, shots) in map(key, read_rows(file)):
            continue
        print(f"{system}: {task}, {shots} shots", file=sys.stderr)
        row = {"system": system, "task": task, "shots": shots, **measure(system, task, shots)}
        row |= {"date": date.today().isoformat(), "processor": machine()["processor"]}
        content = json.dumps([*read_rows(file), row], indent=1) + "\n"
        partial = file.with_suffix(".partial")
        partial.write_text(content, encoding="utf-8")
        partial.replace(file)
        print(json.dumps(row), file=sys.stderr)
    return read_rows(file)
