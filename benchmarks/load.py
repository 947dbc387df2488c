"""How much one server bears: `rasa run` with the example bot under 1 to 64 connections, beside the same with DIET.

    python -m benchmarks.load

Trains both bots, then drives each server with wrk: two endpoints, one worker and two (these with a Redis lock store),
one setting after the other. Needs wrk and redis-server. Takes half an hour on 2 cores, on which the load tool runs too;
writes ``benchmarks/results/load.json`` and prints a table.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.example_bot import CONFIGS, train
from benchmarks.records import store
from benchmarks.serving import serving
from benchmarks.wrk import ENDPOINTS, drive, write_phrases

CONNECTIONS = (1, 4, 16, 64)
WORKERS = (1, 2)
TITLES = {"ours": "this plugin", "DIET": "DIET"}


def measure(archive: Path, workers: int, seconds: float, phrases: Path) -> list[dict[str, Any]]:
    """All endpoints and numbers of connections on one server, with its memory before and after."""
    rows: list[dict[str, Any]] = []
    with serving(archive, workers) as server:
        drive(server.port, "parse", 2, 5, phrases, 0)  # warms up
        first = 10_000_000
        for endpoint in ENDPOINTS:
            for connections in CONNECTIONS:
                found = drive(server.port, endpoint, connections, seconds, phrases, first)
                first += 10_000_000
                rows.append({"workers": workers, "endpoint": endpoint, "connections": connections, **found})
                rows[-1]["mib"] = server.mib
                print(rows[-1], file=sys.stderr)
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """The rows in Markdown: messages a second, p50, p95 and p99 in ms."""
    lines = ["| workers | endpoint | connections | this plugin: per second, p50 / p95 / p99 | DIET | errors |"]
    lines.append("|---" * 6 + "|")
    for key in dict.fromkeys((row["workers"], row["endpoint"], row["connections"]) for row in rows):
        own = [row for row in rows if (row["workers"], row["endpoint"], row["connections"]) == key]
        cells = [
            f"{row['requests'] / row['seconds']:.0f}, {row['p50']:.0f} / {row['p95']:.0f} / {row['p99']:.0f} ms"
            for row in sorted(own, key=lambda row: list(TITLES).index(row["system"]))
        ]
        errors = ", ".join(str(row["errors"]) for row in own)
        lines.append(f"| {' | '.join(map(str, key))} | {' | '.join(cells)} | {errors} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, store, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=40, help="of each setting (default: 40)")
    seconds = parser.parse_args().seconds
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        phrases = write_phrases(folder / "phrases.txt")
        for system, config in CONFIGS.items():
            train(config, folder / f"{system}.tar.gz")
        for workers in WORKERS:
            for system in CONFIGS:
                found = measure(folder / f"{system}.tar.gz", workers, seconds, phrases)
                rows += [{"system": system, **row} for row in found]
    machine = {"processors": os.cpu_count(), "architecture": platform.machine()}
    store("load", machine=machine, seconds=seconds, rows=rows)
    print(table(rows))


if __name__ == "__main__":
    main()
