"""Intent classification beside what users of Rasa have today: this plugin, DIET, logistic regression and SetFit.

    python -m benchmarks.intents_rasa DATA ROWS

DATA is laid out as for ``benchmarks.intents_setfit``, which goes first and puts SetFit's rows into the same ROWS, a
JSON file that is resumed. Every assistant is trained by ``rasa train nlu`` and parses each message alone, without a
fallback: its confidence threshold is applied afterwards, its ambiguity threshold is not. Nothing was chosen on the test
splits. Takes more than an hour on 2 cores, most of it DIET's; writes ``benchmarks/results/intents.json`` and prints two
tables of the rows that there are.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import platform
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.memory import peak_mib
from benchmarks.metrics import figures
from benchmarks.records import store
from benchmarks.rows import Row, resume
from benchmarks.tasks import SHOTS, TASKS, read

SPARSE: list[dict[str, Any]] = [
    {"name": "WhitespaceTokenizer"},
    {"name": "RegexFeaturizer"},
    {"name": "LexicalSyntacticFeaturizer"},
    {"name": "CountVectorsFeaturizer"},
    {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4},
]
DIET = {"name": "DIETClassifier", "epochs": 100, "constrain_similarities": True, "entity_recognition": False}


def ours(**options: Any) -> list[dict[str, Any]]:
    """The pipeline of this plugin, with options of its featurizer."""
    return [
        {"name": "WhitespaceTokenizer"},
        {"name": "rasa_token_pruning.TokenPruningFeaturizer", **options},
        {"name": "rasa_token_pruning.FewShotIntentClassifier"},
    ]


PIPELINES: dict[str, list[dict[str, Any]]] = {
    "ours": ours(),
    "refined": ours(refine=True),
    "published": ours(adapter="none"),
    "logistic_regression": [*SPARSE, {"name": "LogisticRegressionClassifier"}],
    "diet": [*SPARSE, DIET],
}
TITLES = {
    "ours": "this plugin",
    "refined": "this plugin, `refine: true`",
    "published": "this plugin, `adapter: none`",
    "diet": "DIET",
    "logistic_regression": "LogisticRegressionClassifier",
    "setfit": "SetFit",
    "setfit_oversampling": "SetFit, all pairs",
}
QUIET = {
    "RASA_TELEMETRY_ENABLED": "false",
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "PYTHONWARNINGS": "ignore",
}

# The columns of the tables: title, key of the measurement, format.
COLUMNS = (
    ("training", "training_seconds", "{:.0f} s"),
    ("memory", "training_peak_mib", "{:.0f} MiB"),
    ("accuracy", "accuracy", "{:.1%}"),
    ("answered rightly", "answered_right", "{:.1%}"),
    ("calibration error", "calibration_error", "{:.3f}"),
    ("out of scope: caught", "out_of_scope_caught", "{:.1%}"),
    ("AUROC", "out_of_scope_auroc", "{:.3f}"),
    ("p50", "latency_ms_p50", "{:.1f} ms"),
    ("p95", "latency_ms_p95", "{:.1f} ms"),
)


def write_project(folder: Path, pipeline: list[dict[str, Any]], texts: list[str], intents: list[str]) -> None:
    """Write ``config.yml`` and ``nlu.yml``.

    :raises SystemExit: If Rasa reads other examples than were given, for it gives some characters a meaning.
    """
    from rasa.shared.nlu.training_data.loading import load_data
    from rasa.shared.nlu.training_data.message import Message
    from rasa.shared.nlu.training_data.training_data import TrainingData

    config = {"recipe": "default.v1", "assistant_id": "intents", "language": "en", "pipeline": pipeline}
    (folder / "config.yml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    examples = [Message.build(text=text, intent=intent) for text, intent in zip(texts, intents, strict=True)]
    file = folder / "nlu.yml"
    TrainingData(examples).persist_nlu(str(file))
    found = [(message.get("intent"), message.get("text")) for message in load_data(str(file)).intent_examples]
    if sorted(found) != sorted(zip(intents, texts, strict=True)):
        raise SystemExit(f"{file} does not hold the examples that were written to it.")


def train(folder: Path) -> Row:
    """Train in a process of its own, from nothing; seconds of wall-clock time and peak resident memory."""
    command = [sys.executable, "-m", "rasa", "train", "nlu", "--config", "config.yml", "--nlu", "nlu.yml"]
    command += ["--out", ".", "--fixed-model-name", "model"]
    started = time.perf_counter()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{(folder / 'log').read_text(encoding='utf-8')}")
    return {"training_seconds": time.perf_counter() - started, "training_peak_mib": peak_mib(usage)}


def parse(archive: Path, texts: list[str]) -> tuple[list[str | None], np.ndarray, np.ndarray]:
    """The best intent of each text, its confidence, and the milliseconds for each, ``(texts,)``.

    Rasa is imported here, in a process of its own: a parent's memory would count as that of the trainings it starts.
    """
    from rasa.core.agent import Agent
    from rasa.utils.common import configure_logging_and_warnings
    from rasa.utils.log_utils import configure_structlog

    from benchmarks.held_out import WARM_UP, best_intent, parse_all

    configure_structlog(logging.ERROR)  # as a server is run; logging every step would be part of the latency
    configure_logging_and_warnings(logging.ERROR)
    parsed, times = asyncio.run(parse_all(Agent.load(archive), texts))
    best = [best_intent(result) for result in parsed]
    # The first texts warmed up, and the featurizer remembers them.
    return [entry["name"] for entry in best], np.array([entry["confidence"] for entry in best]), times[WARM_UP:]


def measure(data: Path, system: str, task: str, shots: int) -> Row:
    """Train on a few-shot split and score the test split."""
    texts, intents = read(data / task / "test.csv")
    foreign = data / task / "oos_test.csv"
    strangers = read(foreign)[0] if foreign.exists() else []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_project(folder, PIPELINES[system], *read(data / task / f"train_{shots}.csv"))
        training = train(folder)
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            names, confidences, times = pool.submit(parse, folder / "model.tar.gz", texts + strangers).result()
    inside = len(texts)
    right = np.array([name == intent for name, intent in zip(names[:inside], intents, strict=True)])
    p50, p95 = (float(p) for p in np.percentile(times, [50, 95]))
    scores = figures(confidences[:inside], right, confidences[inside:] if strangers else None)
    return {**training, **scores, "latency_ms_p50": p50, "latency_ms_p95": p95}


def cells(row: Row) -> str:
    """The measurements of a row of a table; empty where there is none."""
    return " | ".join(form.format(row[name]) if name in row else "" for _, name, form in COLUMNS)


def table(rows: list[Row]) -> str:
    """Every row, in Markdown."""
    titles = ["task", "shots", "system", *(title for title, _, _ in COLUMNS)]
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for row in sorted(rows, key=lambda row: (row["task"], row["shots"], list(TITLES).index(row["system"]))):
        lines.append(f"| {row['task']} | {row['shots']} | {TITLES[row['system']]} | {cells(row)} |")
    return "\n".join(lines)


def means(rows: list[Row]) -> str:
    """The mean of each system that has every task, in Markdown; out of scope is CLINC150 alone."""
    titles = ["system", *(title for title, _, _ in COLUMNS)]
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for system in TITLES:
        own = [row for row in rows if row["system"] == system]
        if len(own) < len(TASKS) * len(SHOTS):
            continue
        mean = {}
        for _, name, _ in COLUMNS:
            if known := [row[name] for row in own if name in row]:
                mean[name] = float(np.mean(known))
        lines.append(f"| {TITLES[system]} | {cells(mean)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure what ROWS lacks; store once it lacks nothing; print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--systems", default=",".join(PIPELINES), help="some of these, with commas between")
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    parser.add_argument("--shots", nargs="+", type=int, default=SHOTS)
    arguments = parser.parse_args()
    os.environ.update(QUIET)
    systems = arguments.systems.split(",")
    wanted = [(system, task, k) for system in systems for task in arguments.tasks for k in arguments.shots]
    rows = resume(arguments.rows, wanted, lambda *one: measure(arguments.data, *one))
    machine = {"processors": os.cpu_count(), "architecture": platform.machine()}
    store("intents", split="test", machine=machine, rows=rows)
    print(table(rows), means(rows), sep="\n\n")


if __name__ == "__main__":
    main()
