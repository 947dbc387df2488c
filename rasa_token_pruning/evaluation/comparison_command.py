"""``rasa-token-pruning benchmark pruning``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.location import DEFAULT_MODEL
from rasa_token_pruning.encoder.options import AUTO
from rasa_token_pruning.encoder.presets import LEVELS
from rasa_token_pruning.evaluation.data_sets import read_data_sets
from rasa_token_pruning.evaluation.figures import check, panels
from rasa_token_pruning.evaluation.long_messages import LONG, SHORT
from rasa_token_pruning.evaluation.machine import machine
from rasa_token_pruning.evaluation.progress import progress
from rasa_token_pruning.evaluation.record import write_record

__all__ = ["add"]

SHARES = (0.9, 0.8, 0.7, 0.6)


def add(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "pruning",
        help="our pruning beside other ways to read less",
        description="Accuracy against time for our pruning, random tokens, stop words, frequent tokens, truncation, "
        "merging, an absolute threshold and fewer layers, all on the torch engine, and for the onnx engine. Takes "
        "five to fifteen minutes for each data set and a small encoder. Leave the machine alone meanwhile.",
    )
    parser.add_argument(
        "data", type=Path, nargs="+", help="folders with train.csv, test.csv, train_5.csv, train_10.csv"
    )
    parser.add_argument("--model", default=DEFAULT_MODEL, help="as in the featurizer (default: %(default)s)")
    parser.add_argument(
        "--adapter", default=AUTO, help="as in the featurizer, for the unpruned encoder too (default: %(default)s)"
    )
    parser.add_argument("--split", default="test", help="what to judge by (default: %(default)s)")
    parser.add_argument("--output", type=Path, help="where to write the result as JSON")
    parser.add_argument("--figure", type=Path, help="where to draw it (PNG)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Measure, print, store.

    :raises LabelledError: If a data set cannot be read.
    :raises EncoderError: If torch is not installed.
    :raises FigureError: If a figure is wanted and matplotlib is not installed.
    """
    try:
        from rasa_token_pruning.evaluation.comparison import compared  # needs torch, which other commands do not
    except ImportError as missing:
        raise EncoderError(
            f"benchmark pruning needs the package {missing.name}: pip install 'rasa-token-pruning[train]'"
        ) from missing

    if arguments.figure:
        check()
    data = read_data_sets(arguments.data, arguments.split)
    rows = compared(arguments.model, arguments.adapter, data, progress)
    record = {
        "model": arguments.model,
        "adapter": arguments.adapter,
        "machine": machine(),
        "split": arguments.split,
        **rows,
    }
    print(tables(record), length_table(record), sep="\n\n")
    if arguments.output:
        write_record(record, arguments.output)
    if arguments.figure:
        draw_figure(record, arguments.figure)


def lines_of(record: dict[str, Any], kind: str) -> dict[str, list[tuple[float, float]]]:
    """For each technique its points: the share of the time in percent, the mean change in points; fastest first."""
    shares = {(row["technique"], row["setting"]): row["share"] for row in record["time"] if row["kind"] == kind}
    changes: dict[tuple[str, float], list[float]] = {}
    for row in record["accuracy"]:
        if row["kind"] == kind:
            changes.setdefault((row["technique"], row["setting"]), []).append(row["change"])
    lines: dict[str, list[tuple[float, float]]] = {}
    for (name, setting), found in changes.items():
        lines.setdefault(name, []).append((100 * shares[name, setting], float(np.mean(found))))
    return {name: sorted(points) for name, points in lines.items()}


def tables(record: dict[str, Any]) -> str:
    """The change at equal time, by technique, and what serves, in Markdown."""
    lines: list[str] = []
    for kind in (SHORT, LONG):
        found = lines_of(record, kind)
        lines += [
            f"| messages {kind} | " + " | ".join(f"{share:.0%} of the time" for share in SHARES) + " | best point |"
        ]
        lines.append("|---" * (len(SHARES) + 2) + "|")
        for name, points in found.items():
            cells = " | ".join(_at(points, 100 * share) for share in SHARES)
            share, change = max(points, key=lambda point: (round(point[1], 1), -point[0]))
            lines.append(f"| {name} | {cells} | {change:+.1f} at {share:.0f}% |")
        lines.append("")
    return "\n".join(lines).rstrip()


def length_table(record: dict[str, Any]) -> str:
    """Presets and what serves by word pieces, in Markdown: the unpruned accuracy, and the changes in points."""
    rows = [row for row in record["lengths"] if row["technique"].startswith(("unpruned", *LEVELS, "onnx"))]
    ranges = list(dict.fromkeys((row["from"], row["to"], row["messages"]) for row in rows))
    heads = " | ".join(f"{low} to {high} pieces ({count} messages)" for low, high, count in ranges)
    lines = [f"| | {heads} |", "|---" * (len(ranges) + 1) + "|"]
    for name in dict.fromkeys(row["technique"] for row in rows):
        found = [row for row in rows if row["technique"] == name]
        whole = [f"{100 * row['accuracy']:.1f}%" for row in found]
        changes = [f"{row['change']:+.1f} ±{row['error']:.1f}" for row in found]
        lines.append(f"| {name} | {' | '.join(whole if name == 'unpruned' else changes)} |")
    return "\n".join(lines)


def draw_figure(record: dict[str, Any], file: Path) -> None:
    """The mean change against the share of the time, a line for each technique on the torch engine."""
    panel = {
        f"messages {kind}": {name: found for name, found in lines_of(record, kind).items() if "onnx" not in name}
        for kind in (SHORT, LONG)
    }
    title = f"Ways to read less, {record['model']}, torch fp32, mean of the data sets, 5 and 10 examples an intent"
    panels(file, title, "time of one message, % of unpruned", "change of accuracy, points", panel)


def _at(points: list[tuple[float, float]], share: float) -> str:
    """The change at a share of the time, between two points on a straight line; empty outside of them."""
    across, up = zip(*points, strict=True)
    return f"{np.interp(share, across, up):+.1f}" if across[0] <= share <= across[-1] else ""
