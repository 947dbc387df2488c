"""Encoders that share nothing with those of tests before, which may still live in the same process."""

from contextlib import contextmanager
from weakref import WeakValueDictionary

import pytest

from rasa_token_pruning.encoder import runtime


@contextmanager
def alone():
    """Encoders made until the end of the block share engines, memories and warnings with each other only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime, "_running", WeakValueDictionary())
        yield
