"""The tests cannot reach the network: neither this process nor those that it starts."""

import socket
import subprocess
import sys

import pytest

CONNECT = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)"


def test_this_process_is_offline():
    with pytest.raises(ConnectionRefusedError, match="without network"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with pytest.raises(ConnectionRefusedError, match="without network"):
        socket.getaddrinfo("example.com", 80)


def test_processes_that_it_starts_are_offline():
    done = subprocess.run([sys.executable, "-c", CONNECT], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "without network" in done.stderr


def test_loopback_is_allowed():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()
