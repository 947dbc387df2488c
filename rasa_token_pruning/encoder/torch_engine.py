"""The reference engine: torch."""

from __future__ import annotations

from copy import copy
from dataclasses import replace

import numpy as np
import torch

from rasa_token_pruning.encoder.cuts import Cut, Step, followed
from rasa_token_pruning.encoder.engine import EncoderSpec, TokenStates
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.pooling import read_out
from rasa_token_pruning.encoder.transformer import LayerCut, Run, Transformer
from rasa_token_pruning.encoder.weights import EncoderWeights


class TorchEngine:
    """Runs an encoder with torch, in fp32.

    :param weights: The encoder, whose memory is shared on the CPU.
    :param spec: What to do with it.
    :param device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
    :param num_threads: How many threads torch may use in this whole process, or ``None`` to leave that as it is.
    :raises EncoderError: If torch does not offer the device on this machine.
    """

    def __init__(self, weights: EncoderWeights, spec: EncoderSpec, device: str, num_threads: int | None = None) -> None:
        self._spec = spec
        try:
            self._transformer = Transformer.from_weights(weights).to(device)
        except (RuntimeError, AssertionError, TypeError) as error:  # what torch raises differs from device to device
            raise EncoderError(f"device is {device!r}, which torch does not offer here: {error}") from error
        self._device = device
        if num_threads is not None:
            torch.set_num_threads(num_threads)

    def embed(self, ids: np.ndarray) -> np.ndarray:
        """See ``engine.Engine``."""
        return self._embeddings(self._run(ids))

    def run(self, ids: np.ndarray) -> TokenStates:
        """See ``engine.Engine``."""
        run = self._run(ids)
        kept = np.zeros(ids.shape, dtype=bool)
        np.put_along_axis(kept, run.kept.cpu().numpy(), True, axis=1)
        return TokenStates(embeddings=self._embeddings(run), reached=run.reached.cpu().numpy(), kept=kept)

    def trace(self, ids: np.ndarray) -> tuple[Cut, ...]:
        """See ``engine.Engine``."""
        run = self._run(ids[None].copy())  # torch warns of arrays that are read-only
        return followed(len(ids), map(_step, run.cuts))

    def without_cuts(self) -> TorchEngine:
        """See ``engine.Engine``."""
        uncut = copy(self)
        uncut._spec = replace(self._spec, policy=self._spec.policy.without_cuts())
        return uncut

    def _run(self, ids: np.ndarray) -> Run:
        spec = self._spec
        return self._transformer.run(torch.from_numpy(ids).to(self._device), spec.policy, spec.joined, spec.protected)

    def _embeddings(self, run: Run) -> np.ndarray:
        with torch.inference_mode():
            embeddings: np.ndarray = read_out(run, self._spec.head).cpu().numpy()
        return embeddings


def _step(cut: LayerCut) -> Step:
    """What a cut did to the first text of a batch."""
    targets = None if cut.targets is None else cut.targets[0].cpu().numpy()
    return Step(cut.layer, cut.importance[0].cpu().numpy(), cut.chosen[0].cpu().numpy(), targets)
