"""``rasa-token-pruning benchmark hardware``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.location import DEFAULT_MODEL
from rasa_token_pruning.encoder.options import AUTO, NONE
from rasa_token_pruning.encoder.presets import preset
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.evaluation.arguments import whole
from rasa_token_pruning.evaluation.machine import machine
from rasa_token_pruning.evaluation.progress import progress
from rasa_token_pruning.evaluation.speed import SpeedError, System, latencies, started
from rasa_token_pruning.evaluation.texts import TextsError, of_length, read_texts
from rasa_token_pruning.version import __version__

__all__ = ["add"]

LENGTHS = (15, 60)
THREADS = (1, 2)
_MESSAGES = 20


def add(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "hardware",
        help="one message on this machine: threads, precisions, engines",
        description="Times one message on this machine with 1 and 2 threads, fp32 and int8, torch and onnxruntime, "
        "with and without pruning. Takes about a minute for a small encoder. Leave the machine alone meanwhile.",
    )
    parser.add_argument("--model", default=DEFAULT_MODEL, help="as in the featurizer (default: %(default)s)")
    parser.add_argument("--adapter", default=AUTO, help="as in the featurizer (default: %(default)s)")
    parser.add_argument("--texts", type=Path, help="messages: a CSV file with a column text, or lines (default: ours)")
    parser.add_argument("--rounds", type=whole(1), default=5, help="turns of each (default: %(default)s)")
    parser.add_argument("--append", type=Path, help="a JSON file with a list of machines, to which this one is added")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Measure, print, store.

    :raises TextsError: If the messages cannot be read, or all are longer than what is measured.
    :raises SpeedError: If the file to append to is none.
    """
    machines = _read(arguments.append)
    tokenizer = shared_model(arguments.model).tokenizer(None)
    texts = read_texts(arguments.texts)
    by_length = {
        length: of_length(texts, lambda text: len(tokenizer.tokenize([text], report=False)[0].ids), length, _MESSAGES)
        for length in LENGTHS
    }
    if missing := [length for length, found in by_length.items() if not found]:
        named = arguments.texts or "The package's own messages"
        raise TextsError(
            f"{named} cannot be joined to messages of {missing} word pieces as {arguments.model} reads them: give "
            "shorter ones, or a model that reads so many."
        )
    with TemporaryDirectory() as folder, started(_systems(arguments.model, arguments.adapter, Path(folder))) as workers:
        rows = latencies(workers, by_length, arguments.rounds, progress)
    found = {"date": date.today().isoformat(), "version": __version__, "model": arguments.model}
    machines.append({**found, "adapter": arguments.adapter, "machine": machine(), "one_message": rows})
    print(table(machines))
    if arguments.append:
        arguments.append.write_text(json.dumps(machines, indent=1) + "\n", encoding="utf-8")


def table(machines: Sequence[dict[str, Any]]) -> str:
    """All machines in Markdown: milliseconds for one message, unpruned and pruned."""
    heads = " | ".join(f"{length} pieces, off -> balanced" for length in LENGTHS)
    lines = [f"| machine | model | engine, threads | {heads} |", "|---|---|---|" + "---|" * len(LENGTHS)]
    for found in machines:
        times = {(row["system"], row["pieces"]): row["p50_ms"] for row in found["one_message"]}
        where = f"{found['machine']['processor']}, {found['machine']['cores']} cores | {found['model']}"
        where += f", `adapter: {found.get('adapter', NONE)}`"
        for how in dict.fromkeys(system.rpartition(", ")[0] for system, _ in times):
            pairs = [(times[f"{how}, off", length], times[f"{how}, balanced", length]) for length in LENGTHS]
            cells = " | ".join(f"{off:.2f} -> {on:.2f} ({100 * (on / off - 1):+.0f}%)" for off, on in pairs)
            lines.append(f"| {where} | {how} | {cells} |")
    return "\n".join(lines)


def _systems(model: str, adapter: str, folder: Path) -> list[System]:
    layers = shared_model(model).weights.config.layers
    systems = []
    for name in ("off", "balanced"):
        policy = preset(name, layers, model, adapter)
        options: dict[str, dict[str, Any]] = {}
        for precision in ("fp32", "int8"):
            bundle = folder / f"{precision} {name}"
            PrunedEncoder(model, policy, engine="onnx", precision=precision, adapter=adapter).save(bundle)
            options[f"onnx {precision}"] = {"load": str(bundle)}
        options["torch fp32"] = {"model": model, "pruning": asdict(policy), "engine": "torch", "adapter": adapter}
        systems += [
            System(f"{how}, {threads}, {name}", "ours", {**given, "num_threads": threads})
            for how, given in options.items()
            for threads in THREADS
        ]
    return systems


def _read(file: Path | None) -> list[dict[str, Any]]:
    if file is None or not file.exists():
        return []
    try:
        machines = json.loads(file.read_bytes())
    except ValueError as error:
        raise SpeedError(f"{file} is no JSON ({error}): give a file that this command has written.") from error
    if not isinstance(machines, list) or not all(isinstance(one, dict) and "one_message" in one for one in machines):
        raise SpeedError(f"{file} is no list of machines: give a file that this command has written.")
    return machines
