"""Every row of docs/reliability.md names tests or scripts that exist, and a command that does."""

import re

import pytest


@pytest.fixture(scope="module")
def rows(root):
    table, *_ = (root / "docs" / "reliability.md").read_text(encoding="utf-8").split("\n## ")
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:3] in PARTS]


PARTS = [f"| {part}" for part in range(1, 9)]


def test_no_part_is_missing(rows):
    numbers = [number for number, *_ in rows]
    assert {number[0] for number in numbers} == set("12345678")
    assert numbers == sorted(set(numbers))
    assert all(len(row) == 5 for row in rows)


def test_each_row_names_tests_or_scripts_that_exist(root, rows):
    for _, _, how, _, _ in rows:
        tests, scripts = re.findall(r"`([\w/]+\.py)::(\w+)`", how), re.findall(r"`((?:benchmarks|fuzz)/[\w.]*)`", how)
        assert tests or scripts, how
        for file, name in tests:
            assert re.search(rf"^def {name}\(", (root / "tests" / file).read_text(encoding="utf-8"), re.M), (file, name)
        for script in scripts:
            assert (root / script).exists(), script


def test_each_command_is_one(root, rows):
    makefile = (root / "Makefile").read_text()
    for *_, command in rows:
        kind, *arguments = command.strip("`").split()
        assert kind in ("pytest", "make")
        for argument in arguments:
            known = (root / argument).exists() if kind == "pytest" else re.search(rf"^{argument}:", makefile, re.M)
            assert known, command


def test_all_tests_of_this_folder_are_in_the_table(root, rows):
    named = "".join(how for _, _, how, _, _ in rows)
    for file in (root / "tests" / "reliability").glob("test_*.py"):
        if file.name != "test_table.py":
            assert file.name in named
