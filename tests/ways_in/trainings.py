"""Rasa's training in this process, with what our encoders did in it counted around the real ones."""

import logging
import re
import shutil
import tarfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rasa_token_pruning.encoder.onnx_engine import OnnxEngine
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from tests.alone import alone

HERE = Path(__file__).parent


@dataclass
class Work:
    """What encoders did.

    :param encoders: How many there are, each with its own memory of texts.
    :param engines: How many sessions of onnxruntime were started: what makes an encoder large and slow to start.
    :param texts: What was encoded, one entry for each time.
    """

    encoders: int = 0
    engines: int = 0
    texts: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Training:
    """What one ``rasa train`` did.

    :param trained: The components that were trained.
    :param restored: Those whose files came from Rasa's cache.
    """

    archive: Path
    work: Work
    trained: set[str]
    restored: set[str]


@contextmanager
def counted():
    """The work of all encoders until the end of the block. Those made in it share nothing with others."""
    work = Work()
    start, open_engine, encode = PrunedEncoder._start, OnnxEngine.__init__, PrunedEncoder._encode

    def counting_start(encoder, *arguments):
        work.encoders += 1
        start(encoder, *arguments)

    def counting_open(engine, *arguments):
        work.engines += 1
        open_engine(engine, *arguments)

    def counting_encode(encoder, texts):
        work.texts.extend(texts)
        return encode(encoder, texts)

    with alone(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(PrunedEncoder, "_start", counting_start)
        patch.setattr(PrunedEncoder, "_encode", counting_encode)
        patch.setattr(OnnxEngine, "__init__", counting_open)
        yield work


class _Lines(logging.Handler):
    """The messages that a logger is given."""

    def __init__(self):
        super().__init__(logging.INFO)
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


@contextmanager
def _heard(name):
    """What a logger says until the end of the block."""
    logger, heard = logging.getLogger(name), _Lines()
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(heard)
    try:
        yield heard.lines
    finally:
        logger.removeHandler(heard)
        logger.setLevel(level)


def bank_with(folder, *layers):
    """The bank's assistant in a new folder, with the files of other folders beside or instead of its own."""
    for layer in ("bank", *layers):
        shutil.copytree(HERE / layer, folder, dirs_exist_ok=True)
    return folder


def train(folder, cache, name="assistant", **options):
    """Train the assistant in a folder, with Rasa's cache in another."""
    import rasa  # here, because it takes seconds

    with counted() as work, _heard("rasa.engine.training.hooks") as lines, pytest.MonkeyPatch.context() as patch:
        patch.setenv("RASA_CACHE_DIRECTORY", str(cache))
        files = {"domain": folder / "domain.yml", "config": folder / "config.yml", "output": folder / "models"}
        files = {option: str(file) for option, file in files.items()}
        made = rasa.train(**files, training_files=[str(folder / "data")], fixed_model_name=name, **options)
    said = "\n".join(lines)
    trained = re.findall(r"^Finished training component '(\w+)'", said, re.M)
    restored = re.findall(r"^Restored component '(\w+)'", said, re.M)
    return Training(Path(made.model), work, set(trained), set(restored))


def members(archive):
    """The content of each file in an archive."""
    with tarfile.open(archive) as files:
        return {file.name: files.extractfile(file).read() for file in files.getmembers() if file.isfile()}
