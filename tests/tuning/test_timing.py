from dataclasses import dataclass, replace

import pytest

from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.readout import FINAL
from rasa_token_pruning.evaluation.few_shot import draw
from rasa_token_pruning.evaluation.long_messages import lengthened
from rasa_token_pruning.tuning import timing
from rasa_token_pruning.tuning.timing import timed
from rasa_token_pruning.tuning.trial import LONG, SHORT, Trial

UNPRUNED, POLICY, OTHER = PruningPolicy((1,), 0.0, 2), PruningPolicy((1,), 0.9, 2), PruningPolicy((1, 2), 0.5, 2)


def trials(*tasks):
    return [
        Trial(policy, task.name, {FINAL: {SHORT: [0.5] * 4}}, {SHORT: 1.0})
        for policy in (UNPRUNED, POLICY, OTHER)
        for task in tasks
    ]


@pytest.mark.parametrize("long", [4, 0])
def test_every_trial_gets_its_share(desk, visitors, setting, monkeypatch, long):
    asked = []

    @dataclass
    class Shares:
        share: float

    def paired_time(encode, reference, texts):
        asked.append((encode.__self__.policy, reference.__self__.policy, tuple(texts)))
        return Shares(encode.__self__.policy.quantile + (0.01 if len(texts[0]) > 100 else 0))

    monkeypatch.setattr(timing, "paired_time", paired_time)
    given = trials(desk, visitors)
    measured = timed(given, [desk, visitors], replace(setting, long=long))
    assert [replace(trial, time=None) for trial in measured] == given
    for trial in measured:
        quantile = trial.policy.quantile
        assert trial.time == ({SHORT: quantile, LONG: quantile + 0.01} if long else {SHORT: quantile})
    assert {reference for _, reference, _ in asked} == {UNPRUNED}
    _, judged = draw(desk.pool, 3, 60, 0)
    assert asked[0] == (UNPRUNED, UNPRUNED, judged.texts)
    assert not long or asked[1][2] == lengthened(judged).texts
    assert len(asked) == 6 * (2 if long else 1)


def test_times_are_taken(desk, setting, monkeypatch):
    monkeypatch.setattr(timing, "MESSAGES", 2)
    measured = timed(trials(desk), [desk], setting)
    assert all(set(trial.time) == {SHORT, LONG} for trial in measured)
    assert all(0.02 < share < 50 for trial in measured for share in trial.time.values())
