"""Rasa's command line in forked processes."""

import sys
from contextlib import contextmanager

from tests.children import child
from tests.ways_in.processes import free_port, listening
from tests.ways_in.servers import Server


def rasa(*arguments):
    """Rasa's command line, in this process."""
    from rasa.__main__ import main

    sys.argv = ["rasa", *map(str, arguments)]
    main()


def training(folder, *arguments, **kwargs):
    """``rasa train``."""
    return child(folder, rasa, "train", *arguments, **kwargs)


@contextmanager
def server(folder, *arguments, **kwargs):
    """``rasa run --enable-api``, which may not answer yet."""
    port = free_port()
    options = ("--enable-api", "--interface", "127.0.0.1", "--port", port)
    with child(folder, rasa, "run", *options, *arguments, **kwargs) as process:
        yield Server(port, process, process.log)
    assert not listening(port)
