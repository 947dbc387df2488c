"""Which encoder an assistant was trained with: a record in its archive, and the encoder's files beside it or not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rasa_token_pruning.encoder.bundle import DESCRIPTION, Description, as_description
from rasa_token_pruning.encoder.errors import EncoderError, TooLittleMemory
from rasa_token_pruning.encoder.pruned import PrunedEncoder

FORMAT = 2
_RECORD, _FILES = "encoder.json", "encoder"


@dataclass(frozen=True)
class Archived:
    """What is known of an archive's encoder.

    :param description: What tells it from others.
    :param bundle: The hash of the description of its files, which holds theirs; None if they are not there.
    """

    description: Description
    bundle: str | None


def write_archived(encoder: PrunedEncoder, folder: Path, bundled: bool) -> None:
    """Write an encoder, or only what tells it from others.

    :param folder: It exists.
    :param bundled: Whether to write its files too, if it can be saved.
    """
    bundled = bundled and encoder.can_be_saved
    if bundled:
        encoder.save(folder / _FILES)
    record = {"description": asdict(encoder.description), "bundle": _hash(folder) if bundled else None}
    (folder / _RECORD).write_text(json.dumps({"format": FORMAT, **record}))


def read_archived(folder: Path) -> Archived:
    """Read what ``write_archived`` wrote.

    :raises EncoderError: If it is missing, damaged, or of another format.
    """
    damaged = "The record of the encoder in the archive is damaged: train again."
    try:
        record = json.loads((folder / _RECORD).read_bytes())
        form = record["format"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise EncoderError(damaged) from error
    if form != FORMAT:
        raise EncoderError(
            f"The record of the encoder in the archive has format {form!r}, but this version reads {FORMAT}: train "
            "again with the installed version."
        )
    try:
        return Archived(as_description(record["description"]), record["bundle"])
    except (LookupError, TypeError, EncoderError) as error:
        raise EncoderError(damaged) from error


def check_trained_with(record: Archived, encoder: PrunedEncoder, model: str) -> None:
    """Whether an encoder that was made again is the one of the training.

    :param model: What the options call it.
    :raises EncoderError: If it is not, with what differs.
    """
    was, found = record.description, encoder.description
    if was.identity != found.identity:
        raise EncoderError(
            f"This assistant was trained with another encoder than the one that model '{model}' names on this machine "
            f"(trained with {was.identity}, found {found.identity}). Install the encoder of the training here, set "
            "bundle_encoder to true where it is trained, or train again."
        )
    before, now = ({**asdict(one), **asdict(one.policy)} for one in (was, found))
    differing = [key for key in now if key != "policy" and before[key] != now[key]]
    if differing:
        raise EncoderError(
            f"This assistant was trained with {_listed(before, differing)}, but here its options mean "
            f"{_listed(now, differing)}: install the versions of rasa-token-pruning and of what it needs that it was "
            "trained with, set bundle_encoder to true where it is trained, or train again."
        )


def _listed(values: Mapping[str, Any], keys: Sequence[str]) -> str:
    return ", ".join(f"{key} {values[key]}" for key in keys)


def bundled_encoder(record: Archived, folder: Path, num_threads: int | None, cache_mib: float) -> PrunedEncoder:
    """The encoder whose files stand beside a record that names them.

    :param num_threads: See ``PrunedEncoder``.
    :param cache_mib: See ``PrunedEncoder``.
    :raises EncoderError: If a file is missing, damaged, or not the one that was written; ``TooLittleMemory`` if there
        is no memory to tell.
    """
    try:
        if _hash(folder) == record.bundle:
            return PrunedEncoder.load(folder / _FILES, num_threads=num_threads, cache_mib=cache_mib)
        reason: Exception = EncoderError(f"{folder / _FILES / DESCRIPTION} is not what was written.")
    except TooLittleMemory:
        raise
    except (EncoderError, OSError) as error:
        reason = error
    raise EncoderError(
        f"The encoder in the archive cannot be used. Train again, or restore the archive. ({reason})"
    ) from reason


def _hash(folder: Path) -> str:
    return hashlib.sha256((folder / _FILES / DESCRIPTION).read_bytes()).hexdigest()
