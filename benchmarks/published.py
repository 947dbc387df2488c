"""What others have published on the same splits, beside what was measured here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.intents_rasa import TITLES
from benchmarks.rows import Row
from benchmarks.tasks import SHOTS, TASKS

# The leaderboard of github.com/jianguoz/Few-Shot-Intent-Detection, from which the splits are: accuracy in percent with
# 5 and 10 examples, in the order of TASKS.
PUBLISHED = {
    "RoBERTa-base and a classifier": ((74.04, 84.27), (87.99, 91.55), (75.56, 82.90)),
    "USE and ConveRT": ((77.75, 85.19), (90.49, 93.26), (80.01, 85.83)),
    "DNNC": ((80.40, 86.71), (91.02, 93.76), (80.46, 84.72)),
    "CPFT": ((80.86, 87.20), (92.34, 94.18), (82.03, 87.13)),
    "ICDA": ((84.01, 89.79), (92.62, 94.84), (82.45, 87.41)),
}


def table(rows: list[Row]) -> str:
    """Accuracy with 5 and 10 examples, in Markdown: of each system that has every task, then what is published."""
    measured = {(row["system"], row["task"], row["shots"]): 100 * row["accuracy"] for row in rows}
    lines = [f"| accuracy, 5 / 10 examples | {' | '.join(TASKS)} |", "|---" * (1 + len(TASKS)) + "|"]
    for system, title in TITLES.items():
        if all((system, task, shots) in measured for task in TASKS for shots in SHOTS):
            lines.append(_line(title, ([measured[system, task, shots] for shots in SHOTS] for task in TASKS)))
    return "\n".join([*lines, *(_line(f"{title} (published)", pairs) for title, pairs in PUBLISHED.items())])


def _line(title: str, pairs: Iterable[Sequence[float]]) -> str:
    return f"| {title} | {' | '.join(f'{few:.1f} / {more:.1f}' for few, more in pairs)} |"
