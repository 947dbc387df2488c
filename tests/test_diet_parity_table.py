"""Every row of docs/diet-parity.md names a test, and the test exists."""

import re

import pytest


@pytest.fixture(scope="module")
def rows(root):
    table = (root / "docs" / "diet-parity.md").read_text(encoding="utf-8")
    return [line for line in table.splitlines() if re.match(r"\| [A-Z]?\d", line)]


def test_no_row_of_diet_is_missing(rows):
    numbers = [int(number) for row in rows for number in re.findall(r"\d+", row.split("|")[1]) if row[2].isdigit()]
    assert numbers == list(range(1, 47))


def test_no_row_of_what_surrounds_diet_is_missing(rows):
    numbers = {letter: [] for letter in "ABCDEF"}
    for letter, number in (found.groups() for found in (re.match(r"\| ([A-Z])(\d+) ", row) for row in rows) if found):
        numbers[letter].append(int(number))
    for found in numbers.values():
        assert found == list(range(1, len(found) + 1)) != []


def test_each_row_names_tests_that_exist(root, rows):
    for row in rows:
        cell = row.split("|")[-2]
        named = re.findall(r"`([\w/]+\.py)::(\w+)`", cell)
        assert named or cell.strip().startswith("- ("), row
        for file, name in named:
            assert re.search(rf"^def {name}\(", (root / "tests" / file).read_text(encoding="utf-8"), re.M), (file, name)
