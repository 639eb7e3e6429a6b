"""Tables of many rows look as rich prints them, whatever is in them and however wide the terminal is."""

import io
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from bulk_topup.cli.screens import long_table
from bulk_topup.cli.screens.tables import simple_table

HEADINGS = ("id", "name", "requires")
UNBROKEN = ("id", "requires")

texts = st.text(st.sampled_from("ab c\n[x]:é 日本\t🙂\x1b\u200b-,"), max_size=40)
rows = st.lists(st.tuples(st.integers(1, 10**12), texts, texts), min_size=1, max_size=4)


def _printed(table: Sequence[Sequence[object]] | None, rows: Sequence[Sequence[object]], **options: object) -> str:
    file = io.StringIO()
    console = Console(file=file, emoji=False, **options)  # type: ignore[arg-type]
    if table is None:
        long_table.print_table(console, HEADINGS, rows, unbroken=UNBROKEN)
    else:
        console.print(simple_table(HEADINGS, table, unbroken=UNBROKEN))
    return file.getvalue()


@pytest.fixture(autouse=True, scope="module")
def few_rows() -> Iterator[None]:
    """Let few rows be many, since rich takes long for each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(long_table, "LONG", 1)
        patch.setattr(long_table, "BATCH", 2)
        yield


@settings(max_examples=60)
@given(rows, st.integers(6, 150))
def test_a_long_table_is_the_one_that_rich_prints(rows: Sequence[Sequence[object]], width: int) -> None:
    assert _printed(None, rows, width=width) == _printed(rows, rows, width=width)


@pytest.mark.parametrize("width", [9, 20, 33, 80, 200])
@pytest.mark.parametrize("options", [{}, {"force_terminal": True, "color_system": "truecolor"}, {"safe_box": False}])
def test_a_terminal_shows_a_long_table_as_rich_does(width: int, options: dict[str, object]) -> None:
    rows = [
        (
            number,
            f"Operator {number % 7} of a long name [bold]",
            f"credit_party_identifier.mobile_number\nand sender.{'x' * (number % 30)}" if number % 3 else None,
        )
        for number in range(12)
    ]
    assert _printed(None, rows, width=width, **options) == _printed(rows, rows, width=width, **options)
