"""What Rasa Pro's own readers of intents make of ours: triggers of flows, and the router between two systems."""

import pytest
from rasa.core.channels.channel import UserMessage
from rasa.shared.core.domain import Domain
from rasa.shared.core.flows.yaml_flows_io import YAMLFlowsReader
from rasa.shared.core.trackers import DialogueStateTracker

from tests_pro.assistant import unpack
from tests_pro.pipelines import ADAPTER, ASSISTANT, ROUTER

FLOWS = """
flows:
  new_password:
    description: set a new password
    nlu_trigger:
      - intent: {name: reset_password, confidence_threshold: 0.6}
    steps:
      - action: utter_done
  repair_printer:
    description: repair a printer
    nlu_trigger:
      - intent: {name: printer_problem, confidence_threshold: 1.0}  # no confidence is as high
    steps:
      - action: utter_done
"""
DOMAIN = """
version: "3.1"
responses:
  utter_done:
    - text: done
"""
ROUTING_SLOT = """
slots:
  route_session_to_calm:
    type: bool
    influence_conversation: false
"""


def conversation(archive, pipeline, domain):
    """A function from the first text of a conversation to its intent and commands."""
    domain = Domain.from_yaml(domain)
    flows = YAMLFlowsReader.read_from_string(FLOWS)
    predictor = unpack(archive, pipeline, flows_provider=flows, domain_provider=domain)

    def answer(text):
        [message] = predictor.process([UserMessage(text)], DialogueStateTracker("somebody", domain.slots))
        return message.get("intent")["name"], message.get("commands")

    return answer


@pytest.fixture(scope="module")
def with_flows(training, archive):
    return conversation(archive, [*ASSISTANT, ADAPTER], DOMAIN)


@pytest.fixture(scope="module")
def with_router(training, archive):
    return conversation(archive, [*ASSISTANT, ROUTER, ADAPTER], DOMAIN + ROUTING_SLOT)


START = {"command": "start flow", "flow": "new_password"}


def to_calm(value):
    return {"command": "set slot", "name": "route_session_to_calm", "value": value, "extractor": "LLM"}


@pytest.mark.parametrize(
    ("text", "intent", "commands"),
    [
        ("could you set a new password for me", "reset_password", [START]),
        ("printer not printing", "printer_problem", []),
        ("how do i bake a sourdough bread?", "nlu_fallback", []),
        ("my screen stays black", "screen_problem", []),
    ],
    ids=["above its threshold", "below its threshold", "out of scope", "no flow"],
)
def test_a_flow_starts_from_its_threshold_on_and_never_after_a_fallback(with_flows, text, intent, commands):
    assert with_flows(text) == (intent, commands)


@pytest.mark.parametrize(
    ("text", "intent", "commands"),
    [
        ("could you set a new password for me", "reset_password", [START, to_calm(True)]),
        ("my screen stays black", "screen_problem", [to_calm(False)]),
        ("hello there", "greet", [{"command": "noop"}]),
        ("how do i bake a sourdough bread?", "nlu_fallback", []),
    ],
    ids=["to a flow", "to stories", "to stories for one turn", "to the LLM"],
)
def test_the_router_routes_by_our_intents(with_router, text, intent, commands):
    assert with_router(text) == (intent, commands)
