"""SANIC_WORKERS=2 with a Redis lock store, in a process that can import nothing that only training needs."""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
import redis
import yaml

from tests.ways_in.processes import free_port, listening, running
from tests.ways_in.servers import serving
from tests.without import TRAINING_ONLY

REDIS = shutil.which("redis-server")

pytestmark = pytest.mark.skipif(REDIS is None, reason="redis-server is not on the PATH: several workers not tried")


@pytest.fixture(scope="module")
def redis_port(tmp_path_factory):
    port = free_port()
    options = ("--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
    with running([REDIS, *options], tmp_path_factory.mktemp("redis")) as process:
        deadline = time.monotonic() + 30
        while not listening(port):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        yield port


@pytest.fixture(scope="module")
def folder(archive, redis_port, tmp_path_factory):
    """Another machine, as it were: the archive, and where locks and conversations are."""
    folder = tmp_path_factory.mktemp("workers")
    shutil.copy(archive, folder)
    (folder / "credentials.yml").write_text("rest:\n")
    endpoints = {
        "lock_store": {"type": "redis", "url": "127.0.0.1", "port": redis_port},
        "tracker_store": {"type": "SQL", "dialect": "sqlite", "db": str(folder / "conversations.db")},
    }
    (folder / "endpoints.yml").write_text(yaml.safe_dump(endpoints))
    return folder


@pytest.fixture(scope="module")
def server(folder):
    with serving(folder, "--model", "bank.tar.gz", env={"SANIC_WORKERS": "2"}, without=TRAINING_ONLY) as server:
        yield server


def workers(server):
    return psutil.Process(server.process.pid).children()


def seconds(worker):
    return sum(worker.cpu_times()[:2])


def conversation(server, number):
    """Two turns of which the second needs what the first has said."""
    account = ("savings", "current")[number % 2]
    first = server.say(f"user {number}", f"show me the balance of my {account} account")
    second = server.say(f"user {number}", "which account did i ask about")
    return [*first, *second] == [f"Your {account} account holds 100.", f"We spoke of your {account} account."]


def test_both_workers_answer_and_share_conversations(server, redis_port):
    one, other = workers(server)
    before = seconds(one), seconds(other)
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(conversation, [server] * 40, range(40)))
    after = seconds(one), seconds(other)
    assert all(late > early + 0.05 for early, late in zip(before, after, strict=True)), (before, after)
    assert redis.Redis("127.0.0.1", redis_port).info("commandstats")["cmdstat_set"]["calls"] >= 80
