"""Two encoders timed in turns, by a clock that the test moves."""

import pytest

from rasa_token_pruning.evaluation import paired_time as module
from rasa_token_pruning.evaluation.paired_time import ROUNDS, PairedTime, paired_time


class Clock:
    """Time passes only where an encoder lets it pass."""

    def __init__(self):
        self.now = 100.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def encoder(clock, seconds, calls=None, name=""):
    """Takes as long as the function of text and number of the call says."""
    count = 0

    def encode(texts):
        nonlocal count
        (text,) = texts
        clock.now += seconds(text, count)
        count += 1
        if calls is not None:
            calls.append((name, text))

    return encode


def test_by_hand(clock):
    times = {"a": (1, 4), "b": (3, 4), "c": (8, 10)}
    one, other = (encoder(clock, lambda text, _, place=place: times[text][place]) for place in (0, 1))
    found = paired_time(one, other, list(times))
    # Shares 0.25, 0.75 and 0.8: the share of the medians, 3 / 4, is only by chance the median of the shares.
    assert found.ms == pytest.approx(3000) and found.reference_ms == pytest.approx(4000)
    assert found.share == pytest.approx(0.75)
    found = paired_time(one, other, ["a", "c"])
    assert found.share == pytest.approx((0.25 + 0.8) / 2) and found.ms == pytest.approx(4500)


@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_in_turns_one_message_at_a_time(clock, rounds):
    calls = []
    one, other = (encoder(clock, lambda *_: 1, calls, name) for name in ("one", "other"))
    texts = [f"text {number}" for number in range(8)]
    paired_time(one, other, texts, rounds)
    warm, timed = calls[:10], calls[10:]
    assert warm == [(name, text) for text in texts[:5] for name in ("one", "other")]
    assert timed == [(name, text) for text in texts for _ in range(rounds) for name in ("one", "other")]


def test_the_shortest_turn_counts(clock):
    """A machine that is busy now and then: only the second of three turns is undisturbed."""
    assert ROUNDS == 3

    def disturbed(seconds):
        # One call to warm up in front of the three turns.
        return lambda _, count: seconds if count % 4 == 2 else 50 * seconds

    found = paired_time(encoder(clock, disturbed(1)), encoder(clock, disturbed(2)), ["a"])
    assert found == PairedTime(pytest.approx(1000), pytest.approx(2000), pytest.approx(0.5))


def test_what_slows_both_does_not_show(clock):
    slow = {f"text {number}": 1 + 99 * (number % 2) for number in range(11)}
    one = encoder(clock, lambda text, _: 0.6 * slow[text])
    other = encoder(clock, lambda text, _: slow[text])
    assert paired_time(one, other, list(slow)).share == pytest.approx(0.6)


def test_the_warm_up_does_not_count(clock):
    one, other = (encoder(clock, lambda _, count: 1000 if count == 0 else 1) for _ in range(2))
    assert paired_time(one, other, ["a"], 1) == PairedTime(1000, 1000, 1)


def test_the_clock_of_the_machine():
    done = []
    found = paired_time(done.append, done.append, ["a", "b"])
    assert len(done) == 4 + 2 * 2 * ROUNDS
    assert 0 <= found.ms < 1000 and found.share > 0
