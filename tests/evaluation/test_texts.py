import pytest

from rasa_token_pruning.evaluation.texts import TextsError, mixed, of_length, read_texts


def count(text):
    return len(text.split()) + 2


def test_without_a_file_the_packages_own_messages():
    assert len(read_texts(None)) == 240


def test_a_csv_file_and_a_file_of_lines(tmp_path):
    texts = [f"message number {number}, please" for number in range(25)]
    table, lines = tmp_path / "a.csv", tmp_path / "a.txt"
    table.write_text("intent,text\n" + "".join(f'x,"{text}"\n' for text in [*texts, texts[0]]))
    lines.write_text("\n\n".join(texts) + "\n")
    assert read_texts(table) == read_texts(lines) == texts


def test_what_excel_writes_is_read(tmp_path):
    texts = [f"message number {number}" for number in range(25)]
    (tmp_path / "A.CSV").write_text("text,intent\n" + "".join(f"{text},x\n" for text in texts), encoding="utf-8-sig")
    assert read_texts(tmp_path / "A.CSV") == texts


@pytest.mark.parametrize(
    "name, content",
    [
        ("a.csv", b"sentence\nhello\n"),
        ("a.csv", b"text\nhel\0lo\n"),
        ("a.txt", b"one\ntwo\n"),
        ("a.txt", b"\xff\xfe\x00"),
        ("b", None),
    ],
)
def test_files_that_are_of_no_use(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(TextsError, match=r"(give a CSV file|at least 20)"):
        read_texts(tmp_path / name)


@pytest.mark.parametrize("length", [5, 15, 60, 250])
def test_messages_of_a_length(length):
    texts = [" ".join(["word"] * number) + str(number) for number in range(1, 12)]
    found = of_length(texts, count, length, 20)
    assert found and len(set(found)) == len(found)
    assert all(0.9 * length <= count(text) <= 1.1 * length for text in found)


def test_no_message_is_short_enough():
    assert of_length(["one two three four five six seven eight nine ten"], count, 5, 3) == []


def test_of_a_length_that_the_encoder_does_not_read_there_are_none():
    texts = [" ".join(["word"] * number) + str(number) for number in range(1, 12)]
    assert of_length(texts, lambda text: min(count(text), 40), 60, 20) == []
    assert len(of_length(texts, lambda text: min(count(text), 40), 30, 5)) == 5


def test_mixed_messages_have_all_lengths():
    found = mixed(["a b", "c d e"], 50)
    lengths = {len(text.split()) for text in found}
    assert len(found) == 50 and min(lengths) <= 3 and max(lengths) >= 32
    assert found == mixed(["a b", "c d e"], 50)
