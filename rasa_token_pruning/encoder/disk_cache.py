"""A bounded memory on disk, for what takes longer to compute than to read."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from zlib import crc32

logger = logging.getLogger(__name__)

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS entry (name TEXT PRIMARY KEY, content BLOB, checksum INTEGER, size INTEGER, used INTEGER)
"""
# The entries whose size, added to that of all that were used later, exceeds the limit.
_FORGET = """
    DELETE FROM entry WHERE name IN (
        SELECT name FROM (SELECT name, SUM(size) OVER (ORDER BY used DESC, name) AS total FROM entry) WHERE total > ?
    )
"""
_AT_ONCE = 500  # names in one query; SQLite allows 999 in its older versions
_PATIENCE = 10  # seconds that another process may hold the file


class DiskCache:
    """Bytes by name in one SQLite file, the least recently used forgotten first. Processes and threads may share it.

    Whatever happens to the file is no error: what cannot be read is unknown, what cannot be written is forgotten.

    :param file: Made when something is first written, in a folder that exists.
    :param max_bytes: How much the contents may take together, at least 0.
    """

    def __init__(self, file: Path, max_bytes: int) -> None:
        self._file = file
        self._max_bytes = max_bytes

    def read(self, names: Collection[str]) -> dict[str, bytes]:
        """The contents that are known of those names, as they were written."""
        found: dict[str, bytes] = {}

        def read(connection: sqlite3.Connection) -> None:
            now = time.time_ns()
            for some in _portions(names):
                marks = ",".join("?" * len(some))
                rows = connection.execute(f"SELECT name, content, checksum FROM entry WHERE name IN ({marks})", some)
                found.update((name, content) for name, content, checksum in rows if crc32(content) == checksum)
                connection.execute(f"UPDATE entry SET used = ? WHERE name IN ({marks})", (now, *some))

        if self._file.exists():
            self._try(read)
        return found

    def write(self, contents: Mapping[str, bytes]) -> None:
        """Remember contents, all or none; those of known names are replaced, those above the limit left out."""

        def write(connection: sqlite3.Connection) -> None:
            now = time.time_ns()
            fitting = [(name, content) for name, content in contents.items() if len(content) <= self._max_bytes]
            rows = ((name, content, crc32(content), len(content), now) for name, content in fitting)
            connection.executemany("INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?)", rows)
            connection.execute(_FORGET, (self._max_bytes,))

        self._try(write)

    def _try(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """Work in one transaction; what SQLite finds wrong ends it, and undoes it."""
        try:
            with closing(sqlite3.connect(self._file, timeout=_PATIENCE)) as connection, connection:
                connection.execute(_SCHEMA)
                work(connection)
        except sqlite3.OperationalError as error:  # locked, read-only, no space
            logger.debug("The cache %s cannot be used at the moment: %s", self._file, error)
        except sqlite3.DatabaseError as error:
            logger.debug("The cache %s is damaged and will be made anew: %s", self._file, error)
            self._file.unlink(missing_ok=True)


def _portions(names: Collection[str]) -> Iterator[list[str]]:
    left = iter(names)
    while some := list(islice(left, _AT_ONCE)):
        yield some
