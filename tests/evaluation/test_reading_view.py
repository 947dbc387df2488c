"""What a person sees of a message's word pieces: every cut, in any width, with and without colour."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.encoder.pruned import PrunedEncoder
from rasa_token_pruning.encoder.trace import TracedCut, TracedPiece
from rasa_token_pruning.evaluation.reading import Reading, read
from rasa_token_pruning.evaluation.reading_view import printable, reading_rows

LONG = "good morning, since the update yesterday i can not find the car park on the second floor any more"


def piece(word, start=0, layer=None, into=None, importance=(), end=None):
    return TracedPiece(word, start, start + len(word) if end is None else end, layer is None, layer, into, importance)


DROPPED = Reading(
    text="where is\tit \x1b[31m😀",
    pieces=(
        piece("[CLS]", importance=(0.5, 0.5), end=0),
        piece("where", 0, importance=(0.25, 0.0625)),
        piece("is", 6, layer=1, importance=(0.0125,)),
        piece("it", 9, layer=3, importance=(0.125, 0.00005)),
        piece("[UNK]", 17, importance=(1.5, 2), end=18),
        piece("[SEP]", importance=(0.1, 0.2), end=0),
    ),
    cuts=(TracedCut(1, 6, 5), TracedCut(3, 5, 4)),
    truncated=0,
    cosine=0.9,
)
MERGED = replace(
    DROPPED,
    pieces=(
        *DROPPED.pieces[:2],
        replace(DROPPED.pieces[2], merged_into=3),
        replace(DROPPED.pieces[3], merged_into=5),
        *DROPPED.pieces[4:],
    ),
)
SHOWN = r"""Message      where is\tit \x1b[31m😀
Word pieces  4, of which 2 stayed to the end
Layer 1      where [is]  it   😀
             .250  .0125 .125 1.50
             1 of 4 dropped, of importance up to .0125: is
Layer 3      where [it]     😀
             .0625 5.00e-05 2.00
             1 of 3 dropped, of importance up to 5.00e-05: it"""


def shown(reading, coloured=False):
    return "\n".join(reading_rows(reading, coloured))


def plain(text):
    return re.sub(r"\x1b\[[\d;]*m", "", text)


def test_what_was_dropped():
    assert shown(DROPPED) == SHOWN


def test_the_least_important_comes_first_and_the_most_important_is_the_limit():
    ends, gone = (
        DROPPED.pieces[::5],
        (piece("on", importance=(0.5,), layer=2), piece("it", importance=(0.25,), layer=2)),
    )
    reading = replace(DROPPED, pieces=(ends[0], *gone, DROPPED.pieces[1], ends[1]), cuts=(TracedCut(2, 5, 3),))
    assert shown(reading).endswith("2 of 3 dropped, of importance up to .500: it on")


def test_what_was_merged_and_into_what():
    found = shown(MERGED)
    assert "1 of 4 merged, of importance up to .0125: is->it\n" in found
    assert found.endswith("1 of 3 merged, of importance up to 5.00e-05: it->[SEP]")


def test_colour_says_the_same():
    assert "\x1b[9;33mis\x1b[0m" in shown(MERGED, coloured=True)
    coloured = shown(DROPPED, coloured=True)
    assert "\x1b[9;31mis\x1b[0m" in coloured and "\x1b[32mwhere\x1b[0m" in coloured
    assert [line.split() for line in plain(coloured).splitlines()] == [
        line.replace("[is]", "is").replace("[it]", "it").split() for line in SHOWN.splitlines()
    ]


def test_without_cuts_the_words_are_enough():
    uncut = replace(DROPPED, pieces=(*DROPPED.pieces[:2], DROPPED.pieces[-1]), cuts=(), truncated=7)
    assert shown(uncut).splitlines()[1:] == [
        "Word pieces  where",
        "             1, of which none went; 7 more are beyond the encoder's limit",
    ]


def test_what_is_beyond_the_limit_is_said_beside_cuts_too():
    assert "2 stayed to the end; 9 more are beyond the encoder's limit" in shown(replace(DROPPED, truncated=9))


def test_a_message_without_words_of_its_own():
    assert "0, of which none went" in shown(replace(DROPPED, pieces=DROPPED.pieces[::5], cuts=()))


@pytest.mark.parametrize("reduction", ["drop", "merge"])
@pytest.mark.parametrize(
    "text", [LONG, LONG * 8, "x " * 300, "重置我的密码 " * 20, "naïve café " * 15, "well-known " * 30], ids=len
)
def test_every_line_of_pieces_fits_and_every_piece_of_a_cut_is_there(reduction, text):
    encoder = PrunedEncoder(pruning=PruningPolicy((0, 4), 0.5, 4, reduction), precision="int8", num_threads=1)
    reading = read(text, encoder)
    rows = list(reading_rows(reading, coloured=False))
    assert [plain(row) for row in reading_rows(reading, coloured=True)] != rows
    for number, (row, cut) in enumerate(zip(rows[2:], reading.cuts, strict=True)):
        lines = row.splitlines()
        assert all(len(line) <= 100 for line in lines)
        count = next(place for place, line in enumerate(lines) if " of importance up to " in line)
        scores = " ".join(line[13:] for line in lines[1:count:2]).split()
        offered = [piece for piece in reading.pieces[1:-1] if len(piece.importance) > number]
        assert len(scores) == len(offered) == cut.before - 2
        for score, one in zip(scores, offered, strict=True):
            assert float(score) == pytest.approx(one.importance[number], rel=0.01)
        assert f"{cut.before - cut.after} of {cut.before - 2} " in lines[count]


def test_wide_characters_take_two_columns():
    wide = replace(DROPPED, text="密码 it", pieces=(
        DROPPED.pieces[0], piece("密", 0, importance=(0.25,)), piece("码", 1, importance=(0.5,)),
        piece("it", 3, layer=1, importance=(0.125,)), DROPPED.pieces[-1],
    ), cuts=(TracedCut(1, 5, 4),))  # fmt: skip
    upper, lower = shown(wide).splitlines()[2:4]
    assert upper == "Layer 1      密   码   [it]"
    assert lower == "             .250 .500 .125"


def test_a_long_word_is_shortened():
    long = replace(DROPPED.pieces[4], start=0, end=40)
    found = shown(replace(DROPPED, text="x" * 40, pieces=(*DROPPED.pieces[:4], long, DROPPED.pieces[5])))
    assert "x" * 21 + "..." in found and "x" * 22 not in found.partition("Word pieces")[2]


@given(st.text())
def test_printable_is_one_line_that_moves_nothing(text):
    assert printable(text).isprintable() and len(printable(text)) >= len(text)


def test_printable():
    assert printable("größe 日本 😀") == "größe 日本 😀"
    assert printable("a\nb\x1b[0m\x9b\u202e\ud800\xa0") == r"a\nb\x1b[0m\x9b\u202e\ud800\xa0"
