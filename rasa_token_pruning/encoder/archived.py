"""Which encoder an assistant was trained with: a record in its archive, and the encoder's files beside it or not."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rasa_token_pruning.encoder.bundle import DESCRIPTION
from rasa_token_pruning.encoder.errors import EncoderError, TooLittleMemory
from rasa_token_pruning.encoder.pruned import PrunedEncoder

FORMAT = 1
_RECORD, _FILES = "encoder.json", "encoder"


@dataclass(frozen=True)
class Archived:
    """What tells an encoder from others.

    :param identity: The hash of its model.
    :param precision: ``fp32`` or ``int8``.
    :param bundle: The hash of the description of its files, which holds theirs; None if they are not there.
    """

    identity: str
    precision: str
    bundle: str | None


def write_archived(encoder: PrunedEncoder, folder: Path, bundled: bool) -> None:
    """Write an encoder, or only what tells it from others.

    :param folder: It exists.
    :param bundled: Whether to write its files too, if it can be saved.
    """
    bundled = bundled and encoder.can_be_saved
    if bundled:
        encoder.save(folder / _FILES)
    record = Archived(encoder.identity, encoder.precision, _hash(folder) if bundled else None)
    (folder / _RECORD).write_text(json.dumps({"format": FORMAT, **asdict(record)}))


def read_archived(folder: Path) -> Archived:
    """Read what ``write_archived`` wrote.

    :raises EncoderError: If it is missing, damaged, or of another format.
    """
    try:
        record = json.loads((folder / _RECORD).read_bytes())
        form, known = record["format"], Archived(record["identity"], record["precision"], record["bundle"])
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise EncoderError("The record of the encoder in the archive is damaged: train again.") from error
    if form != FORMAT:
        raise EncoderError(
            f"The record of the encoder in the archive has format {form!r}, but this version reads {FORMAT}: train "
            "again with the installed version."
        )
    return known


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
