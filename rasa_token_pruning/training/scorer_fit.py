"""A scorer fitted to what tokens are worth: states and importance in, a small network out."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim.lr_scheduler import OneCycleLR

from rasa_token_pruning.encoder.scores import Scorer

_EPOCHS = 6
_BATCH = 512  # tokens
_RATE, _DECAY = 4e-3, 0.05


def fitted(states: Tensor, importance: Tensor) -> Scorer:
    """A scorer that predicts importance from states, by least squares (AdamW, one cycle of the rate).

    Follows torch's random numbers, as they stand.

    :param states: ``(tokens, width)``, at least one token.
    :param importance: ``(tokens,)``.
    """
    centre, spread = states.mean(dim=0), states.std(dim=0, unbiased=False).clamp(min=1e-3)
    scorer = Scorer(states.shape[1])
    steps = max(1, _EPOCHS * len(states) // _BATCH)
    optimizer = torch.optim.AdamW(scorer.parameters(), weight_decay=_DECAY)
    schedule = OneCycleLR(optimizer, _RATE, total_steps=steps + 1)
    for _ in range(steps):
        rows = torch.randint(len(states), (_BATCH,))
        loss = functional.mse_loss(scorer.worth((states[rows] - centre) / spread), importance[rows])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return _of_raw_states(scorer, centre, spread)


@torch.no_grad()
def _of_raw_states(scorer: Scorer, centre: Tensor, spread: Tensor) -> Scorer:
    """The same scorer of states that are not standardised first."""
    scorer.hidden.weight.div_(spread)
    scorer.hidden.bias.sub_(scorer.hidden.weight @ centre)
    return scorer.requires_grad_(False)
