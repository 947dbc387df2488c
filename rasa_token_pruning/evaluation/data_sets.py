"""Data sets with splits: a folder each with ``train.csv``, ``test.csv``, and perhaps fixed few-shot splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rasa_token_pruning.evaluation.few_shot import draw
from rasa_token_pruning.evaluation.labelled import Labelled, LabelledError, read_labelled

FULL = "full"
SHOTS = (5, 10)
EXAMPLES = (*map(str, SHOTS), FULL)
_SEEDS = 3


@dataclass(frozen=True, eq=False)
class DataSet:
    """Examples to learn from, and messages to judge by.

    :param name: The name of its folder.
    :param examples: By ``5``, ``10`` and ``full`` the draws of examples: the published split, else several draws.
    :param judged: The messages to judge by.
    """

    name: str
    examples: Mapping[str, tuple[Labelled, ...]]
    judged: Labelled


def read_data_sets(folders: Sequence[Path], split: str) -> list[DataSet]:
    """Several data sets, see ``read_data_set``.

    :raises LabelledError: If one cannot be read, or two have one name.
    """
    data = [read_data_set(folder, split) for folder in folders]
    names = [one.name for one in data]
    if len(set(names)) < len(names):
        raise LabelledError(f"Data sets need names of their own, but their folders are called {names}.")
    return data


def read_data_set(folder: Path, split: str = "test") -> DataSet:
    """A data set on disk.

    :param folder: With ``train.csv``, the split's file, and where they are fixed ``train_5.csv`` and ``train_10.csv``;
        where they are not, three draws from ``train.csv`` take their place.
    :param split: What to judge by.
    :raises LabelledError: If a file is missing or damaged, or there are too few examples.
    """
    if not folder.is_dir():
        raise LabelledError(f"{folder} is no folder: give the folder of a data set, with train.csv and {split}.csv.")
    train = read_labelled(folder / "train.csv")
    examples = {**{str(shots): _few(folder, train, shots) for shots in SHOTS}, FULL: (train,)}
    for shots, draws in examples.items():
        if any(len(found.known) < 2 for found in draws):
            raise LabelledError(f"{folder} has examples of one intent alone ({shots}): give two intents or more.")
    named = folder if folder.name.strip(".") else folder.resolve()
    return DataSet(named.name, examples, read_labelled(folder / f"{split}.csv"))


def _few(folder: Path, train: Labelled, shots: int) -> tuple[Labelled, ...]:
    fixed = folder / f"train_{shots}.csv"
    if fixed.exists():
        return (read_labelled(fixed),)
    return tuple(draw(train, shots, 1, seed)[0] for seed in range(_SEEDS))
