"""``rasa test nlu --cross-validation`` with this plugin and with DIET, on the same examples.

    python -m benchmarks.cross_validation DATA

DATA is a data set's ``train.csv`` with the columns ``text`` and ``intent``. Takes 20 examples of each of the 50 first
intents that have as many: 1,000 examples, 5 folds. One command after the other, each from nothing. Takes 20 minutes on
2 cores, most of it DIET's; writes ``benchmarks/results/cross_validation.json`` and prints a table.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmarks.intents_rasa import PIPELINES, QUIET, TITLES, write_project
from benchmarks.records import store

INTENTS, EXAMPLES, FOLDS = 50, 20, 5
SYSTEMS = ("ours", "diet")


def examples(file: Path) -> tuple[list[str], list[str]]:
    """Texts and intents: the first examples of the first intents that have enough of them.

    :raises SystemExit: If the file has too few.
    """
    found: dict[str, list[str]] = defaultdict(list)
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            found[row["intent"]].append(row["text"])
    enough = {intent: texts[:EXAMPLES] for intent, texts in sorted(found.items()) if len(texts) >= EXAMPLES}
    if len(enough) < INTENTS:
        raise SystemExit(f"{file} has {len(enough)} intents with {EXAMPLES} examples; {INTENTS} are needed.")
    chosen = list(enough)[:INTENTS]
    return [text for intent in chosen for text in enough[intent]], [name for name in chosen for _ in enough[name]]


def cross_validate(system: str, texts: list[str], intents: list[str]) -> dict[str, Any]:
    """Seconds of wall-clock time, and the weighted mean F1 that Rasa reports."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_project(folder, PIPELINES[system], texts, intents)
        command = [sys.executable, "-m", "rasa", "test", "nlu", "--cross-validation", "--folds", str(FOLDS)]
        command += ["--nlu", "nlu.yml", "--config", "config.yml", "--no-plot"]
        start = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, env={**os.environ, **QUIET}, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
        report = json.loads((folder / "results" / "intent_report.json").read_text(encoding="utf-8"))
    return {"system": system, "seconds": seconds, "f1": report["weighted avg"]["f1-score"]}


def table(rows: list[dict[str, Any]]) -> str:
    """The rows in Markdown."""
    lines = [f"| {INTENTS * EXAMPLES:,} examples, {INTENTS} intents, {FOLDS} folds | time | F1 |", "|---|---|---|"]
    lines += [f"| {TITLES[row['system']]} | {row['seconds']:.0f} s | {row['f1']:.1%} |" for row in rows]
    return "\n".join(lines)


def main() -> None:
    """Measure, store, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    texts, intents = examples(parser.parse_args().data)
    rows = [cross_validate(system, texts, intents) for system in SYSTEMS]
    store("cross_validation", cores=os.cpu_count(), python=platform.python_version(), rows=rows)
    print(table(rows))


if __name__ == "__main__":
    main()
