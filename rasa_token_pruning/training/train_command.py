"""``rasa-token-pruning train-encoder``."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import Any

from rasa_token_pruning.encoder.location import DEFAULT_MODEL
from rasa_token_pruning.encoder.options import AUTO, NONE
from rasa_token_pruning.encoder.presets import LEVELS, NAMES
from rasa_token_pruning.evaluation.arguments import amount, share, whole
from rasa_token_pruning.evaluation.labelled import LabelledError
from rasa_token_pruning.training.errors import TrainingError
from rasa_token_pruning.training.plan import Plan

__all__ = ["LabelledError", "TrainingError", "add"]

_PLANS = {
    "contrastive": Plan(learning_rate=2e-5, batch=32),
    "distill": Plan(epochs=4, learning_rate=2e-4, batch=64),
    "adapt": Plan(epochs=2, learning_rate=5e-5, batch=64),
}


def add(commands: Any) -> None:
    """Add the command, its three kinds and their options."""
    parser = commands.add_parser(
        "train-encoder",
        help="train a sentence encoder of your own",
        description="Trains an encoder that the featurizer takes as its model. Can be killed and started again; with "
        "torchrun it uses several processes.",
    )
    kinds = parser.add_subparsers(required=True, metavar="KIND")
    _add_contrastive(kinds)
    _add_distill(kinds)
    _add_adapt(kinds)
    _add_adapter(kinds)
    _add_score(kinds)
    _add_merge(kinds)


def _add_contrastive(kinds: Any) -> None:
    parser = _kind(kinds, "contrastive", "learn which messages mean the same")
    parser.add_argument(
        "tasks", nargs="*", help="CSV files (text,intent), Rasa NLU files or folders; NAME=PATH names one"
    )
    parser.add_argument("--texts", type=Path, nargs="+", default=[], help="messages without labels, one a line")
    parser.add_argument("--pairs", type=Path, nargs="+", default=[], help="CSV files with columns text, paraphrase")
    parser.add_argument(
        "--per-intent", type=whole(2), default=50, help="at most so many messages of an intent (default: %(default)s)"
    )
    parser.add_argument(
        "--names",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="learn what the names of intents have to do with their messages (default: yes)",
    )
    cuts = parser.add_argument_group("while tokens are cut")
    cuts.add_argument(
        "--pruning", choices=NAMES, nargs="+", default=[], help="presets, of which one is drawn for each pass"
    )
    cuts.add_argument("--adapter", default=AUTO, help="what it has to start from (default: %(default)s)")
    cuts.add_argument(
        "--stories",
        type=share,
        default=0.3,
        help="the share of messages in the middle of a story (default: %(default)s)",
    )
    cuts.add_argument(
        "--keep", type=amount, default=5.0, help="how much it counts to stay what it was (default: %(default)s)"
    )


def _add_distill(kinds: Any) -> None:
    parser = _kind(kinds, "distill", "learn to give the embeddings of larger encoders, with fewer layers")
    _add_texts(parser)
    parser.add_argument(
        "--teacher", nargs="+", default=[DEFAULT_MODEL], help=f"whose embeddings (default: {DEFAULT_MODEL})"
    )
    parser.add_argument(
        "--layers", type=whole(0), nargs="+", help="the layers of --model to keep, as in 0 2 5 (default: all)"
    )


def _add_adapt(kinds: Any) -> None:
    parser = _kind(kinds, "adapt", "learn to give the unpruned encoder's embeddings while being pruned")
    _add_texts(parser)
    parser.add_argument("--pruning", choices=LEVELS, default="aggressive", help="(default: %(default)s)")
    parser.add_argument("--layers", type=whole(0), nargs="+", help="where to cut, if not where --pruning does")
    parser.add_argument("--quantile", type=float, help="the share that is cut, if not that of --pruning")
    parser.add_argument("--min-tokens", type=whole(3), help="how many always stay, if not as with --pruning")
    parser.add_argument("--train-from", type=whole(0), help="the first layer that changes (default: the first cut)")


def _add_texts(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("texts", type=Path, nargs="+", help="messages without labels, one a line, or labelled ones")
    parser.add_argument(
        "--varied", type=whole(0), default=1, help="made-up messages for each that is given (default: %(default)s)"
    )


def _add_adapter(kinds: Any) -> None:
    what = "write what an encoder has learnt as a small file, the featurizer's adapter"
    parser = kinds.add_parser("adapter", help=what, description=what[0].upper() + what[1:] + ".")
    parser.add_argument(
        "trained", nargs="+", help="the folder that contrastive or adapt wrote, or an adapter; of several the mean"
    )
    parser.add_argument("--model", default=DEFAULT_MODEL, help="what that started from (default: %(default)s)")
    parser.add_argument("--rank", type=whole(1), default=16, help="of the change of a matrix (default: %(default)s)")
    parser.add_argument(
        "--scores", default=NONE, help="an adapter of that model whose scores go along (default: %(default)s)"
    )
    parser.add_argument("--output", type=Path, required=True, help="the file to write, as in mine.safetensors")
    parser.set_defaults(run=run_adapter)


def _add_score(kinds: Any) -> None:
    what = "learn which tokens a cut must not take, and write it into an adapter"
    parser = kinds.add_parser("score", help=what, description=what[0].upper() + what[1:] + ".")
    _add_texts(parser)
    parser.add_argument("--model", default=DEFAULT_MODEL, help="as in the featurizer (default: %(default)s)")
    parser.add_argument("--adapter", default=AUTO, help="what it has to start from (default: %(default)s)")
    parser.add_argument("--layers", type=whole(0), nargs="+", default=[], help="in which (default: all)")
    parser.add_argument("--most", type=whole(8), default=4000, help="from how many messages (default: %(default)s)")
    parser.add_argument(
        "--stories", type=amount, default=0.4, help="messages in the middle of a story for each (default: %(default)s)"
    )
    parser.add_argument("--seed", type=whole(0), default=0, help="(default: %(default)s)")
    parser.add_argument("--output", type=Path, required=True, help="the file to write, as in mine.safetensors")
    parser.set_defaults(run=run_score)


def _add_merge(kinds: Any) -> None:
    what = "write an encoder with what an adapter changes, as a folder"
    parser = kinds.add_parser("merge", help=what, description=what[0].upper() + what[1:] + ".")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="as in the featurizer (default: %(default)s)")
    parser.add_argument("--adapter", default=AUTO, help="as in the featurizer (default: %(default)s)")
    parser.add_argument("--output", type=Path, required=True, help="the folder of the encoder")
    parser.set_defaults(run=run_merge)


def _kind(kinds: Any, name: str, what: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = kinds.add_parser(name, help=what, description=what[0].upper() + what[1:] + ".")
    plan = _PLANS[name]
    parser.add_argument("--model", default=DEFAULT_MODEL, help="what to start from (default: %(default)s)")
    parser.add_argument("--output", type=Path, required=True, help="the folder of the new encoder")
    parser.add_argument("--held-out", metavar="TASK", help="labelled messages that decide when it is best")
    parser.add_argument("--epochs", type=float, default=plan.epochs, help="(default: %(default)s)")
    parser.add_argument("--steps", type=whole(1), help="instead of epochs")
    parser.add_argument("--batch", type=whole(2), default=plan.batch, help="(default: %(default)s)")
    parser.add_argument("--learning-rate", type=float, default=plan.learning_rate, help="(default: %(default)s)")
    parser.add_argument("--interval", type=whole(1), default=plan.interval, help="steps between checkpoints")
    parser.add_argument("--patience", type=whole(1), default=plan.patience, help="with --held-out: intervals")
    parser.add_argument("--seed", type=whole(0), default=plan.seed, help="(default: %(default)s)")
    parser.set_defaults(run=run, kind=name)
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Train.

    :raises TrainingError: If there is nothing to learn from, or the result would overwrite something.
    """
    plan = Plan(**{field.name: getattr(arguments, field.name) for field in fields(Plan)})
    _check(plan)
    try:  # these need packages that other commands do not
        from rasa_token_pruning.training import kinds
        from rasa_token_pruning.training.job import Job
    except ImportError as missing:
        raise _without(missing) from missing
    job = Job(arguments.kind, plan, arguments.model, arguments.output, arguments.held_out)
    if arguments.kind == "contrastive":
        per_intent, names = arguments.per_intent, arguments.names
        cuts = kinds.Cuts(arguments.pruning, arguments.adapter, arguments.stories, arguments.keep)
        print(kinds.contrastive(job, arguments.tasks, arguments.texts, arguments.pairs, per_intent, names, cuts))
    elif arguments.kind == "distill":
        print(kinds.distill(job, arguments.texts, arguments.varied, arguments.teacher, arguments.layers))
    else:
        pruning = {key: getattr(arguments, key) for key in ("pruning", "layers", "quantile", "min_tokens")}
        print(kinds.adapt(job, arguments.texts, arguments.varied, arguments.train_from, pruning))


def run_adapter(arguments: argparse.Namespace) -> None:
    """Extract an adapter, and say how much of what was learnt it holds."""
    from rasa_token_pruning.training.extraction import extract

    print(extract(arguments.trained, arguments.model, arguments.rank, arguments.scores, arguments.output))


def run_score(arguments: argparse.Namespace) -> None:
    """Learn scores, and say how well.

    :raises TrainingError: If there is too little to learn from, or the result would overwrite something.
    """
    try:
        from rasa_token_pruning.training.scoring import learn_scores
    except ImportError as missing:
        raise _without(missing) from missing
    names = ("texts", "varied", "most", "stories", "model", "adapter", "layers", "seed", "output")
    print(learn_scores(*(getattr(arguments, name) for name in names)))


def run_merge(arguments: argparse.Namespace) -> None:
    """Write an encoder that an adapter has changed.

    :raises TrainingError: If there is no adapter, or the result would overwrite something.
    """
    from rasa_token_pruning.training.merging import merge

    print(merge(arguments.model, arguments.adapter, arguments.output))


def _without(missing: ImportError) -> TrainingError:
    return TrainingError(f"train-encoder needs the package {missing.name}: pip install 'rasa-token-pruning[train]'")


def _check(plan: Plan) -> None:
    for name in ("epochs", "learning_rate"):
        if not 0 < getattr(plan, name) < float("inf"):
            raise TrainingError(f"--{name.replace('_', '-')} is {getattr(plan, name)}: give a number greater than 0.")
