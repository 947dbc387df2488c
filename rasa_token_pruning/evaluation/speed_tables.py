"""What a speed benchmark has found, as tables; and what a policy saves beside what it ought to save."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rasa_token_pruning.encoder.policy import PruningPolicy


def linear_work_left(policy: PruningPolicy, layers: int, length: int) -> float:
    """The share of an encoder's linear layers that a policy leaves, in (0, 1].

    A layer's feed-forward part is two thirds of it; a layer that cuts does so between the two (``work.work_left``, by
    which presets are chosen, counts it as half and half). Attention itself, which grows with the square of the length,
    is not counted.

    :param layers: The number of layers of the encoder.
    :param length: The number of word pieces, at least 2.
    """
    left, tokens = 0.0, length
    for layer in range(layers):
        before = tokens
        tokens = policy.tokens_kept(tokens) if layer in policy.layers else tokens
        left += before / 3 + tokens * 2 / 3
    return left / (length * layers)


def savings(
    rows: Sequence[Mapping[str, Any]], policies: Mapping[str, PruningPolicy], layers: int
) -> list[dict[str, Any]]:
    """The share of time and of work that pruning saves, against the same engine without it.

    :param rows: What ``speed.latencies`` gives; a system of ours is called ``ENGINE, POLICY``.
    """
    times = {(row["system"], row["pieces"]): row["p50_ms"] for row in rows}
    found = []
    for (system, pieces), time in times.items():
        engine, _, name = system.partition(", ")
        if policies.get(name) is None or not policies[name].quantile:
            continue
        unpruned = times[f"{engine}, off", pieces]
        work = 1 - linear_work_left(policies[name], layers, pieces)
        found.append({"system": system, "pieces": pieces, "time_saved": 1 - time / unpruned, "work_saved": work})
    return found


def tables(record: Mapping[str, Any]) -> str:
    """The result of a run as tables in Markdown."""
    return "\n".join([*one_message(record), "", *_saved(record["saved"]), "", *many_messages(record)])


def one_message(record: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a table of latencies, of the systems in ``record["processes"]``."""
    systems = [row["system"] for row in record["processes"]]
    lengths = list(dict.fromkeys(row["pieces"] for row in record["one_message"]))
    found = {(row["system"], row["pieces"]): row for row in record["one_message"]}
    yield from _head("one message, p50 ms (times faster)", *(f"{length} pieces" for length in lengths))
    for system in systems:
        cells = (f"{found[system, n]['p50_ms']:.2f} ({found[system, n]['ratio']:.1f})" for n in lengths)
        yield _line(system, *cells)


def _saved(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    lengths = list(dict.fromkeys(row["pieces"] for row in rows))
    found = {(row["system"], row["pieces"]): row for row in rows}
    yield from _head("time saved by pruning (work saved)", *(f"{length} pieces" for length in lengths))
    for system in dict.fromkeys(row["system"] for row in rows):
        cells = (found[system, length] for length in lengths)
        yield _line(system, *(f"{cell['time_saved']:.0%} ({cell['work_saved']:.0%})" for cell in cells))


def many_messages(record: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a table of throughput, start and memory, of the systems in ``record["processes"]``."""
    rates = {(row["system"], row["texts"]): row for row in record["batched"]}
    sets = list(dict.fromkeys(row["texts"] for row in record["batched"]))
    yield from _head("many messages, per second (times faster)", *sets, "ready after", "memory")
    for process in record["processes"]:
        cells = (rates[process["system"], name] for name in sets)
        per_second = (f"{cell['per_second']:.0f} ({cell['ratio']:.1f})" for cell in cells)
        ready = f"{process['start_s']:.1f} s", f"{process['resident_mib']:.0f} MiB"
        yield _line(process["system"], *per_second, *ready)


def processors(records: Mapping[str, Mapping[str, Any]], systems: Sequence[str]) -> str:
    """How many times faster systems are on several processors, as a table in Markdown.

    :param records: The result of a run on each, all of the same lengths and sets of messages.
    :param systems: Some of those in all of them.
    """
    first = next(iter(records.values()))
    lengths = list(dict.fromkeys(row["pieces"] for row in first["one_message"]))
    sets = list(dict.fromkeys(row["texts"] for row in first["batched"]))
    lines = [*_head("processor", "times faster", *(f"{length} pieces" for length in lengths), *sets)]
    for processor, record in records.items():
        ratios = {(row["system"], row["pieces"]): row["ratio"] for row in record["one_message"]}
        ratios |= {(row["system"], row["texts"]): row["ratio"] for row in record["batched"]}
        for system in systems:
            lines.append(_line(processor, system, *(f"{ratios[system, column]:.1f}" for column in (*lengths, *sets))))
    return "\n".join(lines)


def _head(*cells: str) -> Iterator[str]:
    yield _line(*cells)
    yield "|---" * len(cells) + "|"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
