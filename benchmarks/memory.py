"""The memory of processes at its peak."""

from __future__ import annotations

import resource
import sys

_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes


def peak_mib(usage: resource.struct_rusage) -> float:
    """The most memory that a process had resident, in MiB."""
    return usage.ru_maxrss * _UNIT / 2**20
