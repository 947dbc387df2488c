"""Models by their name on the Hugging Face hub: from this machine's cache, or else downloaded. Loads no weights."""

from __future__ import annotations

import os
import re
from pathlib import Path

from rasa_token_pruning.encoder.errors import EncoderError

# Who a name without an owner belongs to.
_OWNER = "sentence-transformers"
_PART = r"\w(?:[\w.-]*\w)?"
_NAME = re.compile(rf"{_PART}/{_PART}", re.ASCII)
_LONGEST_PART = 96

# What is downloaded; pickled weights can run code, and other runtimes' weights are not read.
_WANTED = ["*.json", "*.safetensors", "*vocab.txt", "*merges.txt", "*.model"]
_UNWANTED = ["onnx/*", "openvino/*"]

# How huggingface_hub reads its switches.
_TRUE = ("1", "true", "yes", "on")


def full_name(model: str) -> str | None:
    """``owner/name`` of a model on the hub.

    :param model: ``owner/name``, or a name alone, which means the one of ``sentence-transformers``.
    :return: ``None`` if it breaks the hub's rules for names.
    """
    name = model if "/" in model else f"{_OWNER}/{model}"
    valid = (
        max(map(len, name.split("/"))) <= _LONGEST_PART
        and _NAME.fullmatch(name)
        and not any(mark in name for mark in ("--", ".."))
        and not name.endswith(".git")
    )
    return name if valid else None


def find_cached(name: str) -> Path | None:
    """The folder of a model in this machine's Hugging Face cache; it may lack files. No network.

    :param name: A name as ``full_name`` gives it.
    :raises EncoderError: If huggingface_hub is missing.
    """
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError as missing:
        raise EncoderError(
            f"There is no folder {name}, and names on the Hugging Face hub need the package huggingface_hub: "
            "pip install huggingface_hub"
        ) from missing
    config = try_to_load_from_cache(name, "config.json")
    return Path(config).parent if isinstance(config, str) else None


def download(name: str) -> Path:
    """Fetch a model into the Hugging Face cache: JSON, tokenizer and safetensors files, nothing pickled.

    :param name: A name as ``full_name`` gives it.
    :return: Its folder there. It lacks what the hub lacks.
    :raises EncoderError: If ``HF_HUB_OFFLINE`` forbids it, which is read at every call, or if it fails.
    """
    offline = os.environ.get("HF_HUB_OFFLINE", "")
    if offline.lower() in _TRUE:
        raise EncoderError(f"HF_HUB_OFFLINE={offline} forbids its download")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=_WANTED, ignore_patterns=_UNWANTED))
    except Exception as error:  # huggingface_hub's errors, and its HTTP libraries', have no other base in common
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise EncoderError(f"its download failed ({type(error).__name__}: {reason})") from error


def ways_out(name: str) -> str:
    """What helps if a model is neither in the cache nor can be downloaded."""
    return (
        f"(1) On a machine with internet run: hf download {name} --local-dir {name.rpartition('/')[2]} "
        "-- then copy that folder here and give its path as model. (2) Copy or mount that machine's Hugging Face "
        "cache, and set HF_HOME to it before Python starts."
    )
