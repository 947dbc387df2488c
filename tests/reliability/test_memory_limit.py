"""A process that may have no more memory says so, or ends: it does not hang, and it does not half answer."""

import asyncio
import mmap
import re
import resource
import signal
import sys

import pytest

from rasa_token_pruning.encoder.archived import bundled_encoder, read_archived
from rasa_token_pruning.encoder.bundle import GRAPH
from rasa_token_pruning.encoder.onnx_engine import OnnxEngine
from tests.children import child
from tests.reliability.children import rasa
from tests.reliability.conftest import unpacked
from tests.ways_in.processes import free_port
from tests.ways_in.servers import Server

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="what is used is read from /proc")

MIB = 2**20
UNDERSTOOD, REFUSED, LOADED = "card_lost", "refused", "loaded"


BLOCK = 2**16
hoard = []


def limit(mib):
    """Allow this process so much memory beyond what it has, with none left over from what it has given back."""
    used = _used()
    _limit_to(used)
    try:
        while len(hoard) * BLOCK < 4096 * MIB:
            hoard.append(bytes(BLOCK))
    except MemoryError:
        pass
    _limit_to(used + mib * MIB)


def _used():
    with open("/proc/self/status") as status:
        [kibibytes] = re.findall(r"^VmSize:\s+(\d+) kB", status.read(), re.M)
    return int(kibibytes) * 1024


def _limit_to(most):
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))


def ask_for_more():
    _limit_to(_used() + MIB)
    try:
        mmap.mmap(-1, 1024 * MIB).close()
        said = "given"
    except OSError:
        said = REFUSED
    sys.stdout.write(said)
    sys.stdout.flush()


@pytest.fixture(autouse=True, scope="module")
def enforced(tmp_path_factory):
    with child(tmp_path_factory.mktemp("limit"), ask_for_more) as process:
        process.wait()
        if process.printed != REFUSED:
            pytest.skip("this machine gives a process more memory than its limit (RLIMIT_AS)")


def load_and_parse(archive, mib):
    from rasa.core.agent import Agent

    limit(mib)
    try:
        agent = Agent.load(str(archive))
        said = asyncio.run(agent.parse_message("someone took my card"))["intent"]["name"]
    except (Exception, MemoryError) as error:
        sys.stdout.write(f"{type(error).__name__} {error}\n")
        said = REFUSED
    sys.stdout.write(f"{said}\n")
    sys.stdout.flush()


def load_encoder(folder, mib):
    record = read_archived(folder)
    limit(mib)
    _say(lambda: bundled_encoder(record, folder, num_threads=1, cache_mib=0))


def open_graph(graph, mib):
    limit(mib)
    _say(lambda: OnnxEngine(graph, num_threads=1))


def _say(load):
    try:
        load()
        said = LOADED
    except (Exception, MemoryError) as error:
        said = f"{type(error).__name__} {error}"
    sys.stdout.write(said)
    sys.stdout.flush()


def run_limited(mib, *arguments):
    limit(mib)
    rasa(*arguments)


@pytest.mark.parametrize("mib", [4, 32, 64, 128, 256, 2048])
def test_with_too_little_memory_loading_fails_or_ends_the_process_and_does_not_hang(archive, tmp_path, mib):
    with child(tmp_path, load_and_parse, archive, mib) as process:
        code = process.wait()
        if code:  # libraries that cannot go on end the process
            assert code == -signal.SIGABRT, process.printed
        else:
            assert process.printed.splitlines()[-1] in (UNDERSTOOD, REFUSED), process.printed
        if mib == 2048:
            assert process.printed.splitlines()[-1] == UNDERSTOOD


def outcomes(folder, load, source, steps):
    """What loading says with more and more memory, up to where it is enough; nothing where the process was ended."""
    for mib in steps:
        with child(folder, load, source, mib) as process:
            code = process.wait()
            assert code in (0, -signal.SIGABRT), process.printed
            if code == 0:
                yield process.printed.splitlines()[-1]
                if process.printed.endswith(LOADED):
                    return


def test_too_little_memory_for_the_encoder_is_not_called_damage(archive, tmp_path):
    folder = unpacked(archive, tmp_path)["TokenPruningFeaturizer"]
    *before, last = outcomes(tmp_path, load_encoder, folder, range(16, 401, 16))
    assert last == LOADED
    assert not [said for said in before if not said.startswith(("MemoryError", "TooLittleMemory"))]


def test_too_little_memory_for_a_graph_is_called_so(archive, tmp_path):
    graph = unpacked(archive, tmp_path)["TokenPruningFeaturizer"] / "encoder" / GRAPH
    *before, last = outcomes(tmp_path, open_graph, graph, range(8, 401, 8))
    assert last == LOADED
    before = [said.partition(":")[0] for said in before if not said.startswith("MemoryError")]
    assert set(before) == {"TooLittleMemory There is too little memory to load the encoder"}


def test_a_server_without_memory_for_the_archive_does_not_pretend_to_have_one(copy):
    port = free_port()
    options = ("run", "--enable-api", "--interface", "127.0.0.1", "--port", port)
    with child(copy, run_limited, 32, *options) as process:
        server = Server(port, process, process.log)
        try:
            server.wait()
        except AssertionError:
            assert process.wait() != 0  # it has ended
            return
        assert server.request("GET", "/version")
        try:
            said = server.parse("someone took my card")["intent"]["name"]
        except OSError as error:
            said = str(error)
        assert ("409" in said) == ("Could not load model" in process.printed)
        assert "409" in said or said == UNDERSTOOD
