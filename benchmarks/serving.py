"""`rasa run` on loopback with an archive, as long as a benchmark needs it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import yaml

_PATIENCE = 180  # seconds until a server answers


class Server(NamedTuple):
    """A server that answers."""

    port: int
    pid: int

    @property
    def mib(self) -> float:
        """The resident memory of its processes."""
        main = psutil.Process(self.pid)
        return float(sum(process.memory_info().rss for process in [main, *main.children(recursive=True)]) / 2**20)


@contextmanager
def serving(archive: Path, workers: int = 1) -> Iterator[Server]:
    """A server with an archive; several workers share a Redis lock store.

    :raises SystemExit: If it does not come up; what it said is shown.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        shutil.copy(archive, folder / "model.tar.gz")
        (folder / "credentials.yml").write_text("rest:\n")
        endpoints: dict[str, Any] = {}
        if workers > 1:
            command = ["redis-server", "--bind", "127.0.0.1", "--save", "", "--port"]
            redis = stack.enter_context(_listening(command, folder, {}))
            endpoints["lock_store"] = {"type": "redis", "url": "127.0.0.1", "port": redis.port}
        (folder / "endpoints.yml").write_text(yaml.safe_dump(endpoints))
        command = [sys.executable, "-m", "rasa", "run", "--enable-api", "--interface", "127.0.0.1"]
        command += ["--model", "model.tar.gz", "--endpoints", "endpoints.yml", "--port"]
        yield stack.enter_context(_listening(command, folder, {"SANIC_WORKERS": str(workers)}))


@contextmanager
def _listening(command: list[str], folder: Path, environment: Mapping[str, str]) -> Iterator[Server]:
    """A program that is told its port last, from when it accepts connections; its group of processes ends with the
    block.
    """
    port = _free_port()
    log = folder / f"{port}.log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [*command, str(port)],
            cwd=folder,
            env={**os.environ, **environment},
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + _PATIENCE
        while not _accepts(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(log.read_text()[-4000:])
            time.sleep(0.1)
        yield Server(port, process.pid)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
