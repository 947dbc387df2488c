"""Tests of fewshot/names.py."""

from __future__ import annotations

from string import ascii_letters, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_token_pruning.fewshot.names import base_intent, last_part, name_as_text, outside_scope


@pytest.mark.parametrize(
    ("intent", "text"),
    [
        ("reset_password", "reset password"),
        ("resetPassword", "reset password"),
        ("ResetPassword", "reset password"),
        ("reset-password", "reset password"),
        ("reset.password", "reset password"),
        ("RESET_PASSWORD", "reset password"),
        ("  reset   password ", "reset password"),
        ("faq/reset_password", "faq reset password"),
        ("chitchat/askName", "chitchat ask name"),
        ("__reset__password__", "reset password"),
        ("order66Status", "order66 status"),
        ("setup2FA", "setup2 fa"),
        ("VPN", "vpn"),
        ("greet", "greet"),
        ("passwort_zurücksetzen", "passwort zurücksetzen"),
        ("größe_ändern", "größe ändern"),
        ("重置_密码", "重置 密码"),
        ("сбросить_пароль", "сбросить пароль"),
    ],
)
def test_a_name_becomes_its_words(intent, text):
    assert name_as_text(intent) == text


@pytest.mark.parametrize("intent", ["", " ", "_", "__/--", "?!", "\n"], ids=repr)
def test_a_name_without_words_becomes_empty(intent):
    assert name_as_text(intent) == ""


@given(st.text())
def test_words_are_separated_by_single_spaces(intent):
    text = name_as_text(intent)
    assert text == " ".join(text.split())
    assert "_" not in text


@given(st.text(ascii_letters + digits + "_-/. "))
def test_no_letter_is_lost_and_a_text_stays_as_it_is(intent):
    text = name_as_text(intent)
    assert [sign for sign in text if sign.isalnum()] == [sign for sign in intent.lower() if sign.isalnum()]
    assert name_as_text(text) == text


@pytest.mark.parametrize(
    ("intent", "base", "last"),
    [("greet", "greet", "greet"), ("faq/opening_hours", "faq", "opening_hours"), ("a/b/c", "a", "c"), ("", "", "")],
)
def test_of_a_sub_intent_rasa_shows_the_first_part_and_the_last_says_most(intent, base, last):
    assert (base_intent(intent), last_part(intent)) == (base, last)


def test_messages_that_belong_to_none_have_the_intent_or_the_retrieval_intent_of_that_name():
    intents = ["chat", "faq/chat", "oos/a", "oos/b"]
    for name, found in ((None, []), ("chat", ["chat"]), ("oos", ["oos/a", "oos/b"]), ("oos/b", ["oos/b"]), ("x", [])):
        assert [intent for intent, is_one in zip(intents, outside_scope(intents, name), strict=True) if is_one] == found
