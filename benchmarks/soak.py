"""Months in minutes: 200,000 distinct messages through one worker of `rasa run`; does it slow down, does it grow?

    python -m benchmarks.soak        (or: make soak)

Trains the example bot, then sends its server messages of which no two are alike, in blocks. Needs wrk. Takes 15 to 20
minutes on 2 cores; writes ``benchmarks/results/soak.json`` and prints what became of memory and latency. Ends with an
error if a message failed, or memory grew by 2 % or more after the first 10,000 messages.
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
from benchmarks.wrk import drive, write_phrases

SETTLED = 10_000  # messages after which everything that fills up is full
MOST_GROWTH = 0.02


def soak(messages: int, seconds: float) -> list[dict[str, Any]]:
    """Blocks of messages: how many by then, MiB of the server, and milliseconds."""
    blocks: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        phrases = write_phrases(folder / "phrases.txt")
        archive = folder / "bot.tar.gz"
        train(CONFIGS["ours"], archive)
        with serving(archive) as server:
            sent = 0
            while sent < messages:
                found = drive(server.port, "parse", 2, seconds, phrases, first=1_000_000 + 2 * sent)
                if not found["requests"]:
                    raise SystemExit(f"The server answers no more, after {sent} messages.")
                sent += found["requests"]
                blocks.append({"messages": sent, "mib": server.mib, **found})
                print(blocks[-1], file=sys.stderr)
    return blocks


def summary(blocks: list[dict[str, Any]]) -> dict[str, float]:
    """Growth of memory and of the median latency from the settled blocks' first to their last, as shares; errors."""
    settled = [block for block in blocks if block["messages"] >= SETTLED]
    first, last = settled[0], settled[-1]
    return {
        "memory_growth": last["mib"] / first["mib"] - 1,
        "latency_growth": last["p50"] / first["p50"] - 1,
        "errors": sum(block["errors"] for block in blocks),
    }


def main() -> None:
    """Measure, store, print; say no if it was not flat."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--seconds", type=float, default=20, help="of a block (default: 20)")
    arguments = parser.parse_args()
    blocks = soak(arguments.messages, arguments.seconds)
    found = summary(blocks)
    machine = {"processors": os.cpu_count(), "architecture": platform.machine()}
    store("soak", machine=machine, **found, blocks=blocks)
    print(found)
    if found["errors"] or found["memory_growth"] >= MOST_GROWTH:
        raise SystemExit("A message failed, or memory grew.")


if __name__ == "__main__":
    main()
