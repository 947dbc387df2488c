"""The page: one file that asks nothing of any other."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

from rasa_token_pruning.reporting import page_advice, page_intents, page_pruning, page_sureness
from rasa_token_pruning.reporting.errors import ReportError
from rasa_token_pruning.reporting.facts import About, Facts
from rasa_token_pruning.reporting.markup import Child, Markup, joined, said, tag
from rasa_token_pruning.reporting.words import number, paragraph

_FOLDER = Path(__file__).resolve().parent
_MARK = "<!doctype html><!-- rasa-token-pruning report -->"
_CONTENTS = (
    ("short", "In short"),
    ("fix", "What to fix first"),
    ("all", "All intents"),
    ("pairs", "Intents taken for each other"),
    ("threshold", "When it asks again"),
    ("confidence", "How sure it is"),
    ("pruning", "Pruning"),
    ("changes", "Changed by pruning"),
    ("method", "How this was measured"),
)


def page_of(facts: Facts) -> str:
    """The whole page.

    :raises FigureError: If matplotlib is not installed.
    """
    style, script = (Markup((_FOLDER / name).read_text(encoding="utf-8")) for name in ("page.css", "page.js"))
    title = f"How well does {facts.about.name} understand?"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(script)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("link", rel="icon", href="data:,"),
        tag("title", title),
        tag("style", style),
    )
    body = tag("body", *_body(facts), tag("script", script))
    return f"{_MARK}\n{tag('html', head, body, lang='en')}\n"


def write_page(page: str, file: Path) -> None:
    """Write a page whole, or not at all. A report that an earlier run has written is replaced.

    :raises ReportError: If there is something else under the name.
    """
    check_free(file)
    partial = file.with_name(f"{file.name}.partial")
    partial.write_text(page, encoding="utf-8")
    os.replace(partial, file)


def check_free(file: Path) -> None:
    """:raises ReportError: If under the name there is something that is no report of ours, or no folder for it."""
    if not file.parent.is_dir():
        raise ReportError(f"{file.parent} is no folder: name a file in one that is there with --output.")
    if not file.exists():
        return
    if not file.is_file() or not file.read_bytes().startswith(_MARK.encode()):
        raise ReportError(f"{file} exists and is no report: name another file with --output.")


def _policy(script: str) -> str:
    """Nothing from outside, and no script but ours; drawings bring styles of their own."""
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _body(facts: Facts) -> list[Child]:
    links = [tag("li", tag("a", text, href=f"#{name}")) for name, text in _CONTENTS]
    return [
        tag("a", "To the report", href="#main", class_="skip"),
        tag(
            "header",
            tag("h1", "How well does ", said(facts.about.name), " understand?"),
            paragraph(
                f"A report on {number(facts.about.messages, 'example', 'examples')} of "
                f"{number(facts.about.intents, 'intent', 'intents')}, made {facts.about.made['date']}."
            ),
        ),
        tag("nav", tag("ul", *links), aria_label="Contents"),
        tag(
            "main",
            page_advice.in_short(facts),
            page_advice.to_do(facts),
            page_intents.every_intent(facts),
            page_intents.taken_for_each_other(facts),
            page_sureness.threshold(facts),
            page_sureness.confidence(facts),
            page_pruning.pruning(facts),
            page_pruning.changed_answers(facts),
            _method(facts.about),
            id="main",
            tabindex="-1",
        ),
    ]


def _method(about: About) -> Markup:
    machine = about.made["machine"]
    lines: list[Child] = [
        f"Cross-validation: the examples were held out in {about.folds} parts in turn, and each part was given to an "
        f"assistant that had learnt from the rest (seed {about.seed}). Where the examples of an intent are "
        "much alike, your users' messages are harder than these.",
        "A sub-intent, as in faq/hours, counts as an intent here. How sure it is, is of the whole retrieval intent, as "
        "in Rasa.",
        joined(["Messages: ", said(about.data), ". Config: ", said(about.config or "none"), "."]),
        joined(["Encoder: ", said(about.model), f", {about.precision}."]),
        f"rasa-token-pruning {about.made['version']}, Python {machine['python']}, {machine['processor']}, "
        f"{machine['cores']} cores. Times depend on the machine and on what else it does.",
        "Your messages are in this file. It asks nothing of the network and sends nothing.",
    ]
    items = tag("ul", *(tag("li", line) for line in lines))
    return tag("section", tag("h2", "How this was measured"), items, id="method")
