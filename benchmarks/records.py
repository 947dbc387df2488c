"""Results on disk, with what they were measured with."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from rasa_token_pruning import __version__

RESULTS = Path(__file__).resolve().parent / "results"


def stored(name: str) -> dict[str, Any]:
    """What ``store`` wrote last under a name; nothing if it never did."""
    file = RESULTS / f"{name}.json"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return found


def store(name: str, **fields: Any) -> None:
    """Write ``benchmarks/results/NAME.json``: the date, the version of the package, and the fields."""
    record = {"date": date.today().isoformat(), "version": __version__, **fields}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
