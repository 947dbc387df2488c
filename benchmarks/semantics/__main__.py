"""What meaning is lost with the tokens that are cut, and for whom.

    python -m benchmarks.semantics DATA --readout final+cut
    python -m benchmarks.semantics DATA --adapter auto
    python -m benchmarks.semantics DATA --model all-mpnet-base-v2 --tasks banking77 --messages 400 --changed 150

DATA holds a folder for each task, with train.csv, train_10.csv, test.csv and, where there are messages of no intent,
oos_test.csv. What was observed of a task is kept in ``build/semantics``, and a run that was killed goes on with the
next task; remove it after a change to rules, lists, presets or the adapter. Writes
``benchmarks/results/semantics-MODEL.json`` (with an adapter ``semantics-MODEL+adapter.json``) and prints the tables of
``docs/what-pruning-loses.md``. Takes half an hour of one core for all-MiniLM-L6-v2.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.mpnet import assemble
from benchmarks.records import store
from benchmarks.semantics.figures import figures
from benchmarks.semantics.observe import FURTHER_DRAWS, OWN_TASK, SHOTS, observe, observe_pairs
from benchmarks.semantics.observed import Observed
from benchmarks.semantics.statistics import RESAMPLES
from benchmarks.semantics.systems import READOUTS, Subject
from benchmarks.semantics.tables import tables
from benchmarks.tasks import TASKS
from rasa_token_pruning.encoder.options import NONE
from rasa_token_pruning.encoder.readout import FINAL
from rasa_token_pruning.evaluation.labelled import read_labelled
from rasa_token_pruning.evaluation.machine import machine

DEFAULT_MODEL = "all-MiniLM-L6-v2"
MPNET = "all-mpnet-base-v2"  # assembled from the packages that it comes in
BUILD = Path("build") / "semantics"


def main() -> None:
    """Observe, count, store, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a name or a folder (default: %(default)s)")
    parser.add_argument("--adapter", default=NONE, help="as in the featurizer, unpruned too (default: %(default)s)")
    parser.add_argument("--readout", choices=READOUTS, default=FINAL, help="what it is about (default: %(default)s)")
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), help="folders of DATA (default: %(default)s)")
    parser.add_argument("--messages", type=int, default=10**6, help="of each task's test split at most (default: all)")
    parser.add_argument("--changed", type=int, default=1500, help="of these the most that are changed (%(default)s)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = str(assemble(Path(folder))) if given.model == MPNET else given.model
        subject = Subject(model, given.adapter, given.readout)
        name = Path(given.model).name + ("" if given.adapter == NONE else "+adapter")
        kept = BUILD / f"{name}-{given.readout}-{given.messages}-{given.changed}"
        sizes = given.messages, given.changed
        tasks = [_observed(kept, task, partial(observe, subject, given.data / task, *sizes)) for task in given.tasks]
        own = _observed(kept, OWN_TASK, partial(observe_pairs, subject))
        texts = [text for task in given.tasks for text in read_labelled(given.data / task / "test.csv").texts]
        levels = figures(subject, tasks, own, texts)
    record = {
        "machine": machine(),
        "model": Path(given.model).name,
        "adapter": given.adapter,
        "setting": {
            "shots": SHOTS,
            "draws": 1 + len(FURTHER_DRAWS),
            "resamples": RESAMPLES,
            "precision": "auto",
            "readout": given.readout,
            "changed_texts": given.changed,
        },
        "tasks": {task.task: {"messages": len(task.truth), "intents": len(task.intents)} for task in tasks},
        "levels": levels,
    }
    store(f"semantics-{name}", **record)
    print(tables(record))


def _observed(folder: Path, task: str, observe_it: Callable[[], Observed]) -> Observed:
    """What was observed of a task before, or now."""
    file = folder / f"{task}.npz"
    if not file.exists():
        print(f"{folder.name}: {task}", file=sys.stderr, flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        observe_it().save(file)
    return Observed.load(file)


if __name__ == "__main__":
    main()
