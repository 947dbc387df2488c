"""Outcomes that no encoder has given, so that what is to be counted is known."""

import numpy as np
import pytest

from benchmarks.semantics import negation
from benchmarks.semantics.classes import CLASSES
from benchmarks.semantics.observe import FAMILIES, OWN_TASK, RANDOM_SEEDS
from benchmarks.semantics.observed import CLEAN, FREQUENT, OUTSIDE, PRUNED, RANDOM, Observed
from benchmarks.semantics.systems import LEVELS, OFF, READOUTS

SETS = [name for family in FAMILIES.values() for name in family]


@pytest.fixture
def make_observed():
    """Makes a task of three intents in which everything is right, and changed texts are those of all messages."""

    def make(messages=120, task="made up", pieces=11, draws=2):
        truth = np.arange(messages) % 3
        tally = np.zeros((messages, len(CLASSES), 4), dtype=np.int64)
        tally[:, CLASSES.index("negation")] = (2, 1, 1, 0)  # of each message one piece of "don't" is cut
        tally[:, CLASSES.index("other word")] = (8, 1, 8, 1)
        arrays = {f"tally/{level}": tally for level in LEVELS}
        for name in (CLEAN, *SETS):
            arrays[f"{name}/numbers"] = np.arange(messages)
            arrays[f"{name}/pieces"] = np.full(messages, pieces)
            for key in (f"{name}/{level}/{readout}" for level in LEVELS for readout in READOUTS):
                arrays[key] = np.tile(truth, (draws, 1))
                arrays[f"{key} confidence"] = np.ones(messages)
        arrays[f"{OUTSIDE}/numbers"] = np.full(10, -1)
        for level in LEVELS:
            for readout in READOUTS:
                arrays[f"{OUTSIDE}/{level}/{readout} confidence"] = np.zeros(10)
                if level != OFF:
                    for name in (PRUNED, FREQUENT, *(f"{RANDOM} {seed}" for seed in RANDOM_SEEDS)):
                        arrays[f"{name} {level}/{readout}"] = np.tile(truth, (draws, 1))
        return Observed(task, ("a", "b", "c"), truth, arrays)

    return make


@pytest.fixture
def own(make_observed):
    return make_observed(len(negation.judged().kinds), OWN_TASK)
