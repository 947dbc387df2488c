"""A small change of an encoder's weights, kept apart from them: arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.weights import EncoderWeights, TransformerConfig, scored_layers, scorer_shapes

_IN, _OUT = ".lora_A", ".lora_B"  # the names that LoRA's factors have everywhere


@dataclass(frozen=True, eq=False)
class Adapter:
    """A change of low rank (LoRA, Hu et al. 2021, arXiv 2106.09685).

    :param arrays: float16 under the names of ``EncoderWeights.arrays``. A matrix ``(output, input)`` changes by
        ``lora_B @ lora_A``, ``(output, rank)`` and ``(rank, input)``; any other array by what stands under its name.
        What makes tokens important in a layer, see ``weights.scorer_shapes``, is not a change: it comes anew.
    """

    arrays: Mapping[str, np.ndarray]

    @classmethod
    def between(cls, before: EncoderWeights, after: EncoderWeights, rank: int) -> Adapter:
        """What is nearest to the change from one to the other, of all changes of a rank (Eckart and Young 1936).

        Embeddings stay as they are: most of the numbers are theirs, and little of what training gains.

        :param rank: At least 1.
        """
        arrays: dict[str, np.ndarray] = {}
        for name, old in before.arrays.items():
            change = after.arrays[name] - old
            if not name.startswith("layers.") or not change.any():
                continue
            if change.ndim == 1:
                arrays[name] = change.astype(np.float16)
                continue
            left, sizes, right = np.linalg.svd(change, full_matrices=False)
            roots = np.sqrt(sizes[:rank])
            arrays[name + _OUT] = (left[:, :rank] * roots).astype(np.float16)
            arrays[name + _IN] = (roots[:, None] * right[:rank]).astype(np.float16)
        return cls(arrays)

    def applied(self, weights: EncoderWeights) -> EncoderWeights:
        """The changed weights; arrays that do not change are shared.

        :raises EncoderError: If it changes an array that is not there, or one of another shape, or knows only half of
            what makes tokens important.
        """
        config = weights.config
        arrays = {**self._nothing_learnt(config), **weights.arrays}
        for name in dict.fromkeys(name.removesuffix(_IN).removesuffix(_OUT) for name in self.arrays):
            change = self._change(name)
            if name not in arrays or change is None or change.shape != arrays[name].shape:
                raise EncoderError(f"The adapter changes {name}, which this encoder does not have in that shape.")
            if not np.isfinite(change).all():
                raise EncoderError(f"The adapter changes {name} by numbers that are not finite: it is damaged.")
            arrays[name] = arrays[name] + change
        return EncoderWeights(config, arrays)

    def _nothing_learnt(self, config: TransformerConfig) -> dict[str, np.ndarray]:
        """What is there of each layer's scores before they come: zeros."""
        scored = [number for number in scored_layers(self.arrays) if number < config.layers]
        shapes = scorer_shapes(scored, config.width)
        if missing := sorted(set(shapes) - set(self.arrays)):
            raise EncoderError(f"The adapter lacks {missing[0]}: write it again with train-encoder score.")
        return {name: np.zeros(size, np.float32) for name, size in shapes.items()}

    def _change(self, name: str) -> np.ndarray | None:
        """By what an array changes, float32; nothing if the adapter holds only one factor, or factors that differ."""
        if name in self.arrays:
            return self.arrays[name].astype(np.float32)
        left, right = (self.arrays.get(name + kind) for kind in (_OUT, _IN))
        if left is None or right is None or left.ndim != 2 or right.ndim != 2 or left.shape[1] != len(right):
            return None
        # Not by BLAS, where the number of threads would change last bits.
        product: np.ndarray = np.einsum("or,ri->oi", left.astype(np.float32), right.astype(np.float32))
        return product
