"""What int8 and pruning cost: accuracy on test splits and closeness to the reference embeddings, for every engine.

    python -m benchmarks.engines DATA

DATA holds one folder per task with ``train_5.csv``, ``train_10.csv`` and ``test.csv`` (header ``text,intent``). Every
row has the default encoder with its adapter, unpruned ones too, so that differences are those of pruning and precision.
Nothing was chosen on the test splits. Takes about ten minutes; writes ``benchmarks/results/engines.json`` and prints a
table.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.records import store
from benchmarks.tasks import SHOTS, TASKS, accuracy, fit, read
from rasa_token_pruning import PrunedEncoder
from rasa_token_pruning.encoder.adapter_files import adapter_identity, fixed_adapter
from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.location import DEFAULT_MODEL
from rasa_token_pruning.encoder.options import AUTO
from rasa_token_pruning.encoder.presets import preset

ENGINES = (("torch", "fp32"), ("onnx", "fp32"), ("onnx", "int8"))
PRUNINGS = ("off", "balanced")
READOUTS = ("final", "final+cut")


def accuracies(encoder: PrunedEncoder, data: Path) -> dict[str, float]:
    """Train on each few-shot split and score the test split."""
    scores = {}
    for task in TASKS:
        texts, intents = read(data / task / "test.csv")
        embeddings = encoder.encode(texts)
        for shots in SHOTS:
            scores[f"{task} {shots}"] = accuracy(fit(encoder, data / task, shots), embeddings, intents)
    return scores


def cosines(embeddings: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Row by row, ``(rows,)``."""
    product = (embeddings * reference).sum(axis=1)
    cosine: np.ndarray = product / np.linalg.norm(embeddings, axis=1) / np.linalg.norm(reference, axis=1)
    return cosine


def table(rows: list[dict[str, Any]]) -> str:
    """Rows as a table in Markdown; differences in points against torch without pruning and the same read-out."""
    lines = [
        "| engine | pruning | read-out | mean accuracy | difference, mean | worst | cosine, mean | worst |",
        "|---|---|---|---|---|---|---|---|",
    ]
    reference = {row["readout"]: row["accuracy"] for row in rows if (row["engine"], row["pruning"]) == ("torch", "off")}
    for row in rows:
        changes = [100 * (score - reference[row["readout"]][task]) for task, score in row["accuracy"].items()]
        lines.append(
            f"| {row['engine']} {row['precision']} | {row['pruning']} | `{row['readout']}` "
            f"| {np.mean(list(row['accuracy'].values())):.3f} | {np.mean(changes):+.2f} | {min(changes):+.2f} "
            f"| {row['cosine_mean']:.5f} | {row['cosine_min']:.3f} |"
        )
    return "\n".join(lines)


def main(data: Path) -> None:
    """Measure, store, print. The cosine is to torch with the same pruning and read-out."""
    sample = [text for task in TASKS for text in read(data / task / "test.csv")[0][:200]]
    rows: list[dict[str, Any]] = []
    adapter, layers = fixed_adapter(DEFAULT_MODEL, AUTO), shared_model(DEFAULT_MODEL).weights.config.layers
    for pruning in PRUNINGS:
        policy = preset(pruning, layers, DEFAULT_MODEL, AUTO)
        for readout in READOUTS:
            encoder_with = partial(PrunedEncoder, pruning=policy, readout=readout, adapter=adapter)
            reference = encoder_with(engine="torch").encode(sample)
            for engine, precision in ENGINES:
                encoder = encoder_with(engine=engine, precision=precision)
                found = cosines(encoder.encode(sample), reference)
                rows.append(
                    {
                        "engine": engine,
                        "precision": precision,
                        "pruning": pruning,
                        "readout": readout,
                        "accuracy": accuracies(encoder, data),
                        "cosine_mean": float(found.mean()),
                        "cosine_min": float(found.min()),
                    }
                )
                print(rows[-1], file=sys.stderr)
    store("engines", split="test", adapter=adapter_identity(adapter), rows=rows)
    print(table(rows))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
