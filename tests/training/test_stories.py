"""Requests in the middle of a story: what stays of them, and that what they are judged by is not learnt from."""

from rasa_token_pruning.evaluation import long_messages
from rasa_token_pruning.training.stories import _asides, in_stories, some_in_stories

TEXTS = [f"please send number {number} to my office" for number in range(200)]


def test_the_request_is_in_there_as_it_is():
    told = in_stories(TEXTS, seed=0)
    assert len(told) == len(TEXTS)
    assert all(text in story for text, story in zip(TEXTS, told, strict=True))


def test_some_stand_alone_and_most_do_not():
    words = [len(story.split()) - len(text.split()) for text, story in zip(TEXTS, in_stories(TEXTS, 0), strict=True)]
    assert min(words) < 5 and max(words) > 40 and sum(count > 10 for count in words) > 120


def test_the_same_seed_tells_the_same_and_another_one_does_not():
    assert in_stories(TEXTS, 1) == in_stories(TEXTS, 1) != in_stories(TEXTS, 2)


def test_no_sentence_is_one_of_those_that_policies_are_judged_by():
    ours = {sentence for sentences in _asides().values() for sentence in sentences}
    assert len(ours) > 240
    assert not ours & {*long_messages.GREETINGS, *long_messages.STORIES, *long_messages.THANKS}


def test_no_sentence_stands_there_twice():
    ours = [sentence.lower() for sentences in _asides().values() for sentence in sentences]
    assert len(set(ours)) == len(ours)


def test_a_share_of_the_messages_gets_a_story_and_the_others_stay_as_they_are():
    texts = [f"request {number}" for number in range(200)]
    told = some_in_stories(texts, 0.3, seed=1)
    changed = sum(one != text for one, text in zip(told, texts, strict=True))
    assert 30 < changed < 80 and all(text in one for one, text in zip(told, texts, strict=True))
    assert told == some_in_stories(texts, 0.3, seed=1) != some_in_stories(texts, 0.3, seed=2)
    assert some_in_stories(texts, 0.0, seed=1) == texts
    assert some_in_stories(texts, 1.0, seed=1) == in_stories(texts, 1)
