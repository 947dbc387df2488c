"""Messages of our own that a negation tells apart: are they still told apart?"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.semantics import negation
from benchmarks.semantics.classes import CLASSES
from benchmarks.semantics.compared import pair
from benchmarks.semantics.cut import COUNTS
from benchmarks.semantics.observed import CLEAN, Observed
from benchmarks.semantics.statistics import mean, points


def own_sentences(task: Observed, level: str, readout: str) -> dict[str, Any]:
    """By kind of negation: accuracies and the gap, with what was said and with its negation; intervals over actions.

    ``cut`` and ``lost`` are of the negations: how many of their pieces are cut, of how many of them nothing is left.
    """
    pairs = negation.judged()
    kinds, negated, actions = np.array(pairs.kinds), np.array(pairs.negated), np.array(pairs.actions)
    full, pruned = pair(task, CLEAN, level, readout)
    said = task.arrays[f"tally/{level}"][:, CLASSES.index("negation")]
    rows = {}
    for kind in (*negation.PAIRS, "all"):
        of_kind = (kinds == kind) | (kind == "all")
        with_it = of_kind & negated
        pieces, cut, words, lost = (said[with_it, COUNTS.index(count)].sum() for count in COUNTS)
        rows[kind] = {
            "messages": int(of_kind.sum()),
            "cut": float(cut / pieces),
            "lost": float(lost / words),
            "full": mean(full[of_kind], actions[of_kind]),
            "gap": points((pruned - full)[of_kind], actions[of_kind]),
            "gap_negated": points((pruned - full)[with_it], actions[with_it]),
        }
    return rows
