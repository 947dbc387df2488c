"""What ``encoder.presets`` reads: the policy of each speed level, with how it was found and what it is worth."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rasa_token_pruning.tuning.errors import TuningError
from rasa_token_pruning.tuning.result import Budget, Change, Score, SearchResult


def write_preset_file(result: SearchResult, readout: str, levels: Mapping[str, Budget], file: Path) -> None:
    """Write the best policy of each level as JSON.

    :raises TuningError: If a level has none.
    """
    found = {name: _level(result, readout, name, budget) for name, budget in levels.items()}
    setting = {key: value for key, value in asdict(result.setting).items() if key != "readouts"} | {"readout": readout}
    record = {**result.provenance, "identity": result.identity, "setting": setting, "levels": found}
    file.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _level(result: SearchResult, readout: str, name: str, budget: Budget) -> dict[str, Any]:
    best = result.best(budget, readout)
    if best is None:
        raise TuningError(f"No policy keeps to the budget of {name} ({budget}): widen the search or the budget.")
    left_out = {
        task: score and {"policy": asdict(score.policy), **_worth(score)}
        for task, score in result.leave_one_out(budget, readout).items()
    }
    bounds = {key: bound if math.isfinite(bound) else None for key, bound in asdict(budget).items()}
    return {"policy": asdict(best.policy), "budget": bounds, **_worth(best), "chosen_without": left_out}


def _worth(score: Score) -> dict[str, Any]:
    tasks = {f"{task}, {kind}": _rounded(change) for (task, kind), change in score.by_task.items()}
    time = None if score.time is None else round(score.time, 3)
    return {
        "work": round(score.work, 3),
        "time": time,
        "mean": _rounded(score.mean),
        "long": score.long and _rounded(score.long),
        "longest": score.longest and _rounded(score.longest),
        "hard": score.hard and _rounded(score.hard),
        "tasks": tasks,
    }


def _rounded(change: Change) -> dict[str, float]:
    return {"points": round(change.points, 2), "error": round(change.error, 2)}
