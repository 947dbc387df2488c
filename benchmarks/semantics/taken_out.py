"""What the unpruned encoder makes of texts without the pieces that pruning cuts, and without as many others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.semantics.compared import pair
from benchmarks.semantics.observe import RANDOM_SEEDS
from benchmarks.semantics.observed import CLEAN, FREQUENT, PRUNED, RANDOM, Observed
from benchmarks.semantics.statistics import mean, points

WHOLE, ON_THE_WAY = "whole text, unpruned", "whole text, pruned on the way"
TAKEN_OUT = {
    PRUNED: "text without the pruned pieces",
    FREQUENT: "text without the most frequent pieces",
    RANDOM: "text without random pieces",
}


def figures(tasks: Sequence[Observed], level: str, readout: str) -> dict[str, Any]:
    """Of messages that are cut: accuracies, changes against the whole text, and pruning less each other way."""
    found = [_right(task, level, readout) for task in tasks]
    right = {name: np.concatenate([rows[name] for rows in found]) for name in (WHOLE, ON_THE_WAY, *TAKEN_OUT.values())}
    return {
        "messages": len(right[WHOLE]),
        "rows": {
            name: {
                "accuracy": mean(rows),
                "gap": points(rows - right[WHOLE]),
                "pruned_less": points(right[ON_THE_WAY] - rows),
            }
            for name, rows in right.items()
        },
    }


def _right(task: Observed, level: str, readout: str) -> dict[str, np.ndarray]:
    """How often each message that is cut is understood, ``(messages,)``."""
    full, pruned = pair(task, CLEAN, level, readout)
    found = {WHOLE: full, ON_THE_WAY: pruned}
    for picked, title in TAKEN_OUT.items():
        names = [f"{RANDOM} {seed}" for seed in RANDOM_SEEDS] if picked == RANDOM else [picked]
        said = np.concatenate([task.arrays[f"{name} {level}/{readout}"] for name in names])
        found[title] = (said == task.truth).mean(axis=0)
    return {name: right[task.is_cut(level)] for name, right in found.items()}
