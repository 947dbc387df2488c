"""Sets instead of guesses: the intents that a message may have, with a stated coverage."""

from __future__ import annotations

import numpy as np


def prediction_sets(probabilities: np.ndarray, levels: np.ndarray, coverage: float) -> np.ndarray:
    """Split conformal prediction sets (Sadinle et al. 2019, arXiv 1609.00451): the smallest sets on average.

    Of messages like the examples, about the share ``coverage`` has its true intent in its set: at least, if the levels
    came from examples apart; by cross-fitting they come from heads that have seen a little less than the one that
    predicts. With fewer than about 1 / (1 - coverage) held-out examples it can only be kept by sets of all intents.

    :param probabilities: ``(messages, intents)``, each in ``[0, 1]``.
    :param levels: The probabilities of the true intents of held-out examples, ascending, ``(levels,)``,
        float32.
    :param coverage: In ``(0, 1)``.
    :return: Whether each intent belongs to the set, ``(messages, intents)``, bool; the most probable always does.
    """
    # Of n examples and the message, this many may have a true intent that is less probable than the threshold. What
    # floating point leaves of 1 - coverage must not cost one of them.
    below = min(len(levels), int(np.floor((len(levels) + 1) * (1 - coverage) + 1e-9)))
    threshold = levels[below - 1] if below else 0.0
    sets: np.ndarray = probabilities.astype(np.float32) >= threshold  # rounded like the levels
    sets[np.arange(len(sets)), probabilities.argmax(axis=1)] = True
    return sets
