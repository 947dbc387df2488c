"""``rasa-token-pruning tune``."""

from __future__ import annotations

import argparse
import os
from datetime import date
from pathlib import Path
from typing import Any

from rasa_token_pruning.encoder.loading import shared_model
from rasa_token_pruning.encoder.location import DEFAULT_MODEL
from rasa_token_pruning.encoder.options import AUTO
from rasa_token_pruning.encoder.policy import REDUCTIONS, SCORES
from rasa_token_pruning.encoder.readout import FINAL
from rasa_token_pruning.encoder.weights import scored_layers
from rasa_token_pruning.evaluation.arguments import layer_numbers, whole
from rasa_token_pruning.evaluation.labelled import LabelledError
from rasa_token_pruning.evaluation.machine import machine
from rasa_token_pruning.evaluation.tasks import read_task
from rasa_token_pruning.tuning.errors import TuningError
from rasa_token_pruning.tuning.preset_file import write_preset_file
from rasa_token_pruning.tuning.result import LEVELS, Budget, Score, SearchResult
from rasa_token_pruning.tuning.space import Space, default_layers, default_score
from rasa_token_pruning.tuning.trial import READOUTS, Setting
from rasa_token_pruning.version import __version__

__all__ = ["LabelledError", "TuningError", "add"]


def add(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "tune",
        help="search the pruning policy that holds on several assistants",
        description="Tries pruning policies on several assistants' labelled messages and prints, for each speed level, "
        "the policy that leaves least to do within the level's accuracy budget; also what such a choice is worth on an "
        "assistant that took no part in it. Can be interrupted and started again.",
    )
    parser.add_argument(
        "tasks", nargs="*", help="CSV files (text,intent), Rasa NLU files or folders; NAME=PATH names one"
    )
    parser.add_argument(
        "--hard", nargs="+", default=[], metavar="TASK", help="more of them, so hard that only their mean counts"
    )
    parser.add_argument("--output", type=Path, default=Path("tuned.json"), help="the result (default: %(default)s)")
    parser.add_argument("--again", action="store_true", help="only read --output again, under other budgets")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="as in the featurizer (default: %(default)s)")
    parser.add_argument(
        "--adapter", default=AUTO, help="as in the featurizer, for the unpruned encoder too (default: %(default)s)"
    )
    parser.add_argument("--precision", choices=("fp32", "int8"), default="int8", help="(default: %(default)s)")
    parser.add_argument("--readout", choices=READOUTS, default=FINAL, help="(default: %(default)s)")
    _add_space(parser)
    parser.add_argument(
        "--shots", type=whole(1), nargs="+", default=[5, 10], help="examples per intent (default: 5 10)"
    )
    parser.add_argument("--seeds", type=whole(2), default=3, help="draws of examples (default: %(default)s)")
    parser.add_argument("--held-out", type=whole(1), default=600, help="messages to judge a draw by (default: 600)")
    parser.add_argument(
        "--long", type=whole(0), default=200, help="how many of them also made long (default: 200; 0: none)"
    )
    parser.add_argument(
        "--longest", type=whole(0), default=200, help="by how many of its longest messages a task is judged too"
    )
    parser.add_argument("--time", action="store_true", help="measure times and choose by them instead of by work")
    parser.add_argument("--jobs", type=whole(1), default=os.cpu_count() or 1, help="processes (default: the cores)")
    parser.add_argument("--dask", metavar="ADDRESS", help="the scheduler of a dask cluster that is to do it")
    parser.add_argument(
        "--budget",
        type=float,
        nargs=3,
        metavar=("MEAN", "WORST", "LONG"),
        help="one more level: points that may be lost on the mean, on the worst task, and on long messages, "
        "as well as on the longest",
    )
    parser.add_argument("--preset", type=Path, help="where to write the levels' policies as the package keeps them")
    parser.set_defaults(run=run)


def _add_space(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--layers", type=layer_numbers, nargs="+", help="where to cut, as in 2 1,3 (default: by the encoder)"
    )
    parser.add_argument("--quantiles", type=float, nargs="+", default=Space.quantiles, help="(default: %(default)s)")
    parser.add_argument(
        "--floors", type=int, nargs="+", default=Space.floors, help="values of min_tokens (default: %(default)s)"
    )
    parser.add_argument(
        "--reductions", choices=REDUCTIONS, nargs="+", default=Space.reductions, help="(default: %(default)s)"
    )
    parser.add_argument(
        "--scores", choices=SCORES, nargs="+", help="(default: learnt, where the adapter knows it, else mean_attention)"
    )


def run(arguments: argparse.Namespace) -> None:
    """Search if wanted, and print.

    :raises TuningError: If a task or a result cannot be read.
    """
    if not arguments.again:
        _searched(arguments).save(arguments.output)
    result = SearchResult.load(arguments.output)
    levels = dict(LEVELS)
    if arguments.budget:
        mean, worst, long = arguments.budget
        levels["yours"] = Budget(mean, worst, long, longest=long)
    print(report(result, arguments.readout, levels))
    if arguments.preset:
        write_preset_file(result, arguments.readout, levels, arguments.preset)


def _searched(arguments: argparse.Namespace) -> SearchResult:
    try:  # these need joblib and tqdm, which other commands do not
        from rasa_token_pruning.tuning.search import search
        from rasa_token_pruning.tuning.timing import timed
    except ImportError as missing:
        raise TuningError(
            f"tune needs the package {missing.name}: pip install 'rasa-token-pruning[train]'"
        ) from missing
    if not arguments.tasks:
        raise TuningError("tune needs at least one task: give CSV files (text,intent) or Rasa NLU files or folders.")
    hard = [read_task(given) for given in arguments.hard]
    tasks = [read_task(given) for given in arguments.tasks] + hard
    shots = tuple(sorted(set(arguments.shots)))
    how = (arguments.model, arguments.precision, shots, arguments.seeds, arguments.held_out, arguments.long)
    readouts = tuple(dict.fromkeys((FINAL, arguments.readout)))
    setting = Setting(*how, arguments.adapter, arguments.longest, readouts)
    model = shared_model(setting.model, setting.adapter_file)
    count = model.weights.config.layers
    scored = scored_layers(model.weights.arrays)
    layers = arguments.layers or default_layers(count, scored)
    if any(layer >= count for choice in layers for layer in choice):  # said now, not after hours
        raise TuningError(f"--layers is {layers}, but this encoder has {count} layers: give numbers up to {count - 1}.")
    scores = arguments.scores or [default_score(layers, scored)]
    space = Space(layers, arguments.quantiles, arguments.floors, arguments.reductions, scores)
    notes = arguments.output.with_name(arguments.output.name + ".trials")
    trials = search(space.policies(), tasks, setting, notes, arguments.jobs, arguments.dask)
    if arguments.time:
        trials = timed(trials, tasks, setting)
    sizes = {task.name: {"messages": len(task.pool), "intents": len(task.pool.known)} for task in tasks}
    provenance = {"date": date.today().isoformat(), "version": __version__, "machine": machine(), "tasks": sizes}
    return SearchResult(setting, model.identity, trials, provenance, [task.name for task in hard])


def report(result: SearchResult, readout: str, levels: dict[str, Budget]) -> str:
    """The chosen policies, and each as chosen without a task and judged on it, in Markdown."""
    columns = "policy | work left | time left | mean change | worst task | long messages | longest |"
    columns += " hard tasks |" if result.hard else ""
    lines = [
        f"Points of accuracy against the unpruned encoder's own embedding, read-out {readout}; on long messages, and "
        "on the longest as written, against the unpruned encoder with the same read-out.",
        "",
        f"| level | {columns}",
        "|---" * (1 + columns.count("|")) + "|",
    ]
    lines += [f"| {name} | {_row(result.best(budget, readout))} |" for name, budget in levels.items()]
    if len(result.tasks) > 1:
        lines += ["", "Chosen without a task and judged on it:", "", f"| level | task | {columns}"]
        lines.append("|---" * (2 + columns.count("|")) + "|")
    for name, budget in levels.items():
        for task, score in result.leave_one_out(budget, readout).items():
            lines.append(f"| {name} | {task} | {_row(score)} |")
    return "\n".join(lines)


def _row(score: Score | None) -> str:
    if score is None:
        return "none keeps to it | | | | | | "
    policy = score.policy
    how = f"layers {list(policy.layers)}, quantile {policy.quantile}, min_tokens {policy.min_tokens}, {policy.score}"
    how += "" if policy.reduction == "drop" else f", {policy.reduction}"
    time = "" if score.time is None else f"{score.time:.2f}"
    task, change = score.worst
    cells = [how, f"{score.work:.2f}", time, score.mean, f"{change} ({task})", score.long or "", score.longest or ""]
    cells += [] if score.hard is None else [score.hard]
    return " | ".join(map(str, cells))
