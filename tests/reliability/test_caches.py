"""Rasa's cache folder in every state that it can be in, and our file in it: it is of use, or it is of none."""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from rasa_token_pruning.encoder.disk_cache import DiskCache
from tests.conftest import ROOT
from tests.reliability.children import training
from tests.reliability.conftest import add_example, ours
from tests.ways_in.trainings import train

DATABASE = "rasa_token_pruning.db"

# Use a cache as nobody, who may do little; what it said.
NOBODY = """
import os, sys
from pathlib import Path
from rasa_token_pruning.encoder.disk_cache import DiskCache
if not os.geteuid():
    os.setgid(65534), os.setuid(65534)
cache = DiskCache(Path(sys.argv[1]), 10**6)
cache.write({"b": b"two"})
print(sorted(cache.read(["a", "b"])))
"""


def flipped(file):
    """Change a byte in a thousand, and leave SQLite's mark at the beginning as it is."""
    content, chance = bytearray(file.read_bytes()), random.Random(1)
    for at in chance.sample(range(100, len(content)), len(content) // 1000):
        content[at] ^= 1 << chance.randrange(8)
    file.write_bytes(content)


def folder_in_its_place(file):
    file.unlink()
    file.mkdir()


HAPPENINGS = {
    "half of it": lambda file: os.truncate(file, file.stat().st_size // 2),
    "bytes changed": flipped,
    "a folder in its place": folder_in_its_place,
}


@pytest.mark.parametrize("happens", HAPPENINGS)
def test_whatever_became_of_our_file_training_gives_the_archive_of_a_training_from_nothing(copy, more, happens):
    cache = copy / ".rasa" / "cache"
    add_example(copy)
    HAPPENINGS[happens](cache / DATABASE)
    assert ours(train(copy, cache, "again").archive) == ours(more)


def test_our_file_may_go_while_a_training_runs(copy, more):
    add_example(copy)
    with training(copy, "--fixed-model-name", "again") as process:
        assert process.until(lambda: "Starting to train component 'FewShotIntent" in process.printed)
        (copy / ".rasa" / "cache" / DATABASE).unlink(missing_ok=True)
        assert process.wait() == 0, process.printed[-4000:]
    assert ours(copy / "models" / "again.tar.gz") == ours(more)


def test_two_trainings_at_once_share_a_cache(copy, more, archive, tmp_path):
    other, cache = shutil.copytree(copy, tmp_path / "other"), copy / ".rasa" / "cache"
    (cache / DATABASE).unlink()
    add_example(other)
    options, env = ("--force", "--fixed-model-name", "again"), {"RASA_CACHE_DIRECTORY": str(cache)}
    with training(copy, *options, env=env) as one, training(other, *options, env=env) as two:
        assert one.wait() == two.wait() == 0, one.printed[-4000:] + two.printed[-4000:]
    assert ours(copy / "models" / "again.tar.gz") == ours(archive)
    assert ours(other / "models" / "again.tar.gz") == ours(more)
    third = train(other, cache, "third", force_training=True)
    assert third.work.texts == [] and ours(third.archive) == ours(more)  # what the two wrote is of use


@pytest.fixture
def open_folder():
    """A folder that everybody can reach, unlike those of pytest."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o700)
    shutil.rmtree(folder)


def as_nobody(file):
    done = subprocess.run(
        [sys.executable, "-c", NOBODY, str(file)], capture_output=True, text=True, timeout=60, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_in_a_folder_that_cannot_be_written_is_known(open_folder):
    file = open_folder / DATABASE
    DiskCache(file, 10**6).write({"a": b"one"})
    file.chmod(0o444)
    open_folder.chmod(0o555)
    assert as_nobody(file) == "['a']\n"


def test_what_is_in_a_folder_that_cannot_be_read_is_unknown(open_folder):
    DiskCache(open_folder / DATABASE, 10**6).write({"a": b"one"})
    open_folder.chmod(0o000)
    assert as_nobody(open_folder / DATABASE) == "[]\n"


def test_a_damaged_file_that_cannot_be_removed_is_no_error(open_folder):
    (open_folder / DATABASE).write_bytes(b"no database at all, and longer than the head of one: " * 10)
    (open_folder / DATABASE).chmod(0o444)
    open_folder.chmod(0o555)
    assert as_nobody(open_folder / DATABASE) == "[]\n"


def test_a_file_in_the_place_of_the_folder_is_no_error(tmp_path):
    (tmp_path / "cache").write_text("a file")
    cache = DiskCache(tmp_path / "cache" / DATABASE, 10**6)
    cache.write({"a": b"one"})
    assert cache.read(["a"]) == {}


def test_a_folder_that_goes_and_comes_back_is_no_error(tmp_path):
    folder = tmp_path / "cache"
    cache = DiskCache(folder / DATABASE, 10**6)
    for _ in range(2):
        folder.mkdir()
        cache.write({"a": b"one"})
        assert cache.read(["a"]) == {"a": b"one"}
        shutil.rmtree(folder)
        assert cache.read(["a"]) == {}


@pytest.mark.parametrize("hours", [-24, -1, 1])
def test_what_was_used_last_stays_although_the_clock_was_set(tmp_path, monkeypatch, hours):
    cache, clock = DiskCache(tmp_path / DATABASE, 10), time.time_ns
    cache.write({"a": b"333", "b": b"333", "c": b"333"})
    monkeypatch.setattr(time, "time_ns", lambda: clock() + hours * 3600 * 10**9)
    monkeypatch.setattr(time, "time", lambda: clock() / 1e9 + hours * 3600)
    cache.read(["a"])
    cache.write({"d": b"333"})
    assert {"a", "d"} <= cache.read("abcd").keys()
