"""The importance of tokens, from attention or learnt: tensors in, tensors out.

Every score from attention takes a layer's attention probabilities, ``(batch, heads, query, key)``, of which each query
sums to 1, and its values, ``(batch, heads, key, width / heads)``. It gives the importance of each token,
``(batch, key)``, at least 0.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional

from rasa_token_pruning.encoder.weights import SCORER_UNITS


def mean_attention(probabilities: Tensor, values: Tensor) -> Tensor:
    """The attention that each token receives, averaged over heads and queries (the score of arXiv 2408.11799).

    A text's scores sum to 1.
    """
    return probabilities.mean(dim=(1, 2))


def max_attention(probabilities: Tensor, values: Tensor) -> Tensor:
    """The attention that each token receives, averaged over queries, in the head that looks at it most."""
    return probabilities.mean(dim=2).amax(dim=1)


def attention_value(probabilities: Tensor, values: Tensor) -> Tensor:
    """The attention that each token receives times the L1 norm of its value (VATP, arXiv 2406.12335), over heads."""
    return (probabilities.mean(dim=2) * values.abs().sum(dim=-1)).mean(dim=1)


class Scorer(nn.Module):
    """The score that is learnt: a small network that says from a token's state what it is worth.

    See ``training.importance``. Parameters are called and shaped as ``weights.scorer_shapes`` says.

    :param width: Of a state.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, SCORER_UNITS)
        self.out = nn.Linear(SCORER_UNITS, 1, bias=False)

    def worth(self, states: Tensor) -> Tensor:
        """What each token is worth beside the others of its text, in their standard deviations.

        :param states: What leaves the layer's attention, ``(..., width)``.
        :return: ``(...)``.
        """
        found: Tensor = self.out(functional.relu(self.hidden(states))).squeeze(-1)
        return found

    def forward(self, states: Tensor) -> Tensor:
        """The importance of each token.

        :param states: What leaves the layer's attention, ``(batch, length, width)``.
        :return: ``(batch, length)``, at least 0; a text's scores sum to 1.
        """
        return self.worth(states).softmax(dim=-1)


SCORES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mean_attention": mean_attention,
    "max_attention": max_attention,
    "attention_value": attention_value,
}
