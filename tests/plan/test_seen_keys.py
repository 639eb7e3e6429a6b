"""The first lines of keys whose hashes collide, and the tables that keep them."""

from collections.abc import Collection, Mapping

import polars as pl
import pytest

from bulk_topup.plan.seen_keys import FirstLines

#: The hash that all keys of these tests share.
HASH = 7


def _keys(first_line: int, *keys: str, hint: int | None = None) -> pl.DataFrame:
    """Return keys of one batch that share their hash, with the line that hints at an earlier one."""
    lines = range(first_line, first_line + len(keys))
    columns = {"key": keys, "line": lines, "hash": [HASH] * len(keys), "hint": [hint] * len(keys)}
    return pl.DataFrame(columns, schema={"key": pl.String, "line": pl.UInt32, "hash": pl.UInt64, "hint": pl.UInt32})


@pytest.fixture
def first_lines() -> FirstLines:
    """First lines of a list whose line 2 is of A."""

    def recall(lines: Collection[int]) -> Mapping[int, tuple[str, str | None]]:
        assert list(lines) == [2]
        return {2: ("A", None)}

    return FirstLines(recall)


def test_a_key_whose_hash_an_earlier_batch_has_for_another_key_keeps_its_own_first_line(
    first_lines: FirstLines,
) -> None:
    first_lines.keep_colliding(_keys(2, "A"), known=())
    assert first_lines._colliding == {}
    first_lines.keep_colliding(_keys(3, "B", hint=2), known=())
    assert first_lines.lines_of(_keys(4, "A", "B", "C", hint=2)) == {"A": 2, "B": 3}


def test_a_key_whose_hash_another_key_of_its_batch_has_keeps_its_own_first_line(first_lines: FirstLines) -> None:
    first_lines.keep_colliding(_keys(2, "A", "B", "A", "B"), known=())
    assert first_lines.lines_of(_keys(6, "A", "B", "C", hint=2)) == {"A": 2, "B": 3}


def test_a_key_that_is_known_keeps_its_first_line(first_lines: FirstLines) -> None:
    first_lines.keep_colliding(_keys(3, "B", hint=2), known=())
    first_lines.keep_colliding(_keys(4, "A", "B", hint=2), known={"A", "B"})
    assert first_lines.lines_of(_keys(6, "A", "B", hint=2)) == {"A": 2, "B": 3}


@pytest.mark.parametrize(
    ("batches", "tables"),
    [
        ([4, 2, 1], [4, 2, 1]),
        ([3, 2], [5]),
        ([2, 2], [4]),
        ([1, 2], [3]),
        ([8, 4, 2, 2], [16]),
    ],
)
def test_a_table_is_merged_with_those_that_are_not_twice_as_long(batches: list[int], tables: list[int]) -> None:
    """So the tables are few, and each hash is sorted only a few times."""
    first_lines, line = FirstLines(lambda _: {}), 2
    for size in batches:
        keys = pl.DataFrame({"key": [f"key {number}" for number in range(line, line + size)]}).with_columns(
            line=pl.int_range(line, line + size, dtype=pl.UInt32)
        )
        first_lines.add(first_lines.add_hints(keys))
        line += size
    assert [table.height for table in first_lines._tables] == tables
    assert all(table["hash"].is_sorted() for table in first_lines._tables)
