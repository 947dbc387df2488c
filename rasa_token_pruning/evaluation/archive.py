"""A trained assistant's archive: found, and read without Rasa and without trust in what it says."""

from __future__ import annotations

import json
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import GzipFile
from pathlib import Path
from typing import IO, Any

# More than any assistant has, and little enough for a development machine.
_MOST_MEMBERS = 100_000
_MOST_BYTES_AT_ONCE = 64 * 2**20  # metadata.json, and any header of the tar format
_MOST_BYTES = 4 * 2**30  # the files of one component

_METADATA, _COMPONENTS = "metadata.json", "components"
_NAME = re.compile(r"(?!\.+$)[^/\\:\x00]+")  # of a file or folder, on every system


class ArchiveError(ValueError):
    """There is no archive, or it cannot be used. The message says the way out."""


@dataclass(frozen=True)
class Node:
    """A component that answers.

    :param name: Its name in Rasa's graph.
    :param component: The name of its class.
    :param options: The options that the config sets; all others have their defaults.
    :param resource: The folder of its files; empty if it is not one that trains.
    """

    name: str
    component: str
    options: Mapping[str, Any]
    resource: str


class Archive:
    """An archive that is open, see ``opened``."""

    def __init__(self, file: Path, tar: tarfile.TarFile) -> None:
        self.file = file
        self._tar = tar
        self._members: list[tarfile.TarInfo] = []
        metadata = None
        for member in tar:
            self._members.append(member)
            if len(self._members) > _MOST_MEMBERS or member.size < 0:
                raise ArchiveError(f"{file} is no archive of Rasa: it has too many files, or one of impossible size.")
            if member.name == _METADATA:
                if member.size > _MOST_BYTES_AT_ONCE:
                    raise self._not_of_rasa(member)
                metadata = self._stream(member).read()  # here, so that nothing is decompressed twice for it
        if metadata is None:
            raise ArchiveError(f"{file} has no {_METADATA}: it is no archive of Rasa 3. Train the assistant again.")
        self.nodes = self._nodes(metadata)

    def take_out(self, resource: str, folder: Path) -> None:
        """Write the files of a component to a new folder.

        :raises ArchiveError: If there are none, one is no regular file or would land elsewhere, or they are too large.
        """
        start = f"{_COMPONENTS}/{resource}/"
        members = [member for member in self._members if member.name.startswith(start) and not member.isdir()]
        if not members:
            raise ArchiveError(
                f"{self.file} has no files of {resource!r}: rasa train skipped it, and its log says why."
            )
        for member in members:
            parts = member.name.removeprefix(start).split("/")
            if not all(_NAME.fullmatch(part) for part in parts):
                raise self._not_of_rasa(member)
        if (size := sum(member.size for member in members)) > _MOST_BYTES:
            raise ArchiveError(f"{self.file} has {size} bytes for {resource!r}; at most {_MOST_BYTES} are read.")
        folder.mkdir()
        for member in members:
            target = folder / member.name.removeprefix(start)
            target.parent.mkdir(parents=True, exist_ok=True)
            with self._stream(member) as source, target.open("wb") as stream:
                shutil.copyfileobj(source, stream)

    def _stream(self, member: tarfile.TarInfo) -> IO[bytes]:
        source = self._tar.extractfile(member) if member.isreg() else None
        if source is None:
            raise self._not_of_rasa(member)
        return source

    def _not_of_rasa(self, member: tarfile.TarInfo) -> ArchiveError:
        return ArchiveError(f"{self.file} has a member {member.name!r} that Rasa does not write: do not trust it.")

    def _nodes(self, metadata: bytes) -> tuple[Node, ...]:
        try:
            nodes = json.loads(metadata)["predict_schema"]["nodes"]
            return tuple(_node(name, node) for name, node in nodes.items())
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise ArchiveError(
                f"The {_METADATA} of {self.file} is not what Rasa 3 writes ({error!r}): train the assistant again."
            ) from error


def find(place: Path) -> Path:
    """The archive that is meant: a file, or the newest of a bot's ``models`` folder, or of a folder of models.

    :raises ArchiveError: If there is none.
    """
    if place.is_file():
        return place
    if not place.is_dir():
        raise ArchiveError(f"There is no archive and no folder {place}: give those of a trained assistant.")
    for folder in (place / "models", place):
        if found := [file for file in folder.glob("*.tar.gz") if file.is_file()]:
            return max(found, key=lambda file: file.stat().st_mtime)
    raise ArchiveError(f"Neither {place} nor {place / 'models'} has an archive (*.tar.gz): run rasa train first.")


@contextmanager
def opened(file: Path) -> Iterator[Archive]:
    """Open an archive.

    :raises ArchiveError: If it cannot be read, also while it is open.
    """
    try:
        with _Bounded(file) as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
            yield Archive(file, tar)
    except ArchiveError:
        raise
    except (OSError, EOFError, ValueError, tarfile.TarError, zlib.error) as error:
        raise ArchiveError(f"{file} cannot be read as an archive of Rasa (.tar.gz): {error}") from error


class _Bounded(GzipFile):
    """Decompresses no more at once than an honest archive asks for: a header may declare any size."""

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= _MOST_BYTES_AT_ONCE:
            raise tarfile.ReadError("a header of impossible size")
        return super().read(size)


def _node(name: str, node: Mapping[str, Any]) -> Node:
    resource = node["resource"]["name"] if node["resource"] else ""
    if resource and not _NAME.fullmatch(resource):
        raise ValueError(f"a component's folder is called {resource!r}")
    return Node(name, node["uses"].rpartition(".")[2], dict(node["config"]), resource)
