"""The example bot's data, our components and real neighbours: trained, packed, and asked in another process."""

import json
import tarfile
from collections import Counter

import pytest
from rasa.core.actions.action import ActionRetrieveResponse
from rasa.core.channels.channel import UserMessage
from rasa.shared.core.events import UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from rasa_token_pruning.cli import main
from tests.without import TRAINING_ONLY, WITHOUT
from tests_pro.assistant import TEXTS, answers, train_and_pack, unpack
from tests_pro.conftest import in_a_fresh_process

TENSORFLOW = {"tensorflow", "keras", "tf_keras"}

ANSWER = """
import json
from tests_pro.assistant import TEXTS, answers, loaded, unpack
print(json.dumps({"answers": answers(unpack(sys.argv[2]), TEXTS), "loaded": loaded()}))
"""


@pytest.fixture(scope="session")
def predictor(training, archive):
    return unpack(archive)


def understood(answer):
    return answer["output"]["intent"]["name"]


def packed(archive):
    """The files of our components, by their names in the archive."""
    with tarfile.open(archive) as files:
        members = [file for file in files.getmembers() if file.isfile() and "rasa_token_pruning" in file.name]
        return {member.name: files.extractfile(member).read() for member in members}


def test_a_dotted_name_is_all_that_registers_us(training):
    assert "rasa_token_pruning" not in training["before"]
    assert "rasa_token_pruning" in training["loaded"]


def test_training_imports_neither_tensorflow_nor_torch(training):
    assert "onnxruntime" in training["loaded"]
    assert not set(training["loaded"]) & (TENSORFLOW | {"torch", "transformers", "sentence_transformers"})


def test_messages_get_their_intents_entities_and_fallback(training):
    password, ticket, hours, bread, *_ = training["answers"]
    assert understood(password) == "reset_password"
    assert understood(ticket) == "ticket_status"
    assert [entity["value"] for entity in ticket["output"]["entities"]] == ["INC0012345"]
    assert understood(hours) == "faq"
    assert understood(bread) == "nlu_fallback"


def test_every_message_gets_an_intent_and_a_ranking_whatever_it_is(training):
    for answer in training["answers"]:
        output = answer["output"]
        assert output["intent"] == output["intent_ranking"][0]
        assert isinstance(output["intent"]["name"], str) and 0 <= output["intent"]["confidence"] <= 1


def test_a_slash_names_the_intent_itself(training):
    slash = training["answers"][TEXTS.index("/greet")]["output"]
    assert slash["intent"] == {"name": "greet", "confidence": 1.0}


def test_a_question_gets_its_answer_where_rasa_pro_looks_for_it(training):
    output = training["answers"][TEXTS.index("when are you open?")]["output"]
    selected = output["response_selector"]["faq"]["response"]
    assert "Monday to Friday" in selected["responses"][0]["text"]
    tracker = DialogueStateTracker.from_events("somebody", [UserUttered(output["text"], parse_data=output)])
    assert ActionRetrieveResponse("utter_faq").get_full_retrieval_name(tracker) == "utter_faq/opening_hours"


def test_in_another_process_without_model_onnx_and_torch_the_archive_answers_the_same_to_the_bit(training, archive):
    answered = in_a_fresh_process(WITHOUT + ANSWER, ",".join(TRAINING_ONLY), archive)
    assert "onnxruntime" in answered["loaded"]
    assert not set(answered["loaded"]) & (TRAINING_ONLY | TENSORFLOW)
    assert answered["answers"] == training["answers"]


def test_all_messages_at_once_get_what_each_gets_alone(predictor):
    together = predictor.process([UserMessage(text) for text in TEXTS])
    alone = answers(predictor, TEXTS)
    assert [message.as_dict(only_output_properties=True) for message in together] == [one["output"] for one in alone]
    assert [[part.fingerprint() for part in message.features] for message in together] == [
        one["features"] for one in alone
    ]


def test_training_again_writes_the_same_bytes(training, archive, tmp_path):
    assert json.loads(json.dumps(train_and_pack(tmp_path / "again.tar.gz"))) == training["answers"]
    assert packed(tmp_path / "again.tar.gz") == packed(archive)


def test_the_archive_holds_safetensors_json_and_the_graph_of_the_encoder_and_no_code(training, archive):
    names = packed(archive)
    assert {name.rpartition(".")[2] for name in names} == {"safetensors", "json", "onnx"}
    assert not [name for name in names if ".." in name]  # Rasa Pro would leave it out when it unpacks
    assert archive.stat().st_size < 60 * 2**20


def test_explain_reads_the_archive(training, archive, capsys):
    text = "could you set a new password for me"
    assert not main(["explain", "--model", str(archive), "--json", text])
    [explanation] = json.loads(capsys.readouterr().out)["explanations"]
    said = training["answers"][TEXTS.index(text)]["output"]["intent"]
    assert (explanation["intent"], explanation["confidence"]) == (said["name"], pytest.approx(said["confidence"]))


def test_most_messages_that_nobody_trained_on_are_understood(predictor, held_out):
    """How many is measured under Rasa Open Source; here it must be the same to within a few messages."""
    outputs = predictor.process([UserMessage(row["text"]) for row in held_out])
    rightly = Counter()
    for row, message in zip(held_out, outputs, strict=True):
        outside = row["intent"] == "out_of_scope"
        expected = "nlu_fallback" if outside else row["intent"].partition("/")[0]
        rightly[outside] += message.get("intent")["name"] == expected
    known = sum(row["intent"] != "out_of_scope" for row in held_out)
    assert rightly[False] / known > 0.88
    assert rightly[True] / (len(held_out) - known) > 0.6
