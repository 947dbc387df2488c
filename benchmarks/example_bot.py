"""The example bot beside the same bot with DIET, in one run: training, memory, held-out phrases, latency.

Run ``make compare`` (15 to 30 minutes). Trainings alternate; each runs alone, from nothing, as ``rasa train --force``.
DIET has no fixed seed, so that each of its trainings understands other messages: medians of all figures are shown.
Writes ``benchmarks/results/example_bot.json`` and prints the README's table.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.memory import peak_mib
from benchmarks.records import store

ROOT = Path(__file__).resolve().parent.parent
BOT = ROOT / "example_bot"
CONFIGS = {"ours": "config.yml", "DIET": "config-diet.yml"}

# The rows of the table: title, key of the measurement, format.
ROWS = (
    ("`rasa train` from nothing", "training_seconds", "{:.0f} s"),
    ("peak memory of the training", "training_peak_mib", "{:.0f} MiB"),
    ("size of the archive", "archive_mib", "{:.1f} MiB"),
    ("held-out phrases handled rightly: answered, or out of scope and asked again", "handled_right", "{:.1%}"),
    ("held-out paraphrases: right intent", "intent_accuracy", "{:.1%}"),
    ("answered, and rightly", "answered_right", "{:.1%}"),
    ("answered, but wrongly", "answered_wrong", "{:.1%}"),
    ("asked to say it again", "fell_back", "{:.1%}"),
    ("right FAQ answer", "faq_accuracy", "{:.1%}"),
    ("calibration error (15 bins)", "calibration_error", "{:.3f}"),
    ("out of scope: asked to say it again", "out_of_scope_caught", "{:.1%}"),
    ("out of scope: AUROC of the confidence", "out_of_scope_auroc", "{:.3f}"),
    ("one message through the pipeline, median", "latency_ms_p50", "{:.1f} ms"),
    ("one message through the pipeline, 95th percentile", "latency_ms_p95", "{:.1f} ms"),
    ("memory of the process that answers", "serving_mib", "{:.0f} MiB"),
)


def train(config: str, archive: Path) -> dict[str, float]:
    """Train once in a process of its own; seconds of wall-clock time and peak resident memory."""
    command = [sys.executable, "-m", "rasa", "train", "--force", "--config", config]
    command += ["--out", str(archive.parent), "--fixed-model-name", archive.stem.removesuffix(".tar")]
    with tempfile.TemporaryDirectory() as cache:  # --force uses no results of Rasa's cache, but texts that ours knows
        environment = {**os.environ, "RASA_CACHE_DIRECTORY": cache}
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=BOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
    if status != 0:
        raise SystemExit(f"{' '.join(command)} failed; run it in {BOT} to see why.")
    return {
        "training_seconds": seconds,
        "training_peak_mib": peak_mib(usage),
        "archive_mib": archive.stat().st_size / 2**20,
    }


def evaluate(archive: Path) -> dict[str, Any]:
    """Parse the held-out phrases in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.held_out", str(archive), str(BOT / "held_out.csv")]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    result: dict[str, Any] = json.loads(output.splitlines()[-1])
    return result


def measure(repeats: int, folder: Path) -> dict[str, dict[str, Any]]:
    """Train and evaluate both bots in turn ``repeats`` times: the medians of all figures, and each run."""
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in CONFIGS}
    for repeat in range(repeats):
        for name, config in CONFIGS.items():
            print(f"run {repeat + 1} of {repeats}: {name}", file=sys.stderr)
            archive = folder / f"{name}.tar.gz"
            runs[name].append({**train(config, archive), **evaluate(archive)})
    return {
        name: {**{key: statistics.median(run[key] for run in found) for key in found[0]}, "runs": found}
        for name, found in runs.items()
    }


def handled_right(result: dict[str, Any]) -> float:
    """The share of all phrases that were answered rightly, or belong to no intent and were asked to be said again."""
    inside, outside = result["in_scope_messages"], result["out_of_scope_messages"]
    rightly = result["answered_right"] * inside + result["out_of_scope_caught"] * outside
    return float(rightly / (inside + outside))


def table(results: dict[str, dict[str, Any]]) -> str:
    """The README's table in Markdown."""
    ours, diet = ({**results[name], "handled_right": handled_right(results[name])} for name in CONFIGS)
    lines = ["| | this plugin | DIET |", "|---|---|---|"]
    for title, key, form in ROWS:
        lines.append(f"| {title} | {form.format(ours[key])} | {form.format(diet[key])} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, store, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="runs of each bot; medians count (default: 3)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = measure(arguments.repeats, Path(folder))
    machine = {"processors": os.cpu_count(), "architecture": platform.machine(), "python": platform.python_version()}
    store("example_bot", machine=machine, results=results)
    print(table(results))


if __name__ == "__main__":
    main()
