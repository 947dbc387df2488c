"""Some of the intents alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rasa_token_pruning.fewshot.held_out import HeldOut


def part_of(held_out: HeldOut, examples: Sequence[int], intents: Sequence[int]) -> HeldOut:
    """What was said about the examples of some intents, without what was said about their being others.

    :param held_out: About examples of all intents.
    :param examples: The numbers of all examples of those intents; their places become their numbers.
    :param intents: The numbers of those intents, ascending; their places become their numbers.
    """
    place = {number: new for new, number in enumerate(examples)}
    rows = [row for row, number in enumerate(held_out.numbers.tolist()) if number in place]
    return HeldOut(
        np.array([place[number] for number in held_out.numbers[rows].tolist()], dtype=np.int64),
        np.searchsorted(intents, held_out.labels[rows]),
        held_out.logits[np.ix_(rows, intents)],
        held_out.similarities[np.ix_(rows, intents)],
    )
