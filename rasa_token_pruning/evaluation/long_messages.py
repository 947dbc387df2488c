"""Messages as people write them to a company: the request in the middle of a greeting, a story and a thank-you.

Data sets hold the bare request, of about ten words. The recipe: a greeting, one to three sentences of a story, the
message as it is, none to two more sentences, a thank-you. The sentences belong to no intent and are ours; which of them
surround a message depends on the message alone.
"""

from __future__ import annotations

import random

from rasa_token_pruning.evaluation.labelled import Labelled

SHORT, LONG, LONGEST = "as written", "long", "longest"  # kinds of messages; the last are as written too

GREETINGS = (
    "Hello there,",
    "Good morning,",
    "Hi, I hope you are doing well.",
    "Good evening to whoever reads this.",
    "Hey, thanks for being there at this hour.",
    "Dear team,",
    "Hi again, it is me from last week.",
    "Hello, this is my first time writing here.",
)
STORIES = (
    "I am writing this on the train, so please forgive my typing.",
    "A friend of mine told me that you might be able to help.",
    "I tried to call earlier but the line was busy all the time.",
    "My daughter usually does these things for me, but she is away this week.",
    "I have been with you for almost six years and was always happy.",
    "It has been a long day and I would like to have this off my mind.",
    "I looked through the pages on your site and did not find an answer.",
    "My neighbour had the same thing last month and it was sorted out quickly.",
    "I am not very good with computers, so please explain it simply.",
    "We only moved here in spring and everything is still a bit new to us.",
    "I already talked to one of your colleagues, who was very friendly.",
    "I had planned to do this on Monday and then forgot about it.",
    "My phone is almost out of battery, so I will keep it short.",
    "I asked my brother first, but he did not know either.",
    "There is no great hurry, though sooner would be better for me.",
    "I wrote about this a while ago, and perhaps it got lost somewhere.",
)
THANKS = (
    "Thank you very much in advance.",
    "Thanks a lot and have a nice day!",
    "Many thanks for your help and your patience.",
    "I really appreciate it, thank you.",
    "Thanks, and best wishes to everybody.",
    "Thank you so much for taking care of this.",
)


def lengthened(messages: Labelled) -> Labelled:
    """Each message with a greeting, a story and a thank-you around it, mostly 30 to 100 word pieces; intents stay."""
    return Labelled(tuple(_around(text) for text in messages.texts), messages.intents)


def longest(messages: Labelled, count: int, without: Labelled) -> Labelled:
    """The messages with most characters, as they are written: of these all of the text may count.

    :param messages: What to choose from.
    :param count: How many at most, at least 0.
    :param without: Texts that are not to be chosen.
    """
    others = set(without.texts)
    free = [number for number, text in enumerate(messages.texts) if text not in others]
    free.sort(key=lambda number: (-len(messages.texts[number]), messages.texts[number], messages.intents[number]))
    return messages.chosen(free[:count])


def _around(text: str) -> str:
    chance = random.Random(text)  # seeded by a hash of the text that is the same in every process
    before, after = chance.randint(1, 3), chance.randint(0, 2)
    story = chance.sample(STORIES, before + after)
    request = text if text.endswith((".", "?", "!")) else f"{text}."
    return " ".join([chance.choice(GREETINGS), *story[:before], request, *story[before:], chance.choice(THANKS)])
