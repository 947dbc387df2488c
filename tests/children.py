"""Processes that are forked from one that has imported what Rasa and training encoders need: each starts in no time."""

import multiprocessing
import os
import resource
import signal
import time
from contextlib import contextmanager, suppress

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    [
        "rasa.__main__",
        "rasa.core.agent",
        "rasa.core.policies.memoization",
        "rasa.core.policies.rule_policy",
        "rasa.core.run",
        "rasa.model_training",
        "rasa.nlu.classifiers.fallback_classifier",
        "rasa_token_pruning.adaptation",
        "rasa_token_pruning.components.classifier",
        "rasa_token_pruning.components.entities",
        "rasa_token_pruning.components.featurizer",
        "rasa_token_pruning.components.response_selector",
        "rasa_token_pruning.encoder.onnx_engine",
        "rasa_token_pruning.encoder.onnx_export",
        "rasa_token_pruning.training.kinds",
        "rasa_token_pruning.training.scoring",
    ]
)
_PATIENCE = 120  # seconds


class Child:
    """A process that runs ``work(*arguments)`` in a folder, with what it prints in a file."""

    def __init__(self, folder, work, *arguments, env=None, largest_file=None):
        self.log = folder / f"{time.monotonic_ns()}.log"
        given = (folder, self.log, work, arguments, env or {}, largest_file)
        self._process = _context.Process(target=_run, args=given)
        self._process.start()
        self.pid = self._process.pid

    def poll(self):
        """Its exit code, the negative number of a signal; nothing while it runs."""
        return self._process.exitcode

    def wait(self):
        self._process.join(_PATIENCE)
        assert self.poll() is not None, f"It has not come to an end: {self.printed[-4000:]}"
        return self.poll()

    def kill(self):
        """End it as a machine does that has no memory left."""
        if self.poll() is None:
            for end in (os.killpg, os.kill):  # it may not lead a group yet
                with suppress(ProcessLookupError):
                    end(self.pid, signal.SIGKILL)
        return self.wait()

    def until(self, happened):
        """Wait until something has happened; whether that was before its end."""
        deadline = time.monotonic() + _PATIENCE
        while not happened():
            if self.poll() is not None:
                return False
            assert time.monotonic() < deadline, self.printed[-4000:]
            time.sleep(0.002)
        return True

    @property
    def printed(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""


@contextmanager
def child(folder, work, *arguments, **kwargs):
    """A process that is gone when the block ends."""
    process = Child(folder, work, *arguments, **kwargs)
    try:
        yield process
    finally:
        process.kill()


def _run(folder, log, work, arguments, env, largest_file):
    os.setsid()
    stream = os.open(log, os.O_WRONLY | os.O_CREAT)
    for descriptor in (1, 2):
        os.dup2(stream, descriptor)
    os.chdir(folder)
    os.environ.update(env)
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    work(*arguments)
