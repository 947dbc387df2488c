"""Whether a command would be taken, without doing what it asks: by the command's own parser wherever there is one."""

import json
import re
import shlex
import subprocess
import sys
from argparse import ArgumentParser
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from importlib.util import find_spec
from io import StringIO
from itertools import pairwise

import pytest
import tomli
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from rasa_token_pruning.cli import main
from tests.docs.documents import ROOT

# What can be checked: one of these programs with arguments, behind what is set for it alone.
_KNOWN = ("rasa-token-pruning", "rasa", "make", "pip", "pip-audit", "python", ".venv/bin/python", "pytest", "torchrun")
_COMMAND = re.compile(rf"(?:[A-Z_]+=\S* )*(?:{'|'.join(map(re.escape, _KNOWN))}) +\S")


class _Taken(Exception):
    """The arguments were parsed, and nothing has been done yet."""


def can_be_checked(command):
    """Whether a command is one that ``check`` knows."""
    return bool(_COMMAND.match(command))


def check(command, whole=True):
    """Fail if a command would be refused.

    :param whole: Whether all of its arguments are there; if not, only their names are checked.
    """
    program, *arguments = _words(command)
    if program == "torchrun":
        program, arguments = "rasa-token-pruning", arguments[arguments.index("rasa_token_pruning.cli") + 1 :]
    if program in ("python", ".venv/bin/python"):
        program, arguments = _module(arguments)
    if program == "rasa-token-pruning":
        check_ours(arguments, whole and "..." not in arguments)
    elif program in CHECKS:
        CHECKS[program](arguments)


def check_ours(arguments, whole):
    """Whether our command line takes the arguments; if they are not all there, whether it knows their names."""
    if not whole:
        usage = _usage(arguments)
        assert all(option in usage for option in arguments if option.startswith("--")), arguments
        return
    parse = ArgumentParser.parse_args

    def only_parse(parser, *given):
        parse(parser, *given)
        raise _Taken

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ArgumentParser, "parse_args", only_parse)
        with pytest.raises(_Taken):
            main(arguments)


def check_rasas(arguments):
    """Whether Rasa's command line takes the arguments."""
    from rasa.__main__ import create_argument_parser  # here, because it takes seconds

    create_argument_parser().parse_args(arguments)


def check_pip(arguments):
    """Whether pip has the options, and whether what is to be installed is ours or something that we ask for."""
    verb, *given = arguments
    usage = _pip(verb)
    for option in (word for word in given if word.startswith("-")):
        assert re.search(rf"(^|[ ,]){option}\b", usage), option
    _check_files(given)
    for before, word in pairwise([verb, *given]):
        if not word.startswith("-") and before not in ("-r", "-c", "--dest", "--find-links"):
            _check_requirement(word)


def _check_files(arguments):
    """The files of requirements that are named are there."""
    assert all((ROOT / word).is_file() for before, word in pairwise(arguments) if before in ("-r", "-c")), arguments


def check_make(arguments):
    """Whether there is such a target."""
    subprocess.run(["make", "--dry-run", *arguments], cwd=ROOT, check=True, capture_output=True)


def check_paths(arguments):
    """Whether there are such tests."""
    assert all((ROOT / path).exists() for path in arguments), arguments


def _check_requirement(text):
    extras = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    wanted = Requirement(text.replace(".[", "rasa-token-pruning[", 1) if text.startswith(".[") else text)
    if wanted.name == "rasa-token-pruning":
        assert wanted.extras <= extras.keys(), text
        return
    asked = [Requirement(line) for lines in extras.values() for line in lines]
    assert any(canonicalize_name(wanted.name) == canonicalize_name(other.name) for other in asked), text


def _module(arguments):
    """What ``python -m`` runs."""
    assert arguments[0] == "-m" and find_spec(arguments[1]), arguments
    return arguments[1], arguments[2:]


def _words(command):
    """The words of a command, without what is set for it alone and without a comment."""
    words = shlex.split(command, comments=True)
    while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        words = words[1:]
    return words


def _usage(arguments):
    """The help for the command that some arguments name; one of them may be several with ``|`` between them."""
    commands = []
    for word in arguments:
        if not all(_help(*commands, one) for one in word.split("|")):
            break
        commands.append(word.split("|")[0])
    assert commands or arguments[0].startswith("-"), arguments
    return _help(*commands)


@cache
def _help(*commands):
    """The help for a command; nothing if there is no such command."""
    with redirect_stdout(StringIO()) as said, redirect_stderr(StringIO()), pytest.raises(SystemExit):
        main([*commands, "--help"])
    usage = " ".join(["usage: rasa-token-pruning", *commands, ""])
    return said.getvalue() if said.getvalue().startswith(usage) else ""


@cache
def _pip(verb):
    command = [sys.executable, "-m", "pip", verb, "--help"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def of_dockerfile(text):
    """The commands that a Dockerfile runs."""
    runs = re.findall(r"^RUN (.+)$", text, re.M)
    return [*runs, *(shlex.join(json.loads(start)) for start in re.findall(r"^CMD (\[.+\])$", text, re.M))]


CHECKS = {
    "rasa": check_rasas,
    "make": check_make,
    "pip": check_pip,
    "pip-audit": _check_files,
    "pytest": check_paths,
}
