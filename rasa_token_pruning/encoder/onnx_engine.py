"""The serving engine: onnxruntime."""

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from rasa_token_pruning.encoder.cuts import Cut, Step, followed
from rasa_token_pruning.encoder.engine import TokenStates
from rasa_token_pruning.encoder.errors import EncoderError, TooLittleMemory

# What onnxruntime says, in errors that are otherwise those of a damaged graph.
_OUT_OF_MEMORY = ("bad_alloc", "Failed to allocate memory")


class OnnxEngine:
    """Runs a graph that ``onnx_export.export`` has written.

    :param graph: The file, or its content.
    :param num_threads: How many threads one pass may use, at least 1, or ``None`` for one per core.
    :raises EncoderError: If onnxruntime cannot read it; ``TooLittleMemory`` if it has no memory for it.
    """

    def __init__(self, graph: bytes | Path, num_threads: int | None = None) -> None:
        self._session = open_session(graph, num_threads)
        outputs = [output.name for output in self._session.get_outputs()]
        self._layers = [name.partition("_")[2] for name in outputs if name.startswith("positions_")]
        self._targets = ["targets"] if any(name.startswith("targets_") for name in outputs) else []
        self._tables: list[str] = []  # of how many tokens stay, where that is to be all of them

    def embed(self, ids: np.ndarray) -> np.ndarray:
        """See ``engine.Engine``."""
        embeddings: np.ndarray = self._run(["embedding"], ids)[0]
        return embeddings

    def run(self, ids: np.ndarray) -> TokenStates:
        """See ``engine.Engine``."""
        per_cut = [name for layer in self._layers for name in (f"before_{layer}", f"positions_{layer}")]
        embeddings, final, *found = self._run(["embedding", "final", *per_cut], ids)
        reached, kept = _scattered(final, found[0::2], found[1::2])
        return TokenStates(embeddings=embeddings, reached=reached, kept=kept)

    def trace(self, ids: np.ndarray) -> tuple[Cut, ...]:
        """See ``engine.Engine``."""
        if not self._layers:
            return ()
        kinds = ["importance", "positions", *self._targets]
        found = iter(self._run([f"{kind}_{layer}" for layer in self._layers for kind in kinds], ids[None]))
        steps = []
        for layer in self._layers:
            importance, positions, *targets = (next(found)[0] for _ in kinds)
            steps.append(Step(int(layer), importance, positions, targets[0] if targets else None))
        return followed(len(ids), steps)

    def without_cuts(self) -> OnnxEngine:
        """See ``engine.Engine``."""
        uncut = copy(self)
        uncut._tables = [table.name for table in self._session.get_overridable_initializers()]
        return uncut

    def _run(self, outputs: list[str], ids: np.ndarray) -> list[np.ndarray]:
        tables = {name: np.arange(ids.shape[1] + 1) for name in self._tables}
        found: list[np.ndarray] = self._session.run(outputs, {"ids": ids, **tables})
        return found


def open_session(graph: bytes | Path, num_threads: int | None = None) -> Any:
    """An onnxruntime session on the CPU.

    :raises EncoderError: If onnxruntime cannot read the graph; ``TooLittleMemory`` if it has no memory for it.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads or 0
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Processors without VNNI would overflow: slower kernels there, no difference elsewhere.
    options.add_session_config_entry("session.x64quantprecision", "1")
    try:
        source = graph if isinstance(graph, bytes) else str(graph)
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library's errors have no common base but this
        if any(words in str(error) for words in _OUT_OF_MEMORY):
            raise TooLittleMemory(
                f"There is too little memory to load the encoder: allow the process more. (onnxruntime: {error})"
            ) from error
        raise EncoderError(f"onnxruntime cannot read the encoder's graph: {error}") from error


def _scattered(
    final: np.ndarray, before: list[np.ndarray], positions: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """For every token the last state that it reached, and whether it stayed to the end."""
    if not before:
        return final, np.ones(final.shape[:2], dtype=bool)
    reached = before[0]
    kept = positions[0]
    for states, chosen in zip(before[1:], positions[1:], strict=True):
        np.put_along_axis(reached, kept[..., None], states, axis=1)
        kept = np.take_along_axis(kept, chosen, axis=1)
    np.put_along_axis(reached, kept[..., None], final, axis=1)
    stayed = np.zeros(reached.shape[:2], dtype=bool)
    np.put_along_axis(stayed, kept, True, axis=1)
    return reached, stayed
