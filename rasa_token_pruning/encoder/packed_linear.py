"""Linear layers of torch whose weights are laid out for the processor once, and not at every call.

For a matrix of few rows, such as a message, that takes longer than the product. torch's own compiler calls the same
operators where weights are constants; they have no other way in, so without them layers stay as they are.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_ROWS = 16  # more than one; what exactly makes no difference to the layout


class PackedLinear(nn.Module):
    """What ``nn.Linear`` computes, to rounding, without gradients.

    :param linear: What it is made of, float32, on the CPU.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self._weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), _ROWS)
        self._bias = linear.bias

    def forward(self, rows: Tensor) -> Tensor:
        """``(..., input)`` to ``(..., output)``."""
        product: Tensor = torch.ops.mkldnn._linear_pointwise(rows, self._weight, self._bias, "none", [], "")
        return product


def pack(module: nn.Module) -> None:
    """Pack all linear layers in a module on the CPU, in place, where torch can. The packed weights are copies."""
    if not _available():
        return
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.Linear):
                setattr(parent, name, PackedLinear(child))


def _available() -> bool:
    operators = ("_reorder_linear_weight", "_linear_pointwise")
    built: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return built and all(hasattr(torch.ops.mkldnn, name) for name in operators)
