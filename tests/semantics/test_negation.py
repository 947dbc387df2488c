"""The sentences of our own."""

from benchmarks.semantics import negation


def test_each_intent_is_taught_ten_sentences_and_judged_by_others():
    taught, pairs = negation.taught(), negation.judged()
    assert len(taught.known) == 2 * len(negation.ACTIONS) == 40
    assert all(taught.intents.count(intent) == 10 for intent in taught.known)
    assert not set(taught.texts) & set(pairs.messages.texts)
    assert len(set(pairs.messages.texts)) == len(pairs.messages) == 20 * 5 * 4 * 2


def test_a_pair_is_of_one_action_and_its_negation():
    pairs = negation.judged()
    for number in range(0, len(pairs.messages), 2):
        assert pairs.negated[number : number + 2] == (False, True)
        assert pairs.actions[number] == pairs.actions[number + 1] and pairs.kinds[number] == pairs.kinds[number + 1]
        plain, negated = pairs.messages.intents[number : number + 2]
        assert (plain, negated) == (pairs.actions[number], f"do not {plain}")
