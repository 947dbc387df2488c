"""What is read from files, compared with Rasa's own loader where they are Rasa's."""

import pytest
from rasa.shared.importers.rasa import RasaFileImporter
from rasa.shared.nlu.training_data.formats.rasa_yaml import RasaYAMLReader

from rasa_token_pruning.evaluation.labelled import Labelled, LabelledError, read_labelled
from tests.conftest import ROOT

ANNOTATED = [
    "to [paris](city)",
    "to [gay paris](city:Paris) and [back](direction) on [5/5](date)",
    'from [LA]{"entity": "city", "role": "from", "value": "Los Angeles"} please',
    'a [large]{"entity": "size", "group": "1"} [pizza]{"entity": "dish"}',
    'in [new york][{"entity": "city"}, {"entity": "state", "role": "x"}], now',
    "[all of it](x)",
    "[a](b)[c](d)",
    "[a:b](c:d:e) and (brackets) and [more brackets] and {braces}",
    "[a] (b), [](c), [d]( ), [e](:f), [g](h:), [i]{}, [j][], [k][l]",
    "[[nested](x)](y)",
    "[größe 😀](size), “quoted” and 50% [off](discount)",
    "INC[1234567](ticket_number) at 12:30",
]
LINES = """\
- plain
-no space
-  several spaces
- trailing space\t
no dash
  - further in
- - two dashes
-
- # no comment
- "in quotes"
- it's: a colon
"""


def of_rasa(messages):
    return {(message.get("text").strip(), message.get_full_intent()) for message in messages}


def read(file):
    found = read_labelled(file)
    return list(zip(found.texts, found.intents, strict=True))


@pytest.fixture
def write(tmp_path):
    """Write a file and read it."""

    def write_and_read(content, name="nlu.yml"):
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read(file)

    return write_and_read


def indented(text, by=6):
    return "".join(" " * by + line for line in text.splitlines(keepends=True))


def test_labelled():
    labelled = Labelled(("a", "b", "c"), ("y", "x", "y"))
    assert len(labelled) == 3 and labelled.known == ["x", "y"]
    assert labelled.chosen([2, 1]) == Labelled(("c", "b"), ("y", "x"))
    assert len(labelled.chosen([])) == 0


@pytest.mark.parametrize("name", ["a.csv", "a.CSV"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv(write, name, start, end):
    rows = ["id,intent,text", '1,greet,"hi, you"', '2,faq/hours,"say ""when"""', "3,size,größe 😀", '4,two,"a\nb"']
    assert write(start + end.join([*rows, ""]).encode(), name) == [
        ("hi, you", "greet"),
        ('say "when"', "faq/hours"),
        ("größe 😀", "size"),
        ("a\nb", "two"),
    ]


def test_rows_of_a_csv_file_that_lack_something_or_come_twice(write):
    rows = "text,intent\nhi,greet\nhi\n,greet\n  ,greet\nhi,\nhi, \n\nhi,greet\nhi,other\nbye,bye,more,and more\n"
    assert write(rows, "a.csv") == [("hi", "greet"), ("hi", "other"), ("bye", "bye")]


@pytest.mark.parametrize(
    "name, content",
    [
        ("a.csv", b""),
        ("a.csv", b"text,intent\n"),
        ("a.csv", b"text,intent\n,\n"),
        ("a.csv", b"text,label\nhi,greet\n"),
        ("a.csv", b"sentence,intent\nhi,greet\n"),
        ("a.csv", b"text,intent\n\xff\xfe\n"),
        ("a.csv", "text,intent\nhi,greet\n".encode("utf-16")),
        ("a.csv", b"text,intent\nh\0i,greet\n"),
        ("a.csv", b"text,intent\n" + b"x" * 200_000 + b",greet\n"),
        ("a.txt", b"text,intent\nhi,greet\n"),
    ],
    ids=range(10),
)
def test_csv_files_that_are_of_no_use(write, name, content):
    with pytest.raises(LabelledError, match=r"a\.(csv|txt).*CSV file.*columns text and intent"):
        write(content, name)


@pytest.mark.parametrize("name", ["nowhere.csv", "nowhere.yml", "nowhere"])
def test_there_is_no_file(tmp_path, name):
    with pytest.raises(LabelledError, match="nowhere"):
        read_labelled(tmp_path / name)


def test_the_example_bot_as_rasa_reads_it():
    bot = ROOT / "example_bot"
    importer = RasaFileImporter(str(bot / "config.yml"), str(bot / "domain.yml"), [str(bot / "data")])
    found = read(bot / "data")
    assert set(found) == of_rasa(importer.get_nlu_data().nlu_examples)
    assert len(found) == len(set(found)) > 300
    assert set(found) == set(read(bot / "data" / "nlu.yml"))


@pytest.mark.filterwarnings("ignore:Issue found while processing")  # Rasa's, about lines that it skips as we do
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_annotations_and_lines_as_rasa_reads_them(write, start):
    content = start + "nlu:\n  - intent: annotated\n    examples: |\n"
    content += indented("".join(f"- {text}\n" for text in ANNOTATED))
    content += "  - intent: faq/lines\n    examples: |\n" + indented(LINES)
    found = write(content)
    assert set(found) == of_rasa(RasaYAMLReader().reads(content).training_examples) - {("", "faq/lines")}
    assert found[0] == ("to paris", "annotated") and ("plain", "faq/lines") in found
    assert found[4] == ("in new york, now", "annotated")


def test_examples_with_metadata_as_rasa_reads_them(write):
    content = """\
version: "3.1"
nlu:
- intent: faq/hours
  metadata:
    owner: me
  examples:
  - text: |
      when are [you](who) open
    metadata:
      sentiment: neutral
  - text: yes
  - text: 12:30
  - text: 2020-02-30x
  - text: "two\\nlines \\u00e9"
  - text: |
      - dashed
  - metadata: alone
- intent: empty
  examples:
- intent: none
"""
    expected = {"when are you open", "yes", "12:30", "2020-02-30x", "two\nlines é", "- dashed"}
    assert write(content) == [
        ("when are you open", "faq/hours"),
        ("yes", "faq/hours"),
        ("12:30", "faq/hours"),
        ("2020-02-30x", "faq/hours"),
        ("two\nlines é", "faq/hours"),
        ("- dashed", "faq/hours"),
    ]
    cut = content[: content.index("  - metadata: alone")]
    assert {text for text, _ in of_rasa(RasaYAMLReader().reads(cut).training_examples)} == expected


@pytest.mark.parametrize("intent", ["yes", "no", "on", "off", "y", "Größe", "a/b", "'404'", '"null"'])
def test_names_of_intents_as_rasa_reads_them(write, intent):
    content = f"nlu:\n- intent: {intent}\n  examples: |\n    - hi\n"
    assert set(write(content)) == of_rasa(RasaYAMLReader().reads(content).training_examples)


@pytest.mark.parametrize("intent", ["[a, b]", "{a: b}"])
def test_an_intent_that_is_no_text(write, intent):
    with pytest.raises(LabelledError, match=r"nlu\.yml has a (list|dict) where the name of an intent belongs"):
        write(f"nlu:\n- intent: {intent}\n  examples: |\n    - hi\n")


def test_other_sections_are_left_out(write):
    content = """\
version: "3.1"
nlu:
- synonym: laptop
  examples: |
    - notebook
- lookup: device
  examples: |
    - laptop
- regex: number
  examples: |
    - \\d+
- intent: ""
  examples: |
    - nothing
- hello
- intent: greet
  examples: |
    - hi
responses:
  utter_faq/hours:
  - text: nine to five
stories:
- story: x
  steps:
  - intent: greet
"""
    assert write(content) == [("hi", "greet")]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "# nothing\n",
        "hello",
        "- intent: greet\n  examples: |\n    - hi\n",
        "nlu:\n",
        "nlu: hello\n",
        "nlu:\n  intent: greet\n",
        "nlu:\n- intent: greet\n  examples: 3\n",
        "nlu:\n- intent: greet\n  examples: [a, [b], {text: [c]}]\n",
        "stories:\n- story: x\n",
    ],
)
def test_yaml_without_messages(write, content):
    with pytest.raises(LabelledError, match=r"nlu\.yml holds no labelled messages"):
        write(content)


@pytest.mark.parametrize(
    "content",
    [
        b"nlu:\n\t- intent: greet\n",
        b"nlu: [",
        b'nlu: "',
        b"nlu: *nowhere\n",
        b"a: 1\n---\nb: 2\n",
        b"nlu: \xff\n",
        b"nlu: \0\n",
        b"nlu: " + b"[" * 2_000,
        b"nlu: &a [*a]\n",
        b"? [a]\n: b\n",
        b'nlu: "\\UFFFFFFFF"\n',
        b'nlu: "\\U00FFFFFF"\n',
        b"%YAML " + b"1" * 5_000 + b".1\n---\nnlu: []\n",
    ],
    ids=range(13),
)
def test_damaged_yaml(write, content):
    with pytest.raises(LabelledError, match=r"nlu\.yml cannot be read as Rasa's NLU data"):
        write(content)


def test_tags_run_nothing(write, tmp_path):
    touch = f'!!python/object/apply:os.mkdir ["{tmp_path / "made"}"]'
    content = f"x: {touch}\nnlu:\n- intent: greet\n  examples: |\n    - hi\n- intent: other\n  examples: {touch}\n"
    assert write(content) == [("hi", "greet")]
    with pytest.raises(LabelledError, match="has a list where"):
        write(f"nlu:\n- intent: {touch}\n")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("place", ["examples: *m30", "examples: [*m30]"])
@pytest.mark.parametrize("level", ["&m{n} [*m{b}, *m{b}]", "&m{n} {{<<: [*m{b}, *m{b}]}}"])
def test_bombs_do_not_go_off(write, place, level):
    levels = "".join(f"m{n}: {level.format(n=n, b=n - 1)}\n" for n in range(1, 31))
    start = f"m0: &m0 {{text: hi}}\n{levels}nlu:\n"
    assert write(f"{start}- intent: a\n  {place}\n- intent: b\n  examples: [*m0]\n") == [("hi", "b")]
    with pytest.raises(LabelledError, match="where the name of an intent belongs"):
        write(f"{start}- intent: *m30\n")


def test_folders(tmp_path):
    files = {
        "b/greet.yml": "nlu:\n- intent: greet\n  examples: |\n    - hi\n    - hello\n",
        "a/more.yaml": "nlu:\n- intent: greet\n  examples: |\n    - hi\n- intent: bye\n  examples: |\n    - bye\n",
        "stories.yml": "stories:\n- story: x\n  steps:\n  - intent: greet\n    examples: no\n",
        "domain.yml": "intents:\n- greet\n",
        "empty.yml": "",
        "readme.md": "- intent: [",
        "table.csv": "text,intent\nno,no\n",
        "._nlu.yml": "\0",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    (tmp_path / "folder.yml").mkdir()
    assert read(tmp_path) == [("hi", "greet"), ("bye", "bye"), ("hello", "greet")]
    (tmp_path / "b" / "broken.yml").write_text("nlu: [")
    with pytest.raises(LabelledError, match=r"broken\.yml"):
        read(tmp_path)


def test_a_folder_without_messages(tmp_path):
    with pytest.raises(LabelledError, match="holds no labelled messages"):
        read(tmp_path)
