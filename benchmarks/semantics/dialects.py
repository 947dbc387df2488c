"""English of other places and of people who have learnt it, by rules that leave the request as it is.

Each rule is a feature that the electronic World Atlas of Varieties of English (Kortmann, Lunkenheimer and Ehret 2020)
or the research on learners describes for the variety: a text with one or two features in it, not how a person speaks.
The way of doing it is that of Multi-VALUE (Ziems et al. 2022, arXiv 2212.08011), with far fewer rules.
"""

from __future__ import annotations

import re
from functools import partial
from random import Random
from types import MappingProxyType

from benchmarks.semantics.substitutions import Change, applied, rules

_MODAL = "can|could|do|did|should|will|would"

# Copula left out, ain't, invariant don't, negative concord, no -s in the third person, finna and gonna.
_AFRICAN_AMERICAN = {
    r"(?:isn't|aren't|hasn't|haven't|am not|is not|are not)": "ain't", "doesn't": "don't", "does not": "don't",
    r"(don't|didn't|can't|ain't|couldn't) (?:have|get|got|see) any": r"\1 got no",
    r"(?:is|are) (\w+ing)": r"\1", r"(you|we|they|he|she) (?:is|are)": r"\1", "you're": "you", "they're": "they",
    r"going to (\w+)": r"finna \1", "want to": "wanna", r"does (my|the|it|he|she)": r"do \1",
}  # fmt: skip
# Fixing to, y'all, double modals, liketa, done as a perfect.
_SOUTHERN_US = {
    "going to": "fixin' to", "you": "y'all", "could": "might could", "about to": "fixin' to",
    r"has (\w+ed)": r"done \1", r"have (\w+ed)": r"done \1", "over there": "over yonder", "really": "right",
}  # fmt: skip
# Progressive of states, kindly, only for emphasis, do the needful, revert.
_INDIAN = {
    "i want": "i am wanting", "i need": "i am needing", "i have": "i am having", "i know": "i am knowing",
    "i understand": "i am understanding", "i think": "i am thinking", "i see": "i am seeing", "please": "kindly",
    "do you have": "are you having", "(?<!kindly )(tell|show|give) me": r"kindly \1 me", "help me": "do the needful",
    "reply": "revert back", "today": "today itself", "now": "now only", "discuss": "discuss about",
}  # fmt: skip
# No articles, no copula, already as a perfect; a particle at the end.
_SINGAPORE = {
    r"(?:a|an|the) (\w+)": r"\1", r"(?:is|are) (\w+ing)": r"\1", "do you have": "you got", "is there": "got",
    "are there": "got", r"i have (\w+ed)": r"i \1 already", r"can i ([^.?!]+)": r"i can \1 or not", "very": "damn",
}  # fmt: skip
# -nae, ye, wee, aye, outwith, a perfect with after.
_SCOTTISH_IRISH = {
    "don't": "dinnae", "can't": "cannae", "cannot": "cannae", "didn't": "didnae", "doesn't": "disnae", "isn't": "isnae",
    "won't": "willnae", "haven't": "havenae", "hasn't": "hasnae", "small": "wee", "little": "wee", "you": "ye",
    "your": "yer", "yes": "aye", r"i have just (\w+)": r"i'm after \1", r"i just (\w+ed)": r"i'm just after \1",
    "my": "ma", "outside": "outwith", "know": "ken",
}  # fmt: skip
# Of Nigerian English and Pidgin: abeg, wetin, dey, no for not, go for will, wan.
_NIGERIAN = {
    "please": "abeg", "what is": "wetin be", "what's": "wetin be", "what are": "wetin be", "what": "wetin",
    r"how (?:do|can) i": "how i go take", r"(?:don't|doesn't|didn't|do not|does not)": "no", "can't": "no fit",
    "cannot": "no fit", "want to": "wan", "will": "go", r"(?:is|are) (\w+ing)": r"dey \1", "there is": "e get",
    "is there": "e get", "know": "sabi", "food": "chop", "where is": "where", "you guys": "una",
}  # fmt: skip
# First languages without articles: Russian, Polish, Mandarin, Japanese and many others.
_NO_ARTICLES = {r"(?:a|an|the) (\w+)": r"\1"}
# Endings left out: third person, plural, past.
_NO_ENDINGS = {
    r"(my|the|it|he|she|card|app|account|payment|atm|machine) (\w{3,}[^s\W])s": r"\1 \2", "does": "do", "has": "have",
    r"(\w{2,}([lprtn]))\2ed": r"\1", r"(\w{3,}(?:[cgsuvz]|at|ir|[^\Waeo]in))ed": r"\1e", r"(\w{3,}[^\We])ed": r"\1",
    "was": "is", "were": "are", r"(\w{3,}[rtnkdl])s": r"\1",
}  # fmt: skip
# The main clause's order in questions, without do.
_STATEMENT_ORDER = {
    rf"(how|where|when|why|what) (?:{_MODAL}) (i|you|we|they)": r"\1 \2",
    r"(how|where|when|why|what) (?:does|did|do) (my|the|it) (\w+)": r"\1 \2 \3",
    r"(why|where|when|how) (is|are|was|has|have) (my|the) (\w+)": r"\1 \3 \4 \2",
    r"(can|could|should|will|would) (i|you|we)": r"\2 \1", r"(?:do|did) (i|you|we)": r"\1",
    r"is (my|the) (\w+)": r"\1 \2 is",
}  # fmt: skip
_PREPOSITIONS = ("in", "on", "at", "to", "for", "of", "with", "by", "from")
_PREPOSITION = re.compile(rf"(?<![\w'])(?:{'|'.join(_PREPOSITIONS)})(?![\w'])", re.I)


def _by(replacements: dict[str, str]) -> Change:
    known = rules(replacements)
    return lambda chance, text: applied(known, text)


def _with_particle(change: Change, particles: tuple[str, ...], chance: Random, text: str) -> str:
    """What a change makes of a text, and if it makes something of it, a particle at its end."""
    new = change(chance, text)
    if new == text:
        return text
    body = new.rstrip(" .?!")
    return f"{body} {chance.choice(particles)}{new[len(body) :]}"


def _other_prepositions(chance: Random, text: str) -> str:
    """Every preposition exchanged for another."""
    return _PREPOSITION.sub(lambda old: chance.choice([one for one in _PREPOSITIONS if one != old[0].lower()]), text)


def _each(*changes: Change) -> Change:
    def all_of_them(chance: Random, text: str) -> str:
        for change in changes:
            text = change(chance, text)
        return text

    return all_of_them


DIALECTS: MappingProxyType[str, Change] = MappingProxyType(
    {
        "African American": _by(_AFRICAN_AMERICAN),
        "Southern US": _by(_SOUTHERN_US),
        "Indian": _by(_INDIAN),
        "Singapore": partial(_with_particle, _by(_SINGAPORE), ("lah", "ah", "leh")),
        "Scottish, Irish": _by(_SCOTTISH_IRISH),
        "Nigerian": partial(_with_particle, _by(_NIGERIAN), ("o", "sha", "abeg")),
        "learner: no articles": _by(_NO_ARTICLES),
        "learner: no endings": _by(_NO_ENDINGS),
        "learner: order of statements": _by(_STATEMENT_ORDER),
        "learner: other prepositions": _other_prepositions,
        "learner: all of these": _each(_by(_STATEMENT_ORDER), _by(_NO_ARTICLES), _by(_NO_ENDINGS), _other_prepositions),
    }
)
