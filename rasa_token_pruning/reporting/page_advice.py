"""The beginning of the page, in plain words: how good it is, and what to do first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from rasa_token_pruning.reporting.facts import FROM_FILE, FROM_HELD_OUT, FROM_INTENT, Facts, Outside
from rasa_token_pruning.reporting.markup import Child, Markup, intent, joined, said, tag
from rasa_token_pruning.reporting.todo import ADD, KEEP_ONE, MOVE, SEPARATE, Task
from rasa_token_pruning.reporting.words import intents, listed, number, of_hundred, paragraph

_FIRST, _MOST = 10, 200  # tasks that are shown at once, and at all
_NAMED, _EXAMPLES = 5, 6  # intents in a sentence, examples of a task
_LABELS = {KEEP_ONE: "Keep once", SEPARATE: "Merge or tell apart", MOVE: "Move", ADD: "Add examples"}


def in_short(facts: Facts) -> Markup:
    """How good it is."""
    now = facts.inside.outcomes(facts.threshold)
    right, wrong, again = of_hundred((now.right, now.wrong, now.again))
    tiles = [_tile(right, "answered rightly", "right"), _tile(wrong, "answered wrongly", "wrong")]
    tiles.append(_tile(again, "asked again", "again"))
    lines = [
        paragraph(
            "Of 100 messages like your examples, the assistant would answer ",
            tag("strong", f"{right} rightly"),
            " and ",
            tag("strong", f"{wrong} wrongly"),
            f", and for {again} it would ask the user to say it again. "
            "Each example was judged by what the others teach. The assistant that you train knows them all and does "
            "better, as long as your users write as in your examples.",
        )
    ]
    if facts.outside:
        then = facts.outside.crowd.outcomes(facts.threshold)
        through = of_hundred((then.wrong, then.again))[0]
        tiles.append(_tile(through, "let through that should not be answered", "through"))
        text = f"Of 100 messages that it should not answer, it would answer {through}. "
        lines.append(paragraph(text, _origin(facts.outside)))
    else:
        lines.append(
            paragraph(
                "What it does with messages that it should not answer is not known: there are no examples of them, and "
                "too few intents to hold some out. Write such messages into a file, one a line, and make the report "
                "with ",
                tag("code", "--out-of-scope FILE"),
                ".",
            )
        )
    single = [row.name for row in facts.intents if row.examples == 1]
    if single:
        lines.append(paragraph(_single(single)))
    lines += [paragraph(tag("strong", "Note: "), note) for note in facts.about.notes]
    return tag("section", tag("h2", "In short"), tag("ul", *tiles, class_="tiles"), *lines, id="short")


def _tile(share: int, name: str, kind: str) -> Markup:
    return tag("li", tag("span", str(share), class_="big"), " of 100 ", tag("span", name), class_=f"tile {kind}")


def _origin(outside: Outside) -> Markup:
    """Where messages that should not be answered are from, and what that means."""
    total = number(outside.crowd.outcomes(0).total, "message", "messages")
    if outside.source != FROM_HELD_OUT:
        return joined([f"Judged by {total}: ", named(outside), "."])
    return joined(
        [
            f"You gave no such messages. So intents were hidden in turn, and their {total} given to an assistant that "
            "had never heard of them. That is hard, for they sound like the others; messages about something else "
            "altogether are caught more often. For a truer figure give messages of your own with ",
            tag("code", "--out-of-scope FILE"),
            ".",
        ]
    )


def named(outside: Outside) -> Markup:
    """Messages that should not be answered, in a few words."""
    if outside.source == FROM_FILE:
        return joined(["what is in ", *map(said, outside.names)])
    if outside.source == FROM_INTENT:
        return joined(["your examples of ", intents(outside.names)])
    return Markup("examples of intents that were hidden in turn")


def _single(names: Sequence[str]) -> Markup:
    shown = [intent(name) for name in names[:_NAMED]]
    rest = [f"{len(names) - _NAMED} more"] if len(names) > _NAMED else []
    head = number(len(names), "intent has", "intents have")
    return joined([f"{head} a single example, and hardly a chance: ", listed([*shown, *rest]), "."])


def to_do(facts: Facts) -> Markup:
    """What to do first."""
    tasks = facts.tasks
    if not tasks:
        text = "Nothing stands out: no example looks misplaced, no intents are taken for each other."
        return tag("section", tag("h2", "What to fix first"), paragraph(text), id="fix")
    first = list(dict.fromkeys(name for task in tasks for name in task.intents))[:_NAMED]
    parts = [
        tag("h2", "What to fix first"),
        paragraph("Start with ", intents(first), ". What brings most stands first. Make the report again afterwards."),
        tag("ol", *map(_task, tasks[:_FIRST]), class_="tasks"),
    ]
    if len(tasks) > _FIRST:
        rest = tasks[_FIRST:_MOST]
        more = [tag("summary", f"{len(tasks) - _FIRST} more")]
        more.append(tag("ol", *map(_task, rest), class_="tasks", start=str(_FIRST + 1)))
        if len(tasks) > _MOST:
            more.append(paragraph(f"{len(tasks) - _MOST} more are not shown: do these first."))
        parts.append(tag("details", *more))
    return tag("section", *parts, id="fix")


def _task(task: Task) -> Markup:
    title, reason, advice = _WORDS[task.kind](task)
    return tag(
        "li",
        tag("h3", title, " ", tag("span", _LABELS[task.kind], class_=f"label {task.kind}")),
        paragraph(reason) if reason else "",
        _examples(task),
        paragraph(tag("strong", "Do: "), advice, class_="do"),
        class_="task",
    )


def _examples(task: Task) -> Markup:
    rows = list(zip(task.texts, task.given, task.read_as, strict=True))
    lines = [tag("li", _example(task.kind, *row)) for row in islice(rows, _EXAMPLES)]
    if len(rows) > _EXAMPLES:
        lines.append(tag("li", f"and {len(rows) - _EXAMPLES} more"))
    return tag("ul", *lines, class_="examples") if lines else Markup("")


def _example(kind: str, text: str, given: str, read_as: str) -> Markup:
    if kind == KEEP_ONE:
        return joined([said(text), " in ", intent(given)])
    if given == read_as:
        return joined([said(text), " is understood, but not surely"])
    origin = [" of ", intent(given)] if kind == SEPARATE else []
    return joined([said(text), *origin, " is understood as ", intent(read_as)])


def _keep_one(task: Task) -> tuple[Child, Child, Child]:
    return (
        joined(["The same text is in ", intents(task.intents)]),
        "No assistant can tell which of them is meant.",
        "keep it in the intent where it belongs, and delete it from the others.",
    )


def _separate(task: Task) -> tuple[Child, Child, Child]:
    return (
        joined([intents(task.intents), " are taken for each other"]),
        f"{len(task.texts)} of their {task.examples} examples are understood as the other:",
        "if the assistant may give both the same answer, merge them into one intent. If not, move what stands in the "
        "wrong one, and add examples to each that can only mean that one.",
    )


def _move(task: Task) -> tuple[Child, Child, Child]:
    given, other = task.intents
    return (
        joined(["An example of ", intent(given), " looks like ", intent(other)]),
        "",
        joined(["move it to ", intent(other), ". If it belongs to ", intent(given), ", add examples like it there."]),
    )


def _add(task: Task) -> tuple[Child, Child, Child]:
    (name,) = task.intents
    wrong = sum(given != read_as for given, read_as in zip(task.given, task.read_as, strict=True))
    unsure = len(task.texts) - wrong
    reasons = [f"it has {number(task.examples, 'example', 'examples')}"]
    if wrong:
        reasons.append(f"{number(wrong, 'is', 'are')} understood as something else")
    if unsure:
        reasons.append(f"{number(unsure, 'is', 'are')} understood, but not surely enough to be answered")
    sentence = listed(reasons)
    end = ":" if task.texts else "."
    return (
        joined([intent(name), " needs more examples"]),
        f"{sentence[0].upper()}{sentence[1:]}{end}",
        f"add three to five messages as your users write them{', some of them like these.' if task.texts else '.'}",
    )


_WORDS = {KEEP_ONE: _keep_one, SEPARATE: _separate, MOVE: _move, ADD: _add}
