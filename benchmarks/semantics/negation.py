"""An assistant whose intents differ by a negation: each action, and the same action declined. All sentences are ours.

Data sets of intents have none that only a negation tells apart, so that on them a negation may go unnoticed. Here all
depend on it. Ten frames teach each intent; others, longer, are judged, in pairs that differ in the negation.
"""

from __future__ import annotations

from dataclasses import dataclass

from rasa_token_pruning.evaluation.labelled import Labelled

# What is to be done, and doing it.
ACTIONS = {
    "cancel my order": "cancelling my order",
    "book the meeting room": "booking the meeting room",
    "renew my subscription": "renewing my subscription",
    "share my address": "sharing my address",
    "open the garage door": "opening the garage door",
    "delete my account": "deleting my account",
    "send the invoice": "sending the invoice",
    "record the call": "recording the call",
    "turn on the heating": "turning on the heating",
    "accept the offer": "accepting the offer",
    "extend the warranty": "extending the warranty",
    "replace the engine": "replacing the engine",
    "block my card": "blocking my card",
    "move the appointment": "moving the appointment",
    "change my password": "changing my password",
    "install the update": "installing the update",
    "pay by direct debit": "paying by direct debit",
    "print the tickets": "printing the tickets",
    "invite my manager": "inviting my manager",
    "publish the report": "publishing the report",
}

_TAUGHT = (
    "{do}", "please {do}", "i want to {do}", "could you {do} for me", "i would like to {do}", "go ahead and {do}",
    "yes, {do}", "let us {do} today", "it is time to {do}", "i decided in favour of {doing}",
)  # fmt: skip
_TAUGHT_NEGATED = (
    "do not {do}", "please don't {do}", "i do not want to {do}", "could you not {do}", "i would rather not {do}",
    "never {do}", "no, do not {do}", "let us not {do} today", "it is not time to {do}", "i decided against {doing}",
)  # fmt: skip

# By kind of negation: pairs of what is said and its negation.
PAIRS = {
    "not": (
        ("after thinking about it for a while i do want to {do} this week",
         "after thinking about it for a while i do not want to {do} this week"),
        ("my husband and i agreed that you should {do} before the end of the month",
         "my husband and i agreed that you should not {do} before the end of the month"),
        ("i looked at the mail that you sent me on monday, please do {do}",
         "i looked at the mail that you sent me on monday, please do not {do}"),
        ("hello, this is about our talk yesterday: it is right to {do} now, thank you",
         "hello, this is about our talk yesterday: it is not right to {do} now, thank you"),
    ),
    "n't": (
        ("i talked it over with my family and i want you to {do}",
         "i talked it over with my family and i don't want you to {do}"),
        ("whatever my colleague told you last week, you should {do}",
         "whatever my colleague told you last week, you shouldn't {do}"),
        ("good morning, i think we will {do} this time, have a nice day",
         "good morning, i think we won't {do} this time, have a nice day"),
        ("there is enough time left, so do {do} until you hear from me",
         "there is enough time left, so don't {do} until you hear from me"),
    ),
    "never": (
        ("as i told your colleague on the phone yesterday, i always wanted to {do}",
         "as i told your colleague on the phone yesterday, i never wanted to {do}"),
        ("in the future you should always {do} on my behalf, even if somebody calls",
         "in the future you should never {do} on my behalf, even if somebody calls"),
        ("there must be some mistake in my file, i did ask you to {do}",
         "there must be some mistake in my file, i never asked you to {do}"),
        ("please write down in your notes that you may always {do} when i am away",
         "please write down in your notes that you may never {do} when i am away"),
    ),
    "without": (
        ("please finish what we talked about this morning by {doing}",
         "please finish what we talked about this morning without {doing}"),
        ("hi there, i would like to go on with {doing}, if that can be done",
         "hi there, i would like to go on without {doing}, if that can be done"),
        ("we can close this old request of mine after {doing}, i believe",
         "we can close this old request of mine without {doing}, i believe"),
        ("is it possible to continue from here with {doing}, as my friend did",
         "is it possible to continue from here without {doing}, as my friend did"),
    ),
    "no longer": (
        ("the situation at home has changed a lot and i now wish to {do}",
         "the situation at home has changed a lot and i no longer wish to {do}"),
        ("sorry for the trouble, but it is now necessary to {do}, as far as i can see",
         "sorry for the trouble, but it is no longer necessary to {do}, as far as i can see"),
        ("my plans for the summer are different, there is a need to {do}",
         "my plans for the summer are different, there is no need to {do}"),
        ("i have slept on it, and there is every reason to {do} as things are",
         "i have slept on it, and there is no reason to {do} as things are"),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Pairs:
    """What is judged.

    :param messages: The messages with their intents.
    :param kinds: The kind of negation of each.
    :param negated: Whether each has it.
    :param actions: The action of each, which is drawn together with all others of it.
    """

    messages: Labelled
    kinds: tuple[str, ...]
    negated: tuple[bool, ...]
    actions: tuple[str, ...]


def taught() -> Labelled:
    """What the assistant learns from: ten examples of each intent."""
    rows = [
        (frame.format(do=do, doing=doing), _intent(do, negated))
        for do, doing in ACTIONS.items()
        for negated, frames in ((False, _TAUGHT), (True, _TAUGHT_NEGATED))
        for frame in frames
    ]
    return Labelled(tuple(text for text, _ in rows), tuple(intent for _, intent in rows))


def judged() -> Pairs:
    """All pairs for all actions, what is said and then its negation."""
    rows = [
        (frame.format(do=do, doing=doing), _intent(do, negated), kind, negated, do)
        for kind, pairs in PAIRS.items()
        for pair in pairs
        for do, doing in ACTIONS.items()
        for negated, frame in zip((False, True), pair, strict=True)
    ]
    texts, intents, kinds, negations, actions = zip(*rows, strict=True)
    return Pairs(Labelled(texts, intents), kinds, negations, actions)


def _intent(action: str, negated: bool) -> str:
    return f"do not {action}" if negated else action
