"""Processes that are killed at the worst moments: nothing half-written is read, and the next one works."""

import random
import subprocess
import sys
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from rasa_token_pruning.encoder.disk_cache import DiskCache
from tests.conftest import ROOT
from tests.reliability.children import server, training
from tests.reliability.conftest import ours

KILLED = -9

# Writes contents of a megabyte for ever; each is its own name, so that a reader can tell whether it is whole.
WRITE = """
import sys
from pathlib import Path
from rasa_token_pruning.encoder.disk_cache import DiskCache
cache = DiskCache(Path(sys.argv[1]), 10**8)
print("ready", flush=True)
for number in range(10**6):
    cache.write({f"{number % 50}-{part}": f"{number % 50}-{part}".encode() * 10**5 for part in range(5)})
"""

WRITING = "while the archive is written"
MOMENTS = {
    "before the encoder is written": "Starting to train component 'TokenPruningFeaturizer'",
    "after the encoder was written": "Finished training component 'TokenPruningFeaturizer'",
    "while intents are learnt": "Starting to train component 'FewShotIntentClassifier'",
    WRITING: None,
}


def killed_training(folder, moment):
    """Train, and end that at a moment; the archive that it was to write."""
    new = folder / "models" / "new.tar.gz"

    def has_come():
        if moment == WRITING:
            return new.exists() and new.stat().st_size > 0
        return MOMENTS[moment] in process.printed

    with training(folder, "--force", "--fixed-model-name", "new") as process:
        assert process.until(has_come), process.printed[-4000:]
        assert process.kill() == KILLED
    return new


@pytest.mark.parametrize("moment", MOMENTS)
def test_after_a_killed_training_the_old_archive_is_whole_and_the_next_training_works(copy, archive, moment):
    new = killed_training(copy, moment)
    assert (copy / "models" / "bank.tar.gz").read_bytes() == archive.read_bytes()
    with training(copy, "--force", "--fixed-model-name", "new") as process:
        assert process.wait() == 0, process.printed[-4000:]
    assert ours(new) == ours(archive)


def test_a_training_that_is_killed_while_rasa_writes_the_archive_leaves_half_of_one(copy):
    """What docs/reliability.md says of Rasa; should Rasa learn better, that paragraph can go."""
    new = killed_training(copy, WRITING)
    with pytest.raises((EOFError, tarfile.TarError)), tarfile.open(new) as files:
        for file in files.getmembers():
            if file.isfile():
                files.extractfile(file).read()
    with server(copy) as served:  # the newest archive is that one
        served.wait()
        assert "Could not load model" in served.process.printed
    with server(copy, "--model", "models/bank.tar.gz") as served:
        served.wait()
        assert served.parse("someone took my card")["intent"]["name"] == "card_lost"


def test_a_server_that_was_killed_while_it_loads_the_archive_starts_again(copy):
    with server(copy) as served:
        served.process.until(lambda: "Loading model" in served.process.printed)
        assert served.process.kill() == KILLED
    with server(copy) as served:
        served.wait()
        assert served.parse("someone took my card")["intent"]["name"] == "card_lost"


def test_a_server_that_was_killed_under_load_starts_again_and_the_archive_is_whole(copy, archive):
    def parse(served, number):
        try:
            return served.parse(f"someone took my card number {number}")["intent"]["name"]
        except OSError:
            return None

    with server(copy) as served:
        served.wait()
        with ThreadPoolExecutor(4) as pool:
            answers = [pool.submit(parse, served, number) for number in range(200)]
            while not sum(answer.done() for answer in answers) > 20:
                time.sleep(0.01)
            assert served.process.kill() == KILLED
        assert {answer.result() for answer in answers} == {"card_lost", None}
    assert (copy / "models" / "bank.tar.gz").read_bytes() == archive.read_bytes()
    with server(copy) as served:
        served.wait()
        assert parse(served, 0) == "card_lost"


def test_writers_of_the_cache_that_were_killed_leave_only_whole_contents(tmp_path):
    file, chance = tmp_path / "cache.db", random.Random(1)
    names = [f"{number}-{part}" for number in range(50) for part in range(5)]
    for _ in range(8):
        command = [sys.executable, "-c", WRITE, str(file)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "ready\n"
            time.sleep(chance.uniform(0.01, 0.2))
            process.kill()
        cache = DiskCache(file, 10**8)
        known = cache.read(names)
        assert all(content == name.encode() * 10**5 for name, content in known.items())
        by_write = [sum(f"{number}-{part}" in known for part in range(5)) for number in range(50)]
        assert set(by_write) <= {0, 5}  # all or none
        cache.write({"after": b"a kill"})
        assert cache.read(["after"]) == {"after": b"a kill"}
