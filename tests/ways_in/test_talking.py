"""rasa shell, rasa shell nlu, rasa interactive."""

import json
import shutil

import yaml

from tests.ways_in.processes import free_port, rasa, rasa_command
from tests.ways_in.terminal import CONTROL_C, ENTER, UP, at_terminal


def test_shell_answers_what_is_typed_until_stop(bank, archive):
    port = str(free_port())
    printed = rasa(bank, "shell", "--model", archive, "--port", port, typed="hello\nmy card was stolen\n/stop\n")
    assert printed.index("Welcome to the bank.") < printed.index("Your card is blocked.")


def test_shell_nlu_prints_what_was_understood(bank, archive):
    printed = rasa(bank, "shell", "nlu", "--model", archive, typed="is there money in my current account\n\n")
    first, second = objects(printed)
    assert first["intent"]["name"] == "check_balance"
    assert [entity["value"] for entity in first["entities"]] == ["current"]
    assert second["text"] == "" and second["intent"]["name"] and second["intent_ranking"]


def objects(printed):
    """The JSON objects that a command printed among other lines."""
    starts = [at + 1 for at in range(len(printed)) if printed.startswith("\n{\n", at)]
    return [json.JSONDecoder().raw_decode(printed, start)[0] for start in starts]


def test_interactive_asks_what_was_right_and_writes_it_down(bank, archive, tmp_path):
    folder = shutil.copytree(bank, tmp_path / "bank", ignore=shutil.ignore_patterns("models", ".rasa"))
    options = ("--model", archive, "--skip-visualization", "--port", free_port())
    with at_terminal(rasa_command("interactive", *options), folder) as terminal:
        terminal.expect("Your input ->")
        terminal.type("my purse with the card is gone", ENTER)
        assert "with intent 'card_lost'" in terminal.expect("is this correct? (Y/n)")
        terminal.type("y")
        terminal.expect("The bot wants to run 'utter_card', correct? (Y/n)")
        terminal.type("y")
        said = terminal.expect("The bot wants to run 'action_listen', correct? (Y/n)")
        terminal.type("y")
        # The history of the chat comes from a thread of Rasa's, before the question or after it.
        assert "Your card is blocked." in said + terminal.expect("Your input ->")
        terminal.type(CONTROL_C)
        terminal.expect("Export & Quit")
        terminal.type(UP, ENTER)
        for question in ("Export stories to", "Export NLU data to", "Export domain file to"):
            terminal.expect(question)
            terminal.type(ENTER)
        terminal.expect("Successfully wrote stories and NLU data")
        assert terminal.process.wait(timeout=60) == 0
    assert "my purse with the card is gone" in examples(folder)["card_lost"]
    assert "intent: card_lost" in (folder / "data" / "stories.yml").read_text()


def examples(folder):
    nlu = yaml.safe_load((folder / "data" / "nlu.yml").read_text())["nlu"]
    return {entry["intent"]: entry["examples"] for entry in nlu if "intent" in entry}
