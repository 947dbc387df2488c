"""`rasa-token-pruning train-encoder` in processes of its own, which are forked where everything is imported already.

To import torch and sentence-transformers takes a process longer than all that it does in a test.
"""

import multiprocessing
import os
import sys
from tempfile import NamedTemporaryFile

from rasa_token_pruning.cli import main

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([f"rasa_token_pruning.training.{name}" for name in ("kinds", "scoring")])


def started(*arguments, printed=os.devnull, before=None):
    """The command in a process of its own.

    ``printed`` is the file for what it prints, ``before`` is called in it first.
    """
    process = _context.Process(target=_run, args=([*map(str, arguments)], printed, before))
    process.start()
    return process


def finished(*arguments, before=None):
    """The exit code of the command, and what it printed."""
    with NamedTemporaryFile() as printed:
        process = started(*arguments, printed=printed.name, before=before)
        process.join()
        return process.exitcode, printed.read().decode(errors="replace")


def _run(arguments, printed, before):
    stream = os.open(printed, os.O_WRONLY)
    for standard in (1, 2):
        os.dup2(stream, standard)
    if before:
        before()
    sys.exit(main(["train-encoder", *arguments]))
