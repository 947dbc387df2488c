"""``rasa-token-pruning benchmark accuracy``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.location import DEFAULT_MODEL
from rasa_token_pruning.encoder.options import AUTO
from rasa_token_pruning.encoder.presets import preset
from rasa_token_pruning.evaluation.accuracy import by_quantile
from rasa_token_pruning.evaluation.data_sets import EXAMPLES, read_data_sets
from rasa_token_pruning.evaluation.figures import FigureError, Points, check, panels
from rasa_token_pruning.evaluation.machine import machine
from rasa_token_pruning.evaluation.progress import progress
from rasa_token_pruning.evaluation.record import write_record

__all__ = ["FigureError", "add"]


def add(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "accuracy",
        help="accuracy and time by quantile on data sets with splits",
        description="What pruning costs and saves at quantiles from 0.1 to 0.7, with 5 and 10 examples an intent and "
        "with all of them. Learns from the training splits and judges by the test splits. Takes about ten minutes for "
        "four data sets and a small encoder. Leave the machine alone meanwhile.",
    )
    parser.add_argument(
        "data", type=Path, nargs="+", help="folders with train.csv, test.csv, train_5.csv, train_10.csv"
    )
    parser.add_argument("--model", default=DEFAULT_MODEL, help="as in the featurizer (default: %(default)s)")
    parser.add_argument(
        "--adapter", default=AUTO, help="as in the featurizer, for the unpruned encoder too (default: %(default)s)"
    )
    parser.add_argument("--precision", choices=("fp32", "int8"), nargs="+", default=["int8"], help="(default: int8)")
    parser.add_argument("--pruning", default="balanced", help="whose layers and floor are used (default: %(default)s)")
    parser.add_argument("--examples", choices=EXAMPLES, nargs="+", default=EXAMPLES, help="an intent (default: all)")
    parser.add_argument("--split", default="test", help="what to judge by (default: %(default)s)")
    parser.add_argument("--output", type=Path, help="where to write the result as JSON")
    parser.add_argument("--figure", type=Path, help="where to draw it (PNG)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Measure, print, store.

    :raises LabelledError: If a data set cannot be read, or two have one name.
    :raises FigureError: If a figure is wanted and matplotlib is not installed.
    """
    if arguments.figure:
        check()
    data = read_data_sets(arguments.data, arguments.split)
    model = shared_model(arguments.model)
    policy = preset(arguments.pruning, model.weights.config.layers, arguments.model, arguments.adapter)
    rows: dict[str, list[dict[str, Any]]] = {"accuracy": [], "time": []}
    numbers = list(dict.fromkeys(arguments.examples))
    for precision in dict.fromkeys(arguments.precision):
        found = by_quantile(arguments.model, arguments.adapter, precision, policy, data, numbers, progress)
        for kind in rows:
            rows[kind] += found[kind]
    how = {
        "model": arguments.model,
        "adapter": arguments.adapter,
        "layers": policy.layers,
        "min_tokens": policy.min_tokens,
    }
    record = {**how, "machine": machine(), "split": arguments.split, **rows}
    print(summary(record), tables(record), sep="\n\n")
    if arguments.output:
        write_record(record, arguments.output)
    if arguments.figure:
        draw_figure(record, arguments.figure)


def tables(record: dict[str, Any]) -> str:
    """Time and accuracy by quantile, in Markdown."""
    lines = [
        "| precision | data | unpruned, ms | " + " | ".join(f"q {q}: time (work)" for q in _quantiles(record)) + " |"
    ]
    lines.append("|---" * (3 + len(_quantiles(record))) + "|")
    for precision, data in _pairs(record["time"]):
        found = [row for row in record["time"] if (row["precision"], row["data"]) == (precision, data)]
        cells = " | ".join(f"{row['share']:.2f} ({row['work']:.2f})" for row in found if row["quantile"])
        lines.append(f"| {precision} | {data} | {found[0]['unpruned_ms']:.2f} | {cells} |")
    lines += [
        "",
        "| precision | data | examples | read-out | unpruned | " + " | ".join(map(str, _quantiles(record))) + " |",
    ]
    lines.append("|---" * (5 + len(_quantiles(record))) + "|")
    for precision, data in _pairs(record["accuracy"]):
        found = [row for row in record["accuracy"] if (row["precision"], row["data"]) == (precision, data)]
        for shots, readout in dict.fromkeys((row["shots"], row["readout"]) for row in found):
            line = [row for row in found if (row["shots"], row["readout"]) == (shots, readout)]
            cells = " | ".join(f"{row['change']:+.1f} ±{row['error']:.1f}" for row in line if row["quantile"])
            unpruned = f"{100 * line[0]['accuracy']:.1f} ({line[0]['change']:+.1f})"
            lines.append(f"| {precision} | {data} | {shots} | `{readout}` | {unpruned} | {cells} |")
    return "\n".join(lines)


def summary(record: dict[str, Any]) -> str:
    """Means over the data sets by quantile, in Markdown: time and work left, and the change in points."""
    kinds = list(dict.fromkeys((row["readout"], row["shots"]) for row in record["accuracy"]))
    heads = " | ".join(f"`{readout}`, {shots}" for readout, shots in kinds)
    lines = [f"| precision | quantile | time left | work left | {heads} |", "|---" * (4 + len(kinds)) + "|"]
    for precision in dict.fromkeys(row["precision"] for row in record["time"]):
        for quantile in (0.0, *_quantiles(record)):
            where = {"precision": precision, "quantile": quantile}
            share, work = (_mean(record["time"], column, **where) for column in ("share", "work"))
            changes = [
                _mean(record["accuracy"], "change", readout=readout, shots=shots, **where) for readout, shots in kinds
            ]
            cells = " | ".join(f"{change:+.2f}" for change in changes)
            lines.append(f"| {precision} | {quantile} | {share:.2f} | {work:.2f} | {cells} |")
    return "\n".join(lines)


def draw_figure(record: dict[str, Any], file: Path) -> None:
    """Accuracy by quantile, a panel for each data set and a line for each number of examples; and the time of each."""
    precision = record["accuracy"][0]["precision"]
    lines: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for row in record["accuracy"]:
        if row["precision"] == precision:
            panel = lines.setdefault(f"{row['data']}: accuracy", {})
            name = f"{row['shots']} examples, {row['readout']}"
            panel.setdefault(name, []).append((row["quantile"], 100 * row["accuracy"]))
    times = lines.setdefault("time of one message, share of unpruned", {})
    for row in record["time"]:
        if row["precision"] == precision:
            times.setdefault(f"time, {row['data']}", []).append((row["quantile"], 100 * row["share"]))
    frozen: dict[str, dict[str, Points]] = {panel: dict(found) for panel, found in lines.items()}
    panels(file, f"Accuracy and time by quantile, {record['model']}, {precision}", "quantile", "%", frozen)


def _mean(rows: Sequence[dict[str, Any]], column: str, **where: Any) -> float:
    """The mean of a column over the rows that have these values."""
    return float(mean(row[column] for row in rows if all(row[key] == value for key, value in where.items())))


def _quantiles(record: dict[str, Any]) -> Sequence[float]:
    return sorted({row["quantile"] for row in record["time"] if row["quantile"]})


def _pairs(rows: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((row["precision"], row["data"]) for row in rows))
