"""The memory on disk: bounded, shared, and never in the way."""

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_token_pruning.encoder.disk_cache import FORMAT, DiskCache


@pytest.fixture
def file(tmp_path):
    return tmp_path / "cache.db"


def test_what_was_written_is_read_by_whoever_opens_the_file(file):
    DiskCache(file, 100).write({"a": b"one", "b": b""})
    assert DiskCache(file, 100).read(["a", "b", "c"]) == {"a": b"one", "b": b""}


def test_reading_makes_no_file(file):
    assert DiskCache(file, 100).read(["a"]) == {}
    assert not file.exists()


def test_a_second_content_of_a_name_replaces_the_first(file):
    cache = DiskCache(file, 100)
    cache.write({"a": b"one"})
    cache.write({"a": b"two"})
    assert cache.read(["a"]) == {"a": b"two"}


def test_what_was_not_used_for_longest_is_forgotten_first(file):
    cache = DiskCache(file, 10)
    for name in "abc":
        cache.write({name: b"333"})
    cache.read(["a"])
    cache.write({"d": b"333"})
    assert cache.read("abcd").keys() == {"a", "c", "d"}


def test_a_content_above_the_limit_drives_nothing_out(file):
    cache = DiskCache(file, 10)
    cache.write({"a": b"333"})
    cache.write({"b": b"1" * 11, "c": b"333"})
    assert cache.read("abc").keys() == {"a", "c"}


def test_a_limit_of_nothing_remembers_nothing_but_empty_contents(file):
    cache = DiskCache(file, 0)
    cache.write({"a": b"1"})
    assert cache.read("a") == {}


@given(
    st.lists(st.dictionaries(st.sampled_from("abcdefgh"), st.binary(max_size=40), max_size=5), max_size=8),
    st.integers(0, 120),
)
def test_it_never_holds_more_than_it_may_and_only_what_was_written(tmp_path_factory, writes, limit):
    cache = DiskCache(tmp_path_factory.mktemp("cache") / "cache.db", limit)
    latest = {}
    for contents in writes:
        cache.write(contents)
        latest |= {name: content for name, content in contents.items() if len(content) <= limit}
        known = cache.read("abcdefgh")
        assert sum(map(len, known.values())) <= limit
        assert known.items() <= latest.items()


def test_thousands_of_names_at_once(file):
    cache = DiskCache(file, 2**20)
    contents = {str(number): bytes([number % 256]) * 9 for number in range(3000)}
    cache.write(contents)
    assert cache.read(contents) == contents


@pytest.mark.parametrize("damaged", [b"no database", b"SQLite format 3\0" + b"\xff" * 5000, b""])
def test_a_damaged_file_is_made_anew(file, damaged):
    file.write_bytes(damaged)
    cache = DiskCache(file, 100)
    assert cache.read(["a"]) == {}
    cache.write({"a": b"one"})
    cache.write({"a": b"one"})
    assert cache.read(["a"]) == {"a": b"one"}


def test_a_damaged_content_is_unknown(file):
    cache = DiskCache(file, 100)
    cache.write({"a": b"one", "b": b"two"})
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE entry SET content = ? WHERE name = 'a'", (b"onf",))
    assert cache.read("ab") == {"b": b"two"}


@pytest.mark.parametrize("version", [0, FORMAT + 1])
def test_a_table_of_another_format_is_made_anew(file, version):
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE entry (name TEXT)")
        connection.execute(f"PRAGMA user_version = {version}")
    cache = DiskCache(file, 100)
    assert cache.read("a") == {}
    cache.write({"a": b"one"})
    assert cache.read("a") == {"a": b"one"}
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (FORMAT,)


def test_contents_under_each_others_names_are_unknown(file):
    cache = DiskCache(file, 100)
    cache.write({"a": b"one", "b": b"two"})
    with closing(sqlite3.connect(file)) as connection, connection:
        swapped = (
            "UPDATE entry SET (content, checksum) = (SELECT content, checksum FROM entry WHERE name = ?) WHERE name = ?"
        )
        connection.execute(swapped, ("b", "a"))
    assert cache.read("ab") == {"b": b"two"}


def test_a_content_that_is_no_bytes_is_no_error(file):
    cache = DiskCache(file, 100)
    cache.write({"a": b"one"})
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE entry SET content = NULL")
    assert cache.read("a") == {}


def test_without_a_folder_nothing_is_remembered_and_nothing_fails(tmp_path):
    cache = DiskCache(tmp_path / "absent" / "cache.db", 100)
    cache.write({"a": b"one"})
    assert cache.read(["a"]) == {}
    assert not (tmp_path / "absent").exists()


def test_a_folder_in_the_place_of_the_file_is_no_error(tmp_path):
    cache = DiskCache(tmp_path, 100)
    cache.write({"a": b"one"})
    assert cache.read(["a"]) == {}


def test_threads_and_processes_share_it(file):
    program = (
        "import sys; from pathlib import Path; from rasa_token_pruning.encoder.disk_cache import DiskCache\n"
        "for n in range(20): DiskCache(Path(sys.argv[1]), 10**6).write({f'{sys.argv[2]}-{n}': sys.argv[2].encode()})"
    )
    others = [subprocess.Popen([sys.executable, "-c", program, str(file), name]) for name in ("x", "y")]
    cache = DiskCache(file, 10**6)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: cache.write({f"z-{number}": b"z"}), range(20)))
    assert [other.wait(60) for other in others] == [0, 0]
    expected = {f"{name}-{number}": name.encode() for name in "xyz" for number in range(20)}
    assert cache.read(expected) == expected
