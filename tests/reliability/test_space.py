"""No space left while something is written: an error or a training without a cache, and no damage that stays."""

import os
from pathlib import Path

import pytest

from rasa_token_pruning.encoder.disk_cache import DiskCache
from tests.children import child
from tests.reliability.children import training
from tests.reliability.conftest import ours

MIB = 2**20


def largest(archive):
    """The size of the largest file in an archive, which is the encoder's graph."""
    name, content = max(ours(archive).items(), key=lambda item: len(item[1]))
    assert name.endswith("encoder.onnx")
    return len(content)


def test_without_space_for_the_encoder_the_training_fails_and_the_next_one_works(copy, archive):
    new = copy / "models" / "new.tar.gz"
    with training(copy, "--force", "--fixed-model-name", "new", largest_file=largest(archive) // 2) as process:
        assert process.wait() == 1
        assert "File too large" in process.printed
    assert not new.exists() and (copy / "models" / "bank.tar.gz").read_bytes() == archive.read_bytes()
    with training(copy, "--force", "--fixed-model-name", "new") as process:
        assert process.wait() == 0, process.printed[-4000:]
    assert ours(new) == ours(archive)


def test_without_space_for_the_cache_training_works_without_it(copy, archive):
    database = copy / ".rasa" / "cache" / "rasa_token_pruning.db"
    database.unlink()
    limit = largest(archive) + MIB // 10  # less than the graph and the tokenizer together, as they are in the cache
    with training(copy, "--force", "--fixed-model-name", "new", largest_file=limit) as process:
        assert process.wait() == 0, process.printed[-4000:]
    assert ours(copy / "models" / "new.tar.gz") == ours(archive)
    assert database.stat().st_size <= limit


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full is Linux's")
def test_without_space_for_the_archive_the_training_fails_and_the_next_one_works(copy, archive):
    full = copy / "models" / "new.tar.gz"
    full.symlink_to("/dev/full")
    with training(copy, "--fixed-model-name", "new") as process:
        assert process.wait() == 1
        assert "No space left on device" in process.printed
    full.unlink()
    with training(copy, "--fixed-model-name", "new") as process:
        assert process.wait() == 0, process.printed[-4000:]
    assert ours(full) == ours(archive)


def write(file, contents):
    cache = DiskCache(file, 10**9)
    cache.write(contents)
    os.write(1, repr(sorted(cache.read(["before", "small", "large"]))).encode())


@pytest.mark.parametrize("large", [MIB, 16 * MIB])
def test_a_cache_without_space_keeps_what_it_has(tmp_path, large):
    file = tmp_path / "cache.db"
    DiskCache(file, 10**9).write({"before": b"before"})
    with child(tmp_path, write, file, {"small": b"small", "large": bytes(large)}, largest_file=MIB // 2) as process:
        assert process.wait() == 0
        assert process.printed == "['before']"
    assert DiskCache(file, 10**9).read(["before", "small", "large"]) == {"before": b"before"}
