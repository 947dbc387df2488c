"""The policies that a search tries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.policy import LEARNT, PruningPolicy


@dataclass(frozen=True)
class Space:
    """Every combination of these is a policy, see ``encoder.policy.PruningPolicy``.

    :param layers: Where to cut: for each choice the layers, as in ``((2,), (1, 3))``.
    :param quantiles: Each greater than 0 and less than 1.
    :param floors: Values of ``min_tokens``.
    """

    layers: Sequence[tuple[int, ...]]
    quantiles: Sequence[float] = (0.2, 0.4, 0.7)
    floors: Sequence[int] = (6, 8, 12)
    reductions: Sequence[str] = ("drop",)
    scores: Sequence[str] = (PruningPolicy.score,)

    def policies(self) -> list[PruningPolicy]:
        """The policies, each once.

        :raises EncoderError: If a value is outside its range.
        """
        if 0 in self.quantiles:
            raise EncoderError("quantile is 0: give numbers greater than 0; what does not prune is tried anyway.")
        combinations = product(self.layers, self.quantiles, self.floors, self.reductions, self.scores)
        return list(dict.fromkeys(PruningPolicy(*combination) for combination in combinations))


def default_layers(layers: int, scored: Sequence[int] = ()) -> tuple[tuple[int, ...], ...]:
    """One cut after a sixth, a third or half of the layers, and two cuts, at a sixth and at half.

    :param layers: The number of layers of the encoder, at least 1.
    :param scored: The layers for which it has learnt what makes tokens important. If one of the choices is among them
        the others are left out.
    """
    named = ((layers // 6,), (layers // 3,), (layers // 2,), (layers // 6, layers // 2))
    choices = tuple(dict.fromkeys(tuple(sorted(set(choice))) for choice in named))
    return tuple(choice for choice in choices if set(choice) <= set(scored)) or choices


def default_score(choices: Sequence[tuple[int, ...]], scored: Sequence[int]) -> str:
    """What has been learnt, where it is known for every layer that may cut; else the attention that a token gets.

    :param choices: As ``Space.layers``.
    :param scored: As in ``default_layers``.
    """
    return LEARNT if all(set(choice) <= set(scored) for choice in choices) else PruningPolicy.score
