"""What docs/rasa-pro.md says is true: its YAML is accepted, its packages are there, its figures are measured."""

import re
from importlib.metadata import metadata

import pytest
import yaml
from rasa.core.channels.channel import UserMessage
from rasa.engine.validation import validate
from rasa.shared.core.domain import Domain
from rasa.shared.core.flows.yaml_flows_io import YAMLFlowsReader

from tests_pro.assistant import unpack
from tests_pro.nodes import graphs


@pytest.fixture(scope="module")
def guide(root):
    return (root / "docs" / "rasa-pro.md").read_text(encoding="utf-8")


def blocks(guide, language):
    return re.findall(rf"^```{language}\n(.*?)^```", guide, re.M | re.S)


def test_its_pipelines_are_accepted(guide):
    pipelines = [yaml.safe_load(block)["pipeline"] for block in blocks(guide, "yaml") if "pipeline:" in block]
    assert len(pipelines) == 2
    for pipeline in pipelines:
        validate(graphs(pipeline))


def test_its_flows_and_its_slot_are_accepted(guide):
    [flows] = [block for block in blocks(guide, "yaml") if block.startswith("flows:")]
    [flow] = YAMLFlowsReader.read_from_string(flows)
    assert flow.nlu_triggers.trigger_conditions[0].confidence_threshold == 0.6
    [slots] = [block for block in blocks(guide, "yaml") if block.startswith("slots:")]
    assert "route_session_to_calm" in [slot.name for slot in Domain.from_yaml(f'version: "3.1"\n{slots}').slots]


def test_its_extras_exist(guide):
    extras = set(metadata("rasa-token-pruning").get_all("Provides-Extra"))
    wanted = re.findall(r"rasa-token-pruning\[(.+?)\]", guide)
    assert wanted and {extra for some in wanted for extra in some.split(",")} <= extras


def test_its_links_lead_somewhere(root, guide):
    for target in re.findall(r"\]\(([^)#]+)\)", guide):
        assert target.startswith("https://") or (root / "docs" / target).exists(), target


def test_its_table_of_thresholds_is_what_is_measured_to_within_three_points(guide, training, archive, held_out):
    messages = unpack(archive).process([UserMessage(row["text"]) for row in held_out])
    expected = [row["intent"].partition("/")[0] for row in held_out]
    found = list(zip(expected, (message.get("intent") for message in messages), strict=True))
    known = [(right, intent) for right, intent in found if right != "out_of_scope"]
    unknown = [intent for right, intent in found if right == "out_of_scope"]
    rows = re.findall(r"^\| (0\.\d) \| (.+) \|$", guide, re.M)
    assert len(rows) == 6
    for threshold, shown in rows:

        def triggers(intent, threshold=float(threshold)):
            return intent["name"] != "nlu_fallback" and intent["confidence"] >= threshold

        rightly = sum(triggers(intent) and intent["name"] == right for right, intent in known) / len(known)
        somehow = sum(triggers(intent) for _, intent in known) / len(known)
        measured = rightly, somehow - rightly, 1 - somehow, sum(map(triggers, unknown)) / len(unknown)
        assert [float(share.strip("%")) for share in shown.split(" | ")] == pytest.approx(
            [100 * share for share in measured], abs=3
        )
