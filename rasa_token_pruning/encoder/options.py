"""How an encoder is to be made and run, checked before any work is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.policy import PruningPolicy

ENGINES = ("auto", "onnx", "torch")
PRECISIONS = ("auto", "fp32", "int8")
AUTO, PACKAGE, NONE = "auto", "package", "none"  # adapters that need no file to be named
_MAX_THREADS = 1024


@dataclass(frozen=True)
class Options:
    """How an encoder is to be made and run, see ``pruned.PrunedEncoder``."""

    model: str
    pruning: str | PruningPolicy
    readout: str
    prompt: str | None
    engine: str
    precision: str
    num_threads: int | None
    device: str
    adapter: str = NONE

    def __post_init__(self) -> None:
        for key, allowed in (("engine", ENGINES), ("precision", PRECISIONS)):
            if getattr(self, key) not in allowed:
                raise EncoderError(f"{key} is {getattr(self, key)!r}: give one of {', '.join(allowed)}.")
        check_threads(self.num_threads)
        if not isinstance(self.adapter, str) or not self.adapter:
            raise EncoderError(f"adapter is {self.adapter!r}: give {AUTO}, {PACKAGE}, {NONE}, or the file of one.")
        if not isinstance(self.device, str) or not self.device:
            raise EncoderError(f"device is {self.device!r}: give cpu, cuda or mps.")
        if self.resolved_engine == "torch" and self.precision == "int8":
            raise EncoderError(f"precision is {self.precision!r}, which needs engine onnx; the torch engine has fp32.")
        if self.resolved_engine == "onnx" and self.device != "cpu":
            raise EncoderError(f"device is {self.device!r}, which needs engine torch; the onnx engine runs on cpu.")

    @property
    def resolved_engine(self) -> str:
        """``onnx`` or ``torch``; ``auto`` is onnx on the CPU."""
        if self.engine != "auto":
            return self.engine
        return "onnx" if self.device == "cpu" else "torch"

    @property
    def resolved_precision(self) -> str:
        """``fp32`` or ``int8``; ``auto`` is int8 with the onnx engine."""
        if self.precision != "auto":
            return self.precision
        return "int8" if self.resolved_engine == "onnx" else "fp32"


def check_threads(num_threads: Any) -> None:
    """:raises EncoderError: If it is neither ``None`` nor a whole number of at least 1."""
    right = num_threads is None or (type(num_threads) is int and 1 <= num_threads <= _MAX_THREADS)
    if not right:
        raise EncoderError(f"num_threads is {num_threads!r}: give a whole number from 1 to {_MAX_THREADS}, or nothing.")
