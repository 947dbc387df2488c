"""What a user wrote is text and nothing else."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_token_pruning.reporting.markup import Markup, clean, intent, said, tag


class Reader(HTMLParser):
    """The tags, attributes and texts of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


@given(st.text())
def test_any_text_is_shown_as_it_is_and_makes_no_tag(text):
    read = Reader(tag("p", said(text), title=text))
    assert read.tags == ["p", "bdi"]
    assert read.text == clean(text)
    assert dict(read.attributes)["title"] == clean(text)


@given(st.text())
def test_a_name_is_shown_as_it_is_and_may_break(text):
    read = Reader(intent(text))
    assert set(read.tags) <= {"bdi", "wbr"} and read.text == clean(text)


@pytest.mark.parametrize("text", ["\x00", "a\x1bb", "\ud800", "\u202ereversed", "\x85", "\ufffe"])
def test_what_is_no_text_is_replaced(text):
    assert "\ufffd" in clean(text)
    assert tag("p", text).encode("utf-8")


@pytest.mark.parametrize("text", ["tab\tand\nline", "Übung 你好 🙂", "שלום", "a & b < c"])
def test_text_of_any_language_stays(text):
    assert clean(text) == text


def test_attributes():
    made = tag("input", type="range", hidden=True, checked=False, value=None, data_width=1.5, for_="a", class_='"')
    assert made == '<input type="range" hidden data-width="1.5" for="a" class="&quot;">'


def test_elements_stand_in_elements():
    assert tag("ul", *(tag("li", text) for text in "a<")) == "<ul><li>a</li><li>&lt;</li></ul>"
    assert tag("p", ["one ", tag("b", "two")], Markup("<br>")) == "<p>one <b>two</b><br></p>"
