"""What threads of the encoder are worth to one message, and cost where several workers share the processors.

    python -m benchmarks.threads

Trains the example bot with a thread for each processor and with one, then drives `/model/parse` with wrk, with one
worker and two (these with a Redis lock store). Needs wrk and redis-server. Takes four minutes; writes
``benchmarks/results/threads.json`` and prints a table.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.example_bot import BOT, CONFIGS, train
from benchmarks.records import store
from benchmarks.serving import serving
from benchmarks.wrk import drive, write_phrases

SECONDS = 20  # of each setting
CONNECTIONS = (1, 4, 16)
THREADS = (os.cpu_count() or 1, 1)
FEATURIZER = "- name: rasa_token_pruning.TokenPruningFeaturizer\n"


def with_threads(threads: int, file: Path) -> Path:
    """The bot's config with so many threads for the encoder, in a new file."""
    config = (BOT / CONFIGS["ours"]).read_text(encoding="utf-8")
    file.write_text(config.replace(FEATURIZER, f"{FEATURIZER}    num_threads: {threads}\n"), encoding="utf-8")
    return file


def measure(archive: Path, workers: int, phrases: Path) -> list[dict[str, Any]]:
    """All numbers of connections on one server."""
    rows: list[dict[str, Any]] = []
    with serving(archive, workers) as server:
        drive(server.port, "parse", 2, 5, phrases, 0)  # warms up
        for number, connections in enumerate(CONNECTIONS, 1):
            found = drive(server.port, "parse", connections, SECONDS, phrases, number * 10_000_000)
            rows.append({"workers": workers, "connections": connections, **found})
            print(rows[-1], file=sys.stderr)
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """Messages a second, p50 and p95 in ms, in Markdown."""
    lines = ["| workers | connections | a thread for each processor: per second, p50 / p95 | one |", "|---" * 4 + "|"]
    for workers, connections in dict.fromkeys((row["workers"], row["connections"]) for row in rows):
        cells = [
            f"{row['requests'] / row['seconds']:.0f}, {row['p50']:.0f} / {row['p95']:.0f} ms"
            for row in rows
            if (row["workers"], row["connections"]) == (workers, connections)
        ]
        lines.append(f"| {workers} | {connections} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, store, print."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        phrases = write_phrases(folder / "phrases.txt")
        for threads in THREADS:
            config = with_threads(threads, folder / f"{threads}.yml")
            train(str(config.resolve()), folder / f"{threads}.tar.gz")
        for workers in (1, 2):
            for threads in THREADS:
                found = measure(folder / f"{threads}.tar.gz", workers, phrases)
                rows += [{"num_threads": threads, **row} for row in found]
    store("threads", machine={"processors": os.cpu_count(), "architecture": platform.machine()}, rows=rows)
    print(table(rows))


if __name__ == "__main__":
    main()
