"""Drives a server of Rasa with wrk, an HTTP load tool that distributions package."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ENDPOINTS = {"webhook": "/webhooks/rest/webhook", "parse": "/model/parse"}


def write_phrases(file: Path) -> Path:
    """The example bot's held-out phrases that JSON holds as they are, one a line."""
    with (ROOT / "example_bot" / "held_out.csv").open(encoding="utf-8", newline="") as stream:
        texts = [row["text"] for row in csv.DictReader(stream)]
    file.write_text("".join(f"{text}\n" for text in texts if not set(text) & set('"\\\n')), encoding="utf-8")
    return file


def drive(port: int, endpoint: str, connections: int, seconds: float, phrases: Path, first: int) -> dict[str, Any]:
    """Send messages, each connection one after the other; see ``messages.lua``.

    :param first: The number of the first message, which tells it from all others.
    :return: ``requests``, ``seconds``, ``errors``, and milliseconds ``p50``, ``p95``, ``p99`` and ``max``.
    :raises SystemExit: If there is no wrk.
    """
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is needed: apt-get install wrk, or what your distribution calls it.")
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "60s", "-s"]
    command += [str(ROOT / "benchmarks" / "messages.lua"), f"http://127.0.0.1:{port}{ENDPOINTS[endpoint]}", "--"]
    printed = subprocess.run([*command, str(phrases), str(first)], check=True, capture_output=True, text=True).stdout
    result: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return result
