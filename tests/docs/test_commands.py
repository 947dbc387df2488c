"""The commands in the documents exist and take the arguments that are shown."""

import re
import subprocess

import pytest

from tests.docs.commands import can_be_checked, check, of_dockerfile
from tests.docs.documents import DOCUMENTS, blocks, prose

SHELL = blocks("bash", "")
IN_TEXT = re.compile(r"(?<!`)`([^`]+)`(?!`)")
INDENTED = re.compile(r"^ {4,}(\S.*)$", re.M)


def names(found):
    return [f"{block.document}-{number}" for number, block in enumerate(found)]


@pytest.mark.parametrize("block", SHELL, ids=names(SHELL))
def test_each_line_of_a_block_is_taken_or_its_block_says_why_it_is_not_checked(block):
    for line in block.lines:
        if can_be_checked(line):
            check(line)
        elif block.language == "bash":
            assert block.not_run or not line, f"{block.document}: {line}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_the_commands_in_its_text_are_known(document):
    text = prose(document)
    for found in [*IN_TEXT.findall(text), *INDENTED.findall(IN_TEXT.sub("", text))]:
        command = " ".join(found.split())
        if can_be_checked(command):
            check(command, whole=False)


def test_what_a_container_runs_is_taken():
    found = [command for block in blocks("dockerfile") for command in of_dockerfile(block.text)]
    assert len(found) >= 2
    for command in found:
        check(command)


@pytest.mark.parametrize(
    "command",
    [
        "rasa-token-pruning expalin hello",
        "rasa-token-pruning tune --budgets 1 2 3",
        "rasa-token-pruning tune --seeds one a.csv",
        "rasa tarin",
        "rasa train --fixed-model desk --nothing",
        "make tea",
        'pip install "rasa-token-pruning[tea]"',
        "pip install --no-teas .[train]",
        "pip install -r locks/tea.txt",
        "pip install tea",
        "python -m benchmarks.tea",
        "pytest tests/tea",
        "torchrun --nproc_per_node 2 -m rasa_token_pruning.cli train-encoder contrastive ... --teas 3",
    ],
)
def test_a_command_that_does_not_exist_is_found(command):
    with pytest.raises((AssertionError, SystemExit, subprocess.CalledProcessError)):
        check(command)
