"""Tables can be read in every width: no column is narrower than its longest word, and a block takes its place."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from bulk_topup.cli.screens.long_table import LONG, print_table
from bulk_topup.cli.screens.tables import simple_table

HEADINGS = ("id", "name", "requires")
ROWS = ((6418, "Lionwave airtime", "credit_party_identifier.mobile_number"), (6430, "Straits Mobile", None))

words = st.text("abcdefgh", min_size=1, max_size=12)
texts = st.lists(words, max_size=6).map(" ".join)


def _printed(width: int, encoding: str = "utf-8", rows: tuple[tuple[object, ...], ...] = ROWS) -> list[str]:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    Console(file=file, width=width, emoji=False).print(simple_table(HEADINGS, rows, unbroken=("id",)))
    file.seek(0)
    return file.read().splitlines()


def test_a_row_is_a_block_where_a_column_would_be_narrower_than_a_word() -> None:
    assert _printed(50) == [
        "id        6418",
        "name      Lionwave airtime",
        "requires  credit_party_identifier.mobile_number",
        "",
        "id        6430",
        "name      Straits Mobile",
        "",
    ]


def test_a_word_longer_than_a_line_of_its_block_is_continued_after_a_point() -> None:
    assert _printed(40)[2:4] == ["requires  credit_party_identifier.", "          mobile_number"]


def test_a_name_that_is_wider_than_the_terminal_stands_above_its_value() -> None:
    assert _printed(12)[:2] == ["id", "6418"]


@pytest.mark.parametrize("columns", [40, 80, 120])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_no_line_is_wider_than_the_terminal_and_frames_are_straight(columns: int, encoding: str) -> None:
    rows = ((3411, "Cóndor Móvil", "credit_party_identifier.mobile_number"),)
    lines = _printed(columns, encoding, rows)
    assert max(map(len, lines)) <= columns
    assert all(line.encode(encoding) for line in lines if line)
    if not lines[0].startswith("id"):
        assert len(set(map(len, lines))) == 1


@given(st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=4), st.integers(24, 100))
def test_every_word_is_on_one_line_in_every_width(rows: list[tuple[str, str, str]], width: int) -> None:
    printed = re.findall("[a-h]+", "\n".join(_printed(width, rows=tuple(rows))))
    for row in rows:
        for cell in row:
            assert set(cell.split()) <= set(printed)


def test_many_rows_are_blocks_too() -> None:
    file = io.StringIO()
    print_table(Console(file=file, width=40), HEADINGS, [ROWS[0]] * LONG, unbroken=("id",))
    assert file.getvalue().count("requires  credit_party_identifier.\n") == LONG
