"""A bounded memory on disk, for what takes longer to compute than to read."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from zlib import crc32

logger = logging.getLogger(__name__)

# Of the file, in SQLite's own field for it.
FORMAT = 1

_SCHEMA = """
    CREATE TABLE entry (name TEXT PRIMARY KEY, checksum INTEGER, size INTEGER, used INTEGER, content BLOB)
"""
# No clock, which may be set back: entries written then would be the first to go.
_NOW = "SELECT COALESCE(MAX(used), 0) + 1 FROM entry"
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
            for some in _portions(names):
                marks = ",".join("?" * len(some))
                rows = connection.execute(f"SELECT name, content, checksum FROM entry WHERE name IN ({marks})", some)
                found.update((name, content) for name, content, given in rows if given == _checksum(name, content))
            [now] = connection.execute(_NOW).fetchone()
            used = ((now, name) for name in found)
            connection.executemany("UPDATE entry SET used = ? WHERE name = ?", used)

        self._try(read, makes_file=False)
        return found

    def write(self, contents: Mapping[str, bytes]) -> None:
        """Remember contents, all or none; those of known names are replaced, those above the limit left out."""

        def write(connection: sqlite3.Connection) -> None:
            [now] = connection.execute(_NOW).fetchone()
            fitting = [(name, content) for name, content in contents.items() if len(content) <= self._max_bytes]
            rows = ((name, _checksum(name, content), len(content), now, content) for name, content in fitting)
            connection.executemany("INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?)", rows)
            connection.execute(_FORGET, (self._max_bytes,))

        self._try(write)

    def _try(self, work: Callable[[sqlite3.Connection], None], makes_file: bool = True) -> None:
        """Work in one transaction; what SQLite finds wrong ends it, and undoes it."""
        try:
            if not makes_file and not self._file.exists():
                return
            with closing(sqlite3.connect(self._file, timeout=_PATIENCE)) as connection, connection:
                _prepare(connection)
                work(connection)
        except (OSError, sqlite3.OperationalError) as error:  # locked, read-only, no space
            logger.debug("The cache %s cannot be used at the moment: %s", self._file, error)
        except (sqlite3.DatabaseError, TypeError) as error:  # TypeError: of damaged values
            logger.debug("The cache %s is damaged and will be made anew: %s", self._file, error)
            with suppress(OSError):
                self._file.unlink()


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the table, in the place of one that another format has left."""
    if _format(connection) == FORMAT:
        return
    connection.execute("BEGIN IMMEDIATE")
    if _format(connection) != FORMAT:  # nobody was faster
        connection.execute("DROP TABLE IF EXISTS entry")
        connection.execute(_SCHEMA)
        connection.execute(f"PRAGMA user_version = {FORMAT}")


def _format(connection: sqlite3.Connection) -> int:
    [found] = connection.execute("PRAGMA user_version").fetchone()
    return int(found)


def _checksum(name: str, content: bytes) -> int:
    """Of both, lest a damaged index gives a name another's content."""
    return crc32(content, crc32(name.encode()))


def _portions(names: Collection[str]) -> Iterator[list[str]]:
    left = iter(names)
    while some := list(islice(left, _AT_ONCE)):
        yield some
