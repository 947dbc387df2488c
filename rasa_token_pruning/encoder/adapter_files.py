"""Adapters on disk: those that come with the package, and a user's own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open  # type: ignore[attr-defined]  # missing from its stubs
from safetensors.numpy import save_file

from rasa_token_pruning.encoder.adapter import Adapter
from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.location import WEIGHTS_FILE, locate, sha256
from rasa_token_pruning.encoder.options import AUTO, NONE, PACKAGE

ADAPTER_FILE = "adapter.safetensors"
_FORMAT = "1"
_FOLDER = Path(__file__).resolve().parent.parent / "adapters"


@dataclass(frozen=True, eq=False)
class AdapterFile:
    """An adapter with what its file says of it.

    :param adapter: The change.
    :param base: SHA-256 of the ``model.safetensors`` that it changes, in hexadecimal digits.
    :param identity: SHA-256 of its own file.
    :param provenance: How it came about.
    """

    adapter: Adapter
    base: str
    identity: str
    provenance: Mapping[str, Any]


def adapter_file(option: str) -> Path:
    """The file that an option names.

    :param option: A file, or a folder with ``adapter.safetensors``, as ``train-encoder adapter`` writes it.
    :raises EncoderError: If there is no such file.
    """
    try:
        place = Path(option).expanduser().resolve()
        file = place / ADAPTER_FILE if place.is_dir() else place
        found = file.is_file()
    except (OSError, TypeError, ValueError, RuntimeError):  # too long, not a path, no text, nobody's home
        found = False
    if not found:
        raise EncoderError(
            f"adapter is {option!r}, but there is no such file, nor a folder with {ADAPTER_FILE} (relative paths start "
            f"from {Path.cwd()}): give one that train-encoder adapter wrote, {AUTO}, {PACKAGE}, or {NONE}."
        )
    return file


def shipped_adapter(base: str) -> Path | None:
    """The adapter that comes with this package for some weights, if one does.

    :param base: SHA-256 of their ``model.safetensors``.
    """
    return next((file for file in _shipped() if _base(file) == base), None)


def _shipped() -> list[Path]:
    return sorted(_FOLDER.glob("*.safetensors"))


def _base(file: Path) -> str | None:
    """SHA-256 of the weights that an adapter belongs to; the adapter itself is not read for that."""
    with _opened(file) as (_, said):
        return said.get("base")


def adapter_where_cut(model: str, option: str) -> Path | None:
    """The file of the adapter that two options mean for an encoder that cuts, if they mean one.

    ``auto`` means none for one that does not; all others mean the same for it.

    :raises EncoderError: If it, or the model, is missing or damaged, or ``package`` has none for the model.
    """
    if option == NONE:
        return None
    if option not in (AUTO, PACKAGE):
        return adapter_file(option)
    file = shipped_adapter(sha256(locate(model) / WEIGHTS_FILE))
    if file is None and option == PACKAGE:
        known = ", ".join(file.stem for file in _shipped())
        raise EncoderError(
            f"adapter is {option!r}, but none comes with this package for {model!r}, only for {known}: give {AUTO}, "
            f"{NONE}, or the file of one."
        )
    return file


def fixed_adapter(model: str, option: str) -> str:
    """The option that means the same adapter whether the encoder cuts or not: a file, or ``none``.

    ``auto`` changes only an encoder that cuts; what pruning costs is seen when the unpruned one has the change too.

    :raises EncoderError: As ``adapter_where_cut``.
    """
    return str(adapter_where_cut(model, option) or NONE)


def adapter_identity(option: str) -> str:
    """What changes whenever the adapter that an option may name does.

    :raises EncoderError: If it names a file that is not there.
    """
    if option == NONE:
        return ""
    files = _shipped() if option in (AUTO, PACKAGE) else [adapter_file(option)]
    return " ".join(map(sha256, files))


def read_adapter(file: Path) -> AdapterFile:
    """An adapter, and how it came about.

    :raises EncoderError: If the file is no adapter, or damaged.
    """
    with _opened(file) as (opened, said):
        arrays: dict[str, np.ndarray] = {name: opened.get_tensor(name) for name in opened.keys()}
        provenance = json.loads(said["provenance"])
    return AdapterFile(Adapter(arrays), said.get("base", ""), sha256(file), provenance)


@contextmanager
def _opened(file: Path) -> Iterator[tuple[Any, Mapping[str, str]]]:
    """An adapter's file and what it says of itself; whatever is wrong with them is an ``EncoderError``."""
    try:
        with safe_open(file, framework="numpy") as opened:  # type: ignore[attr-defined, no-untyped-call]
            said = opened.metadata() or {}
            if said.get("format") != _FORMAT:
                raise EncoderError(f"{file} is no adapter that this version reads: {_WAY_OUT}")
            yield opened, said
    except (SafetensorError, OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise EncoderError(f"{file} cannot be read as an adapter ({error}): {_WAY_OUT}") from error


def write_adapter(file: Path, adapter: Adapter, base: str, provenance: Mapping[str, Any]) -> None:
    """Write an adapter.

    :param base: SHA-256 of the ``model.safetensors`` that it changes, in hexadecimal digits.
    :param provenance: How it came about, as JSON can say it.
    """
    metadata = {"format": _FORMAT, "base": base, "provenance": json.dumps(provenance, sort_keys=True)}
    save_file(dict(adapter.arrays), file, metadata=metadata)


_WAY_OUT = "write it again with train-encoder adapter, or set adapter to none."
