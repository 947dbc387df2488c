"""The page of every option says what the components say: their names, defaults, and what is allowed."""

import math
import re

import pytest
import yaml
from rasa.shared.exceptions import InvalidConfigException

from rasa_token_pruning.components.options import DIET_ONLY
from tests.docs.components import BY_NAME, COMPONENTS, use
from tests.docs.documents import ROOT

PAGE = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
SECTIONS = dict(zip(*[iter(re.split(r"^## (.+)$", PAGE, flags=re.M)[1:])] * 2, strict=True))
ROWS = [
    (component, *re.split(r" *\| *", row.strip("| "))[:3])
    for component in BY_NAME
    for row in re.findall(r"^\| `.+$", SECTIONS[component], re.M)
]
IDS = [f"{component}-{option.strip('`')}" for component, option, *_ in ROWS]
NUMBER = re.compile(r"(whole )?number, (?:(\S+) (<|≤) )n(?: (<|≤) (\S+))?$")

# In words: what is taken, and what is not.
IN_WORDS = {
    "a text": (["greet"], [3, ["greet"]]),
    "the name of a prompt, or a text that ends in a space or a colon": (["query", "ask: ", ""], ["ask", 3]),
    "the names `auto`, `package` and `none`, or the file of an adapter": (
        ["auto", "none"],
        ["package", "sideways", 7, False],  # for the model of the tests no adapter comes with the package
    ),
    "true or false": ([True, False], ["yes", 1, None]),
    "a list of texts": ([[], ["one", "other"]], ["one", [1], None]),
    "ascending layer numbers, from 0": ([[0], [0, 2]], [[2, 0], [1, 1], [-1], [0.5], 1, [99]]),
    "the name `negations`, or a list of words of one piece each": (
        ["negations", [], ["not", "never"]],
        ["not", ["two words"], [1], 5, ["antidisestablishment"]],
    ),
    "true, false, or one of them for each of some entities": ([True, False, {"address": False}], [None, {"a": 1}]),
}


def values(allowed):
    """Values that the page allows and values that it does not, from its words."""
    words, nothing = re.fullmatch(r"(.+?)(,? or nothing)?", allowed).groups()
    if numbers := NUMBER.match(words):
        taken, refused = of_numbers(*numbers.groups())
    elif words.startswith("`"):
        taken, refused = [choice.strip("` ") for choice in words.split(",")], ["sideways", 7]
    else:
        taken, refused = IN_WORDS[words]
    return ([*taken, None], refused) if nothing else (taken, [*refused, None])


def of_numbers(whole, low, above, below, high):
    """Values at the ends of a range and beside them."""
    taken, refused = [], ["many", True, 0.5 if whole else math.nan]
    for end, sign, inwards in ((low, above, 1), (high, below, -1)):
        if end is not None:
            edge = int(end) if whole else float(end)
            step = inwards * (1 if whole else 1e-6 * max(abs(edge), 1e-3))
            taken.append(edge + step)
            refused.append(edge - step)
            (taken if sign == "≤" else refused).append(edge)
    return taken, refused


@pytest.mark.parametrize("component", COMPONENTS)
def test_it_lists_the_options_of_a_component_and_no_others(component):
    listed = [option.strip("`") for name, option, *_ in ROWS if name == component.__name__]
    assert sorted(listed) == sorted(component.get_default_config())


@pytest.mark.parametrize(("component", "option", "default", "allowed"), ROWS, ids=IDS)
def test_the_default_is_the_component_s(component, option, default, allowed):
    said = None if default == "nothing" else yaml.safe_load(default.strip("`"))
    real = BY_NAME[component].get_default_config()[option.strip("`")]
    assert said == real and type(said) in (type(real), int)


@pytest.mark.parametrize(("component", "option", "default", "allowed"), ROWS, ids=IDS)
def test_what_is_allowed_is_taken_and_the_rest_is_refused(component, option, default, allowed, model):
    taken, refused = values(allowed)
    for value in taken:
        use(BY_NAME[component], {option.strip("`"): value}, model)
    for value in refused:
        with pytest.raises(InvalidConfigException):
            use(BY_NAME[component], {option.strip("`"): value}, model)


def test_it_lists_the_options_of_diet_that_are_ignored():
    assert set(re.findall(r"`(\w+)`", SECTIONS["Options of DIET"].split("\n\n")[-1])) == DIET_ONLY
