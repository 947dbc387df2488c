"""``rasa-token-pruning benchmark speed``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.location import DEFAULT_MODEL, locate
from rasa_token_pruning.encoder.options import AUTO
from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.presets import NAMES as PRESETS
from rasa_token_pruning.encoder.presets import preset
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.evaluation.arguments import whole
from rasa_token_pruning.evaluation.machine import machine
from rasa_token_pruning.evaluation.progress import progress
from rasa_token_pruning.evaluation.record import write_record
from rasa_token_pruning.evaluation.speed import BATCH_SIZES, SpeedError, System, latencies, started, throughputs
from rasa_token_pruning.evaluation.speed_tables import savings, tables
from rasa_token_pruning.evaluation.texts import TextsError, mixed, of_length, read_texts

__all__ = ["SpeedError", "TextsError", "add"]

LENGTHS = (15, 30, 50, 120, 250)
_SHORT = 40  # pieces of messages as users write them
REFERENCE = "sentence-transformers, torch"


def add(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "speed",
        help="engines and policies beside SentenceTransformer.encode, in one run",
        description="Times every engine, precision and policy beside SentenceTransformer.encode, each in its own "
        "process, in turns. Takes about five minutes. Leave the machine alone meanwhile.",
    )
    parser.add_argument("--model", default=DEFAULT_MODEL, help="as in the featurizer (default: %(default)s)")
    parser.add_argument("--adapter", default=AUTO, help="as in the featurizer (default: %(default)s)")
    parser.add_argument("--texts", type=Path, help="messages: a CSV file with a column text, or lines (default: ours)")
    parser.add_argument("--output", type=Path, help="where to write the result as JSON")
    parser.add_argument("--rounds", type=whole(1), default=5, help="turns of each system (default: %(default)s)")
    parser.add_argument("--num-threads", type=int, help="threads of our encoders (default: the engine's choice)")
    parser.add_argument("--baselines", type=Path, help="JSON list of further systems, see docs/measurements.md")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Measure, print, store.

    :raises TextsError: If the messages cannot be read, or all are long.
    :raises SpeedError: If the further systems cannot be read, or a system ends without an answer.
    """
    texts = read_texts(arguments.texts)
    further = _further(arguments.baselines)
    with TemporaryDirectory() as folder:
        count_pieces = _piece_counter(arguments.model)
        by_length = {length: of_length(texts, count_pieces, length, 20) for length in LENGTHS}
        short = [text for text in texts if count_pieces(text) <= _SHORT][:3000]
        if not short:
            raise TextsError(f"{arguments.texts} holds no message of up to {_SHORT} word pieces; give some.")
        sets = {"short": short, "all lengths": mixed(short, 1000)}
        policies = _policies(arguments.model, arguments.adapter)
        systems = _systems(arguments.model, arguments.adapter, policies, arguments.num_threads, Path(folder))
        systems += further
        with started(systems) as workers:
            one = latencies(workers, {k: v for k, v in by_length.items() if v}, arguments.rounds, progress)
            processes = [
                {"system": w.system.name, "start_s": w.start_s, "load_s": w.load_s, "resident_mib": w.resident_mib}
                for w in workers
            ]
            many = throughputs(workers, sets, max(1, arguments.rounds // 2), progress)
    saved = savings(one, policies, shared_model(arguments.model).weights.config.layers)
    record = {
        "machine": machine(),
        "adapter": arguments.adapter,
        "one_message": one,
        "saved": saved,
        "batched": many,
        "processes": processes,
    }
    print(tables(record))
    if arguments.output:
        write_record(record, arguments.output)


def _systems(
    model: str, adapter: str, policies: Mapping[str, PruningPolicy], num_threads: int | None, folder: Path
) -> list[System]:
    """sentence-transformers, and ours: each onnx encoder from a saved folder, as it serves."""
    threads = {"num_threads": num_threads}
    reference = {"model": str(locate(model))}
    systems = [System(REFERENCE, "sentence_transformers", reference, batch_sizes=BATCH_SIZES)]
    for precision in ("fp32", "int8"):
        for name, policy in policies.items():
            bundle = folder / f"{precision} {name}"
            PrunedEncoder(model, policy, engine="onnx", precision=precision, adapter=adapter).save(bundle)
            systems.append(System(f"onnx {precision}, {name}", "ours", {"load": str(bundle), **threads}))
    for name, policy in policies.items():
        options = {"model": model, "pruning": asdict(policy), "engine": "torch", "adapter": adapter, **threads}
        systems.append(System(f"torch fp32, {name}", "ours", options))
    return systems


def _policies(model: str, adapter: str) -> dict[str, PruningPolicy]:
    layers = shared_model(model).weights.config.layers
    presets = {name: preset(name, layers, model, adapter) for name in PRESETS}
    return {**presets, "two cuts of 0.4": PruningPolicy((layers // 6, layers // 2), 0.4, 6)}


def _further(file: Path | None) -> list[System]:
    if file is None:
        return []
    try:
        return [System(**system) for system in json.loads(file.read_bytes())]
    except (ValueError, TypeError) as error:
        raise SpeedError(f"{file} is no list of systems with name, kind, options and python: {error}") from error


def _piece_counter(model: str) -> Callable[[str], int]:
    tokenizer = shared_model(model).tokenizer(None)
    return lambda text: len(tokenizer.tokenize([text], report=False)[0].ids)
