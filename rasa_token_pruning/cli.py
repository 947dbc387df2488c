"""rasa-token-pruning: the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.evaluation import (
    accuracy_command,
    comparison_command,
    explain_command,
    hardware_command,
    speed_command,
)
from rasa_token_pruning.fewshot.errors import ClassifierError
from rasa_token_pruning.migration import migrate_command
from rasa_token_pruning.reporting import report_command
from rasa_token_pruning.training import train_command
from rasa_token_pruning.tuning import tune_command
from rasa_token_pruning.version import __version__

# What a user can put right; everything else is ours to put right and shows its traceback.
_USER_ERRORS = (
    ClassifierError,
    EncoderError,
    OSError,
    accuracy_command.FigureError,
    explain_command.ArchiveError,
    migrate_command.MigrationError,
    report_command.ReportError,
    speed_command.TextsError,
    speed_command.SpeedError,
    train_command.TrainingError,
    tune_command.LabelledError,
    tune_command.TuningError,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    :return: 0, or 2 if the user has to put something right.
    """
    parser = argparse.ArgumentParser(prog="rasa-token-pruning", description="Tools around the pruned sentence encoder.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    explain_command.add(commands)
    migrate_command.add(commands)
    report_command.add(commands)
    tune_command.add(commands)
    train_command.add(commands)
    benchmark = commands.add_parser("benchmark", help="measure")
    kinds = benchmark.add_subparsers(required=True, metavar="KIND")
    speed_command.add(kinds)
    accuracy_command.add(kinds)
    comparison_command.add(kinds)
    hardware_command.add(kinds)
    chosen = parser.parse_args(arguments)
    try:
        chosen.run(chosen)
    except _USER_ERRORS as error:
        print(f"rasa-token-pruning: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
