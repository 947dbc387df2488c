"""Which pruning policy and read-out to ship: accuracy on validation splits of several tasks, and the work saved.

    python -m benchmarks.policies DATA
    python -m benchmarks.policies DATA reductions

The first compares quantiles and floors, the second what becomes of the tokens that go and what makes one important.
DATA holds one folder per task with ``train_5.csv``, ``train_10.csv`` and ``valid.csv`` (header ``text,intent``).
Test splits are not opened. Takes six to ten minutes; writes ``benchmarks/results/policies.json``, or
``reductions.json``, and prints a table.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.records import store
from benchmarks.tasks import SHOTS, TASKS, accuracy, fit, read
from rasa_token_pruning import PrunedEncoder, PruningPolicy
from rasa_token_pruning.encoder import policy as policy_module
from rasa_token_pruning.encoder.presets import preset
from rasa_token_pruning.encoder.readout import FINAL, FINAL_AND_CUT

POLICIES = (
    PruningPolicy((2,), 0.0, 6),
    PruningPolicy((2,), 0.4, 4),
    PruningPolicy((2,), 0.5, 4),
    PruningPolicy((2,), 0.5, 6),
    PruningPolicy((2,), 0.6, 4),
    PruningPolicy((2,), 0.6, 6),
)
REDUCTIONS = tuple(
    PruningPolicy((2,), 0.5, 6, reduction, score)
    for reduction in policy_module.REDUCTIONS
    for score in policy_module.SCORES
)
GROUPS = {"policies": POLICIES, "reductions": REDUCTIONS}


def validated(encoder: PrunedEncoder, folder: Path, shots: int) -> float:
    """Train on the few-shot split and score the validation split."""
    texts, intents = read(folder / "valid.csv")
    return accuracy(fit(encoder, folder, shots), encoder.encode(texts), intents)


def work(encoder: PrunedEncoder, folder: Path) -> float:
    """The share of token-layer products that is left on the validation split; the cut layer counts half and half."""
    layers = encoder.layers
    left = total = 0.0
    for text in encoder.encode_tokens(read(folder / "valid.csv")[0]):
        length = len(text.kept)
        total += length * layers
        for layer in range(layers):
            before = length
            length = encoder.policy.tokens_kept(length) if layer in encoder.policy.layers else length
            left += (before + length) / 2
    return left / total


def shipped(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of the unpruned encoder and of the preset ``balanced``: the README's."""
    balanced = preset("balanced", layers=6)
    return [
        row
        for row in rows
        if (row["quantile"], row["min_tokens"]) in ((0.0, 6), (balanced.quantile, balanced.min_tokens))
    ]


def table(rows: list[dict[str, Any]]) -> str:
    """Rows as a table in Markdown."""
    lines = ["| quantile | floor | read-out | work left | mean accuracy |", "|---|---|---|---|---|"]
    for row in rows:
        quantile, floor = (row["quantile"], row["min_tokens"]) if row["quantile"] else ("none", "")
        lines.append(f"| {quantile} | {floor} | `{row['readout']}` | {row['work']:.2f} | {row['mean_accuracy']:.3f} |")
    return "\n".join(lines)


def reductions_table(rows: list[dict[str, Any]]) -> str:
    """The rows of the group ``reductions`` as a table in Markdown."""
    lines = ["| reduction | score | read-out | mean accuracy |", "|---|---|---|---|"]
    for row in rows:
        what = f"{row['reduction']} | `{row['score']}` | `{row['readout']}`"
        lines.append(f"| {what} | {row['mean_accuracy']:.3f} |")
    return "\n".join(lines)


def main(data: Path, group: str = "policies") -> None:
    """Measure, store, print."""
    rows: list[dict[str, Any]] = []
    for policy in GROUPS[group]:
        for readout in (FINAL, FINAL_AND_CUT):
            encoder = PrunedEncoder(pruning=policy, readout=readout)
            scores = {f"{task} {k}": validated(encoder, data / task, k) for task in TASKS for k in SHOTS}
            rows.append(
                {
                    "layers": policy.layers,
                    "quantile": policy.quantile,
                    "min_tokens": policy.min_tokens,
                    "reduction": policy.reduction,
                    "score": policy.score,
                    "readout": readout,
                    "work": float(np.mean([work(encoder, data / task) for task in TASKS])),
                    "mean_accuracy": float(np.mean(list(scores.values()))),
                    "accuracy": scores,
                }
            )
            print(json.dumps(rows[-1]), file=sys.stderr)
    store(group, split="valid", rows=rows)
    print(table(rows) if group == "policies" else reductions_table(rows))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
