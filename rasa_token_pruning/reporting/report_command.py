"""``rasa-token-pruning report``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rasa_token_pruning.evaluation.figures import check
from rasa_token_pruning.evaluation.progress import progress
from rasa_token_pruning.reporting.errors import ReportError
from rasa_token_pruning.reporting.gathering import gather
from rasa_token_pruning.reporting.page import check_free, page_of, write_page
from rasa_token_pruning.reporting.source import read_source

__all__ = ["ReportError", "add"]


def add(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "report",
        help="how well an assistant understands, and which intents to fix, as a page for a browser",
        description="Judges an assistant by cross-validation on its own examples and writes one HTML file: what to fix "
        "first, every intent, intents that are taken for each other, the fallback threshold, and what pruning costs "
        "and saves. Needs no trained model.",
    )
    parser.add_argument(
        "source",
        type=Path,
        nargs="?",
        default=Path(),
        metavar="BOT_OR_DATA",
        help="a bot, an NLU file or folder, or a CSV file (text,intent) (default: this folder)",
    )
    parser.add_argument("--output", type=Path, default=Path("report.html"), help="the page (default: %(default)s)")
    parser.add_argument(
        "--out-of-scope", type=Path, metavar="FILE", help="messages that it should not answer, one a line"
    )
    parser.add_argument("--config", type=Path, help="the config (default: config.yml of the bot, or beside the data)")
    parser.add_argument("--seed", type=int, default=0, help="draws what is held out (default: %(default)s)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Judge, write.

    :raises ReportError: If something cannot be read or written, or there is too little to judge by.
    """
    check()  # before an answer is waited for
    check_free(arguments.output)
    source = read_source(arguments.source, arguments.config)
    facts = gather(source, arguments.out_of_scope, arguments.seed, progress)
    progress("")
    write_page(page_of(facts), arguments.output)
    outcomes = facts.inside.outcomes(facts.threshold)
    print(
        f"{arguments.output}: of {outcomes.total} examples, each held out once, {outcomes.right} are answered rightly, "
        f"{outcomes.wrong} wrongly, {outcomes.again} are asked again. Things to fix: {len(facts.tasks)}. "
        "Open it in a browser."
    )
