"""Several workers share the processors; a thread for each of them in every worker halves what they answer."""

import os

import pytest

from rasa_token_pruning.components.threads import serving_threads

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system has no affinities")


@pytest.fixture(autouse=True)
def four_processors(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 5})


@pytest.mark.parametrize(
    ("workers", "threads"),
    [(None, None), ("1", None), ("2", 2), ("3", 1), ("4", 1), ("16", 1), ("0", None), ("-2", None), ("many", None)],
)
def test_each_worker_has_its_share(monkeypatch, workers, threads):
    monkeypatch.delenv("SANIC_WORKERS", raising=False)
    if workers is not None:
        monkeypatch.setenv("SANIC_WORKERS", workers)
    assert serving_threads({"num_threads": None}) == threads


def test_what_the_config_says_counts(monkeypatch):
    monkeypatch.setenv("SANIC_WORKERS", "2")
    assert serving_threads({"num_threads": 3}) == 3
