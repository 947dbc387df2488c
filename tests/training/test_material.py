import pytest

from rasa_token_pruning.evaluation.labelled import Labelled
from rasa_token_pruning.training.errors import TrainingError
from rasa_token_pruning.training.material import (
    pairs_of_views,
    pairs_with_names,
    pairs_within_intents,
    read_paraphrases,
    read_texts,
)
from rasa_token_pruning.training.variation import varied

POOL = Labelled(("a", "b", "c", "x", "y", "lonely"), ("one", "one", "one", "two", "two", "three"))


def test_each_message_is_once_on_each_side_of_a_pair_of_its_intent():
    pairs, lonely = pairs_within_intents(POOL, at_most=50, seed=0)
    assert sorted(pairs.anchors) == sorted(pairs.positives) == ["a", "b", "c", "x", "y"]
    intent_of = dict(zip(POOL.texts, POOL.intents, strict=True))
    for anchor, positive, intent in zip(pairs.anchors, pairs.positives, pairs.intents, strict=True):
        assert anchor != positive and intent_of[anchor] == intent_of[positive] == intent
    assert lonely == ["three"]


def test_of_an_intent_no_more_are_used_than_wanted_and_order_does_not_matter():
    pairs, _ = pairs_within_intents(POOL, at_most=2, seed=3)
    assert len(pairs) == 4
    backwards = Labelled(POOL.texts[::-1], POOL.intents[::-1])
    assert pairs_within_intents(backwards, at_most=2, seed=3)[0] == pairs


def test_without_two_messages_of_an_intent_there_is_nothing_to_learn():
    with pytest.raises(TrainingError, match="No intent has two messages, of 2"):
        pairs_within_intents(Labelled(("a", "b"), ("one", "two")), at_most=2, seed=0)


def test_views_are_the_text_itself():
    pairs = pairs_of_views(["a", "b"])
    assert pairs.anchors == pairs.positives == ("a", "b") and pairs.intents is None


def test_paraphrases_are_read_and_rows_without_one_left_out(tmp_path):
    file = tmp_path / "pairs.csv"
    file.write_text('text,paraphrase\n"hi, you",hello\nbye,\n,nothing\n', encoding="utf-8")
    pairs = read_paraphrases(file)
    assert (pairs.anchors, pairs.positives) == (("hi, you",), ("hello",))


@pytest.mark.parametrize("content", [b"text,intent\na,b\n", b"\xff", b"text,paraphrase\n"])
def test_what_holds_no_paraphrases_is_refused(tmp_path, content):
    file = tmp_path / "pairs.csv"
    file.write_bytes(content)
    with pytest.raises(TrainingError, match=r"pairs.csv .*paraphrase"):
        read_paraphrases(file)


def test_texts_come_from_lines_and_from_labelled_messages_each_once(tmp_path, tasks):
    (tmp_path / "lines.txt").write_text("zebra\n\n  hello \nzebra\n", encoding="utf-8")
    texts = read_texts([tmp_path / "lines.txt", tasks["desk"]])
    assert texts == sorted(set(texts)) and {"zebra", "hello", "book a room"} <= set(texts)
    assert read_texts([tasks["desk"], tmp_path / "lines.txt"]) == texts


def test_files_without_texts_are_refused(tmp_path):
    (tmp_path / "empty.txt").write_text("\n", encoding="utf-8")
    with pytest.raises(TrainingError, match="no texts"):
        read_texts([tmp_path / "empty.txt"])
    with pytest.raises(TrainingError, match=r"missing.txt cannot be read"):
        read_texts([tmp_path / "missing.txt"])


def test_made_up_messages_are_many_different_and_the_same_for_one_seed():
    texts = ["reset my password, please!", "a"]
    made = varied(texts, 200, seed=1)
    assert len(made) == 200 and all(made) and len(set(made)) > 50
    assert varied(texts, 200, seed=1) == made != varied(texts, 200, seed=2)


def test_a_name_is_paired_with_the_messages_of_its_intent():
    pool = Labelled(
        ("my password", "lost my password", "hello", "?"), ("reset_password", "reset_password", "greet", "!")
    )
    pairs = pairs_with_names(pool, at_most=50, seed=0)
    found = set(zip(pairs.anchors, pairs.positives, pairs.intents, strict=True))
    assert found == {
        ("my password", "reset password", "reset_password"),
        ("lost my password", "reset password", "reset_password"),
        ("hello", "greet", "greet"),
    }
    assert len(pairs_with_names(pool, at_most=1, seed=0)) == 2


def test_names_that_say_nothing_make_no_pairs():
    assert pairs_with_names(Labelled(("a", "b"), ("!", "?")), at_most=2, seed=0) is None
