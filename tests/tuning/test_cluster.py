"""A search on a dask cluster: a scheduler and a worker of their own on this machine."""

import pytest

from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.evaluation.labelled import Labelled
from rasa_token_pruning.evaluation.tasks import Task
from rasa_token_pruning.tuning.search import search
from rasa_token_pruning.tuning.trial import Setting

distributed = pytest.importorskip("distributed")


def test_a_cluster_finds_what_one_process_finds(tmp_path):
    texts = [f"{verb} the {thing}" for verb in ("open", "close") for thing in ("door", "window", "lid", "box", "gate")]
    task = Task("doors", Labelled(tuple(texts), ("open",) * 5 + ("close",) * 5))
    setting = Setting("all-MiniLM-L6-v2", "int8", shots=(2,), seeds=2, held_out=4, long=0)
    policies = [PruningPolicy((2,), 0.5, 4)]
    here = search(policies, [task], setting, tmp_path / "here")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        there = search(policies, [task], setting, tmp_path / "there", cluster=cluster.scheduler_address)
    assert there == here
