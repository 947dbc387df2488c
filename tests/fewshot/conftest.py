"""Examples without an encoder: points scattered around the centre of their intent."""

from __future__ import annotations

import numpy as np

DIMENSION = 24
INTENTS = ("greet", "reset_password", "order_status", "überweisung", "余额")


def centres() -> dict[str, np.ndarray]:
    """What the names of the intents are embedded as."""
    chance = np.random.default_rng(7)
    return {intent: chance.normal(size=DIMENSION).astype(np.float32) for intent in INTENTS}


def scattered(count: int, noise: float = 0.5, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """So many examples of each intent."""
    chance = np.random.default_rng(seed)
    intents = [intent for intent in INTENTS for _ in range(count)]
    points = [centres()[intent] + noise * chance.normal(size=DIMENSION) for intent in intents]
    return np.array(points, dtype=np.float32), intents
