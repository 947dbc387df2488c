"""Many threads answer as one does; a fork of a process with a loaded assistant answers; threads are counted."""

import asyncio
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from rasa_token_pruning import PrunedEncoder
from tests.conftest import ROOT
from tests.reliability.conftest import unpacked

THREADS = 8
TEXTS = [
    *(f"show me the balance of my {kind} account for the {number}th time" for kind in "abcde" for number in range(8)),
    *("hello", "someone took my card", "what does an account cost", "", "\ud800", "word " * 600),
]

# Load an assistant, answer, fork, and let both answer again.
FORK = """
import asyncio, json, os, sys
from rasa.core.agent import Agent
agent = Agent.load(sys.argv[1])
def answers():
    return [asyncio.run(agent.parse_message(text)) for text in json.loads(sys.argv[2])]
before = answers()
inner, outer = os.pipe()
child = os.fork()
if not child:
    os.write(outer, b"same" if answers() == before else b"other")
    os._exit(0)
os.close(outer)
said = os.read(inner, 100).decode()
_, status = os.waitpid(child, 0)
print(json.dumps({"child": said, "status": status, "parent": answers() == before}))
"""

# Count the threads that loading an encoder and using it starts.
COUNT = """
import os, sys
import numpy, onnxruntime
from rasa_token_pruning import PrunedEncoder
numpy.ones((500, 500)) @ numpy.ones((500, 500))
before = len(os.listdir("/proc/self/task"))
number = int(sys.argv[2]) or None
encoder = PrunedEncoder.load(sys.argv[1], num_threads=number)
encoder.encode("show me the balance of my account")
encoder.encode_tokens(["show me the balance of my account"])
print(len(os.listdir("/proc/self/task")) - before)
"""


def run(program, *arguments):
    """Run a program in a fresh interpreter; what it printed last."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True, timeout=120, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def agent(archive):
    from rasa.core.agent import Agent  # here, because it takes seconds

    return Agent.load(str(archive))


def test_many_threads_get_the_answers_of_one_to_the_bit(agent):
    def answer(text):
        return asyncio.run(agent.parse_message(text))

    alone = [answer(text) for text in TEXTS]
    together = threading.Barrier(THREADS)

    def answer_all(first):
        together.wait()
        order = [*range(first, len(TEXTS)), *range(first)]
        return {number: answer(TEXTS[number]) for number in order}

    with ThreadPoolExecutor(THREADS) as pool:
        for found in pool.map(answer_all, range(0, 5 * THREADS, 5)):
            assert [found[number] for number in range(len(TEXTS))] == alone


def test_threads_that_share_a_memory_of_texts_get_the_features_of_one_to_the_bit(archive, tmp_path):
    folder = unpacked(archive, tmp_path)["TokenPruningFeaturizer"] / "encoder"
    alone, shared = PrunedEncoder.load(folder), PrunedEncoder.load(folder, cache_mib=0.05)
    expected = alone.encode(TEXTS)

    def encode(first):
        return [shared.encode(TEXTS[number % len(TEXTS)]).tobytes() for number in range(first, first + len(TEXTS))]

    with ThreadPoolExecutor(THREADS) as pool:
        for first, found in enumerate(pool.map(encode, range(THREADS))):
            assert found == [expected[number % len(TEXTS)].tobytes() for number in range(first, first + len(TEXTS))]


def test_a_fork_of_a_process_with_a_loaded_assistant_answers_as_its_parent(archive):
    said = json.loads(run(FORK, archive, json.dumps(["show me my balance", "someone took my card", "word " * 600])))
    assert said == {"child": "same", "status": 0, "parent": True}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads are counted in /proc")
@pytest.mark.parametrize(("given", "started"), [(1, 0), (2, 1), (3, 2)])
def test_num_threads_is_how_many_threads_work(archive, tmp_path, given, started):
    folder = unpacked(archive, tmp_path)["TokenPruningFeaturizer"] / "encoder"
    assert int(run(COUNT, folder, given)) == started
