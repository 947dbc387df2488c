"""The tables of the documents, from the JSON that the benchmarks store.

    python -m benchmarks.pages

writes them anew. In a document each stands between ``<!-- table: NAME -->`` and ``<!-- end of table -->``; that
they are the measured ones is tested.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks import (
    adapter,
    cross_validation,
    engines,
    entities,
    example_bot,
    intents_rasa,
    own_encoders,
    published,
    responses,
    scale,
    scope,
    unseen,
)
from benchmarks.records import RESULTS, stored
from rasa_token_pruning.evaluation import accuracy_command, comparison_command, hardware_command, speed_tables
from rasa_token_pruning.tuning.result import LEVELS, SearchResult
from rasa_token_pruning.tuning.tune_command import report

ROOT = RESULTS.parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SMALL, LARGE = "all-MiniLM-L6-v2", "all-mpnet-base-v2"
BY_QUANTILE = SMALL, f"{SMALL}+adapter", LARGE

MARKED = re.compile(r"(<!-- table: (.+?) -->\n).*?(<!-- end of table -->)", re.S)
_SHOWN = (  # the systems that the README shows
    "sentence-transformers, torch",
    "onnx int8, off",
    "onnx int8, balanced",
    "torch fp32, balanced",
    "sentence-transformers, onnx int8",
    "FastEmbed",
    "model2vec (static)",
)
_PROCESSORS = {
    "AMD EPYC, family 26": "speed",
    "AMD EPYC, a slower one": "speed-epyc",
    "Intel Xeon with AMX": "speed-amx",
    "AMD EPYC without AVX-512": "speed-avx2",
}
_ADAPTED = {  # rows of the README, and what they are in the table of the page about training
    "`balanced` (the default)": "adapter, balanced, final",
    "`balanced`, `adapter: none`": "as published, balanced, final",
    "`gentle`": "adapter, gentle, final",
    "`aggressive`": "adapter, aggressive, final",
    "`aggressive`, `adapter: none`": "as published, aggressive, final",
}
_HEAD_OF_LEVELS = "| | work left: of all, of 17 pieces and more | 5 examples | 10 examples | all | in a story, 5 / 10 |"


def filled(document: str) -> str:
    """A document with its tables as they were measured.

    :raises KeyError: If there is no table of a name.
    """
    return MARKED.sub(lambda found: f"{found[1]}\n{TABLES[found[2]]()}\n\n{found[3]}", document)


def _of_rows(name: str, table: Callable[[Any], str], key: str = "rows") -> Callable[[], str]:
    return lambda: table(stored(name)[key])


def _of_record(name: str, table: Callable[[Any], str]) -> Callable[[], str]:
    return lambda: table(stored(name))


def _search(name: str) -> str:
    found = SearchResult.load(RESULTS / f"tune-{name}.json")
    return report(found, "final" if found.hard else "final+cut", dict(LEVELS))


def _responses(number: int, record: dict[str, Any]) -> str:
    return responses.tables(record)[number]


def _speed_in_short(record: dict[str, Any]) -> str:
    shown = {**record, "processes": [row for row in record["processes"] if row["system"] in _SHOWN]}
    return "\n".join([*speed_tables.one_message(shown), "", *speed_tables.many_messages(shown)])


def _speed_by_processor() -> str:
    records = {title: stored(name) for title, name in _PROCESSORS.items()}
    return speed_tables.processors(records, [f"onnx int8, {level}" for level in ("off", *LEVELS)])


def _levels_of_the_adapter(rows: dict[str, dict[str, Any]]) -> str:
    means = adapter.means(rows)
    lines = (f"| {title} | {means[row]} |" for title, row in _ADAPTED.items())
    return "\n".join([_HEAD_OF_LEVELS, "|---" * 6 + "|", *lines])


TABLES: dict[str, Callable[[], str]] = {
    "example bot": _of_rows("example_bot", example_bot.table, "results"),
    "cross-validation": _of_rows("cross_validation", cross_validation.table),
    "intents": _of_rows("intents", intents_rasa.table),
    "intents, means": _of_rows("intents", intents_rasa.means),
    "published": _of_rows("intents", published.table),
    "levels of the adapter": _of_rows("adapter", _levels_of_the_adapter),
    "adapter": _of_rows("adapter", adapter.table),
    f"adapter, {LARGE}": _of_rows(f"adapter-{LARGE}", adapter.table),
    "distilled": _of_rows("own_encoders-distill", own_encoders.table),
    "engines": _of_rows("engines", engines.table),
    "speed": _of_record("speed", speed_tables.tables),
    "speed, in short": _of_record("speed", _speed_in_short),
    "speed, processors": _speed_by_processor,
    "scope": _of_rows("scope", scope.table),
    "candidates": _of_rows("scope", scope.sets_table, "sets"),
    "scale": _of_rows("scale", scale.table),
    "unseen": _of_rows("unseen", unseen.table),
    "entities": _of_rows("entities", entities.accuracy_table),
    "entities, others": _of_rows("entities", lambda rows: entities.accuracy_table(rows, entities.OTHERS)),
    "entities, cost": _of_rows("entities", lambda rows: entities.cost_table(rows, 10)),
    "ways to read less": _of_record(f"pruning-{SMALL}", comparison_command.tables),
    "ways to read less, by length": _of_record(f"pruning-{SMALL}", comparison_command.length_table),
    "hardware": _of_record("hardware", hardware_command.table),
    **{f"responses, {number}": _of_record("responses", partial(_responses, number)) for number in range(3)},
    **{f"search, {name}": partial(_search, name) for name in (SMALL, f"{SMALL}+adapter", LARGE, f"{LARGE}+adapter")},
    **{f"by quantile, {name}": _of_record(f"accuracy-{name}", accuracy_command.summary) for name in BY_QUANTILE},
    **{
        f"by quantile and data, {name}": _of_record(f"accuracy-{name}", accuracy_command.tables) for name in BY_QUANTILE
    },
}


def main() -> None:
    """Write every document whose tables are not the measured ones."""
    for document in DOCUMENTS:
        before = document.read_text(encoding="utf-8")
        after = filled(before)
        if after != before:
            document.write_text(after, encoding="utf-8")
            print(f"{document.relative_to(ROOT)} is written anew.")


if __name__ == "__main__":
    main()
