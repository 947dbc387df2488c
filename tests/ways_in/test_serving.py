"""rasa run: with its HTTP API, with a model server, with a SQL tracker store, far from where training happened."""

import json
import sqlite3
import time
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
import yaml

from tests.ways_in.conftest import CODE_WORD, understood
from tests.ways_in.servers import YAML, serving, serving_models
from tests.without import TRAINING_ONLY

SAY_AGAIN, BLOCKED = ["Please say that again."], ["Your card is blocked."]


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """The file of the SQL tracker store that both servers use."""
    return tmp_path_factory.mktemp("tracker_store") / "conversations.db"


def endpoints(folder, database, **more):
    tracker_store = {"type": "SQL", "dialect": "sqlite", "db": str(database)}
    file = folder / "endpoints.yml"
    file.write_text(yaml.safe_dump({"tracker_store": tracker_store, **more}))
    return file


@pytest.fixture(scope="module")
def server(archive, bank, database, tmp_path_factory):
    """``rasa run --enable-api`` where the assistant was trained."""
    file = endpoints(tmp_path_factory.mktemp("server"), database)
    with serving(bank, "--enable-api", "--model", archive, "--endpoints", file) as server:
        yield server


@pytest.fixture(scope="module")
def models(archive):
    with serving_models(archive) as models:
        yield models


@pytest.fixture(scope="module")
def far_server(models, database, tmp_path_factory):
    """``rasa run`` elsewhere, in a process that can import nothing that only training needs, asking for new models."""
    folder = tmp_path_factory.mktemp("far")
    (folder / "credentials.yml").write_text("rest:\n")
    endpoints(folder, database, models={"url": models.address, "wait_time_between_pulls": 1})
    with serving(folder, without=TRAINING_ONLY) as server:
        yield server


def test_far_from_the_training_the_archive_answers(far_server):
    assert far_server.say("far", "someone stole my card") == BLOCKED
    assert far_server.say("far", "show me the balance of my savings account") == ["Your savings account holds 100."]


def test_the_sql_tracker_store_keeps_what_was_understood(far_server, database):
    far_server.say("sql", "someone stole my card")
    with closing(sqlite3.connect(database)) as connection:
        select = "select data from events where sender_id = 'sql' and type_name = 'user'"
        ((data,),) = connection.execute(select).fetchall()
    parsed = json.loads(data)["parse_data"]
    assert parsed["intent"]["name"] == "card_lost" and parsed["intent_ranking"][0] == parsed["intent"]


def test_another_server_goes_on_with_a_conversation_in_the_sql_tracker_store(far_server, server):
    far_server.say("moved", "show me the balance of my current account")
    assert server.say("moved", "which account did i ask about") == ["We spoke of your current account."]


def test_a_new_archive_on_the_model_server_replaces_the_old_one(far_server, models, finetuned):
    assert far_server.say("polled", CODE_WORD) == SAY_AGAIN
    models.archive = finetuned
    deadline = time.monotonic() + 60
    while far_server.say("polled", CODE_WORD) != BLOCKED:
        assert time.monotonic() < deadline, far_server.log.read_text()[-4000:]
        time.sleep(0.5)
    assert models.answered.count(200) == 2 and 304 in models.answered


def test_model_parse_answers_as_documented(server):
    parsed = server.parse("how much is in my savings account")
    assert set(parsed) == {"text", "intent", "entities", "text_tokens", "intent_ranking"}
    assert parsed["text"] == "how much is in my savings account"
    assert parsed["intent"] == parsed["intent_ranking"][0]
    confidences = [intent["confidence"] for intent in parsed["intent_ranking"]]
    assert confidences == sorted(confidences, reverse=True) and 0.99 < sum(confidences) < 1.01
    assert {intent["name"] for intent in parsed["intent_ranking"]} == {
        *("greet", "goodbye", "check_balance", "card_lost", "which_account", "faq"),
    }
    (entity,) = parsed["entities"]
    assert (entity["entity"], entity["value"], entity["start"], entity["end"]) == ("account", "savings", 18, 25)


def test_model_test_intents_measures_the_loaded_archive(server, bank):
    measured = server.post("/model/test/intents", (bank / "data" / "nlu.yml").read_bytes(), kind=YAML)
    predictions = measured["intent_evaluation"]["predictions"]
    assert len(predictions) == 48
    assert measured["intent_evaluation"]["accuracy"] > 0.95


@pytest.fixture(scope="module")
def trained_by_the_server(server, bank):
    """What ``/model/train`` makes of a new intent, and what the server answered to messages in the meantime."""
    everything = {}
    for name in ("config.yml", "domain.yml", "data/rules.yml", "data/nlu.yml"):
        everything.update(yaml.safe_load((bank / name).read_text()))
    everything["intents"].append("code_word")
    everything["nlu"].append({"intent": "code_word", "examples": f"- {CODE_WORD}\n- {CODE_WORD} again\n"})
    everything["responses"]["utter_roger"] = [{"text": "Roger."}]
    everything["rules"].append({"rule": "code", "steps": [{"intent": "code_word"}, {"action": "utter_roger"}]})
    body = yaml.safe_dump(everything).encode()
    path = "/model/train?save_to_default_model_directory=false"
    with ThreadPoolExecutor(1) as pool:
        training = pool.submit(server.request, "POST", path, body, YAML)
        meanwhile = []
        while not training.done():
            meanwhile.append(server.parse(f"someone stole my card number {len(meanwhile)}")["intent"]["name"])
            time.sleep(0.1)
    file = bank / "models" / "by_the_server.tar.gz"
    file.write_bytes(training.result())
    return file, meanwhile


def test_model_train_trains_while_the_server_answers(trained_by_the_server):
    file, meanwhile = trained_by_the_server
    assert understood(file, CODE_WORD, "someone stole my card") == ["code_word", "card_lost"]
    assert len(meanwhile) > 5 and set(meanwhile) == {"card_lost"}


def test_put_model_replaces_the_archive_and_puts_the_old_one_back(server, archive, trained_by_the_server):
    file, _ = trained_by_the_server
    for model, answer in ((file, ["Roger."]), (archive, SAY_AGAIN)):
        server.request("PUT", "/model", {"model_file": str(model)})
        assert server.say("put", CODE_WORD) == answer


def test_put_model_keeps_the_archive_if_there_is_no_other(server):
    with pytest.raises(urllib.error.HTTPError, match="400"):
        server.request("PUT", "/model", {"model_file": "nowhere.tar.gz"})
    assert server.parse("someone stole my card")["intent"]["name"] == "card_lost"
