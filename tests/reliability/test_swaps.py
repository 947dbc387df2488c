"""Archives that are swapped while users write: no message is lost, and memory is back to one archive."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psutil
import yaml

from tests.reliability.children import server
from tests.reliability.conftest import CODE_WORD
from tests.ways_in.servers import serving_models

MOST_GROWTH = 0.1  # of resident memory: an archive of ours takes more than that


def resident(served):
    return psutil.Process(served.process.pid).memory_info().rss


def parse_until(served, done, number):
    """Parse distinct messages until something is done; the intents."""
    intents = []
    while not done.is_set():
        parsed = served.parse(f"someone took my card, {number} said so {len(intents)} times")
        intents.append(parsed["intent"]["name"])
    return intents


def test_put_model_under_load_loses_no_message_and_memory_stays(copy, archive, more):
    done = threading.Event()
    with server(copy, "--model", archive) as served, ThreadPoolExecutor(4) as pool:
        served.wait()
        users = [pool.submit(parse_until, served, done, number) for number in range(4)]
        try:
            sizes = []
            for _ in range(3):
                for model, code_word_means in ((more, "card_lost"), (archive, "nlu_fallback")):
                    served.request("PUT", "/model", {"model_file": str(model)})
                    assert served.parse(CODE_WORD)["intent"]["name"] == code_word_means
                sizes.append(resident(served))
        finally:
            done.set()
        intents = [intent for user in users for intent in user.result()]
    assert len(intents) > 20 and set(intents) == {"card_lost"}
    assert max(sizes[1:]) < (1 + MOST_GROWTH) * sizes[0], sizes


def test_a_polled_model_server_under_load_loses_no_message(copy, archive, more):
    done = threading.Event()
    with serving_models(archive) as models:
        endpoints = {"models": {"url": models.address, "wait_time_between_pulls": 1}}
        (copy / "endpoints.yml").write_text(yaml.safe_dump(endpoints))
        with server(copy, "--endpoints", "endpoints.yml") as served, ThreadPoolExecutor(4) as pool:
            served.wait()
            users = [pool.submit(parse_until, served, done, number) for number in range(4)]
            try:
                assert served.parse(CODE_WORD)["intent"]["name"] == "nlu_fallback"
                models.archive = more
                assert served.process.until(lambda: served.parse(CODE_WORD)["intent"]["name"] == "card_lost")
            finally:
                done.set()
            intents = [intent for user in users for intent in user.result()]
    assert models.answered.count(200) == 2
    assert len(intents) > 20 and set(intents) == {"card_lost"}
