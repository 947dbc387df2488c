"""Programs of which no process is left when the test is over, Rasa's command line among them."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress

from tests.without import WITHOUT

# Rasa's command line, to stand behind WITHOUT.
COMMAND_LINE = """
sys.argv = ["rasa", *sys.argv[2:]]
from rasa.__main__ import main
main()
"""


@contextmanager
def running(command, folder, env=None, **kwargs):
    """A program in a group of processes of its own; the whole group ends with the block."""
    env = {**os.environ, **(env or {})}
    process = subprocess.Popen([*map(str, command)], cwd=folder, env=env, start_new_session=True, **kwargs)
    try:
        yield process
    finally:
        signal_group(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=30)
        signal_group(process, signal.SIGKILL)
        process.wait(timeout=30)


def signal_group(process, number):
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def rasa_command(*arguments, without=()):
    """Rasa's command line; with ``without``, in an interpreter in which these packages cannot be imported."""
    if without:
        return [sys.executable, "-c", WITHOUT + COMMAND_LINE, ",".join(sorted(without)), *arguments]
    return [sys.executable, "-m", "rasa", *arguments]


def rasa(folder, *arguments, typed="", code=0, env=None):
    """Run a command of Rasa to its end; what it printed."""
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with running(rasa_command(*arguments), folder, env, **streams) as process:
        printed, _ = process.communicate(typed, timeout=240)
        assert process.returncode == code, printed[-4000:]
    return printed


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listening(port):
    """Whether anything accepts connections on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
