"""How long an encoder is trained, how fast, and how often it is kept."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """What does not depend on what is learnt.

    :param epochs: How often an example is seen on average, greater than 0.
    :param steps: How many steps are made instead, at least 1; None for as many as the epochs ask for.
    :param batch: Examples a step and process, at least 2.
    :param learning_rate: The largest, after a tenth of the steps; from there it falls to 0. Greater than 0.
    :param interval: After how many steps a checkpoint is written and the held-out task is asked, at least 1.
    :param patience: After how many times without a gain on the held-out task training stops, at least 1.
    :param seed: Another one gives another order of the examples and other dropout.
    """

    epochs: float = 1
    steps: int | None = None
    batch: int = 32
    learning_rate: float = 2e-5
    interval: int = 100
    patience: int = 5
    seed: int = 0
