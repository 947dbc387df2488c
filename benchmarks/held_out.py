"""Parse a file of phrases with a trained archive, as ``rasa run`` would, and print what came of it as JSON."""

from __future__ import annotations

import asyncio
import csv
import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from rasa.core.agent import Agent
from rasa.utils.common import configure_logging_and_warnings
from rasa.utils.log_utils import configure_structlog
from sklearn.metrics import roc_auc_score

from benchmarks.metrics import calibration_error
from rasa_token_pruning.fewshot.names import base_intent

OUT_OF_SCOPE = "out_of_scope"
FALLBACK = "nlu_fallback"
WARM_UP = 20


async def parse_all(agent: Agent, texts: list[str]) -> tuple[list[dict[str, Any]], np.ndarray]:
    """Parse each text alone; the results, and milliseconds for each, ``(texts,)``."""
    for text in texts[:WARM_UP]:
        await agent.parse_message(text)
    parsed, times = [], []
    for text in texts:
        started = time.perf_counter()
        parsed.append(await agent.parse_message(text))
        times.append((time.perf_counter() - started) * 1000)
    return parsed, np.array(times)


def best_intent(parsed: dict[str, Any]) -> dict[str, Any]:
    """The classifier's own first intent, whether or not the fallback stepped in front of it."""
    ranking = [entry for entry in parsed["intent_ranking"] if entry["name"] != FALLBACK]
    return ranking[0] if ranking else {"name": None, "confidence": 0.0}


def summary(parsed: list[dict[str, Any]], truths: list[str]) -> dict[str, float]:
    """Shares of messages, each in [0, 1]; in-scope figures are over in-scope messages."""
    in_scope = np.array([truth != OUT_OF_SCOPE for truth in truths])
    best = [best_intent(result) for result in parsed]
    confidences = np.array([entry["confidence"] for entry in best])
    right = np.array([entry["name"] == base_intent(truth) for entry, truth in zip(best, truths, strict=True)])
    fell_back = np.array([result["intent"]["name"] in (FALLBACK, None) for result in parsed])
    questions = [(result, truth) for result, truth in zip(parsed, truths, strict=True) if truth.startswith("faq/")]
    answered = [result["response_selector"]["faq"]["response"]["intent_response_key"] == t for result, t in questions]
    return {
        "in_scope_messages": int(in_scope.sum()),
        "out_of_scope_messages": int((~in_scope).sum()),
        "intent_accuracy": float(right[in_scope].mean()),
        "answered_right": float((right & ~fell_back)[in_scope].mean()),
        "answered_wrong": float((~right & ~fell_back)[in_scope].mean()),
        "fell_back": float(fell_back[in_scope].mean()),
        "faq_accuracy": float(np.mean(answered)),
        "calibration_error": calibration_error(confidences[in_scope], right[in_scope]),
        "out_of_scope_caught": float(fell_back[~in_scope].mean()),
        "out_of_scope_auroc": float(roc_auc_score(in_scope, confidences)),
    }


def main(archive: Path, phrases: Path) -> None:
    """Load, parse, print."""
    with phrases.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    agent = Agent.load(archive)
    parsed, times = asyncio.run(parse_all(agent, [row["text"] for row in rows]))
    result: dict[str, Any] = summary(parsed, [row["intent"] for row in rows])
    result["latency_ms_p50"], result["latency_ms_p95"] = (float(p) for p in np.percentile(times[WARM_UP:], [50, 95]))
    result["serving_mib"] = psutil.Process().memory_info().rss / 2**20
    print(json.dumps(result))


if __name__ == "__main__":
    configure_structlog(logging.ERROR)  # as a server is run; logging every step would be part of the latency
    configure_logging_and_warnings(logging.ERROR)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
