"""The sample lists with mistakes: what their page says is what is said."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.errors import ListError

Read = Callable[..., list[dict[str, Any]]]

#: The mistakes that show only when a row is compared with its product or with other rows.
BEYOND_INTAKE = {
    "amount-out-of-range.csv",
    "duplicate-rows.csv",
    "missing-sender.csv",
    "trailing-blanks.csv",
    "unknown-product.csv",
}
FOLDER = Path(__file__).parents[2] / "sample_files" / "bad"
LISTS = sorted(path.name for path in FOLDER.iterdir() if path.suffix in {".csv", ".xlsx"})


def _page() -> dict[str, str]:
    """Give what the page says of each list."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| \[(.*?)\].*\| (.*?) \|$", text, flags=re.MULTILINE))


def test_the_page_tells_of_every_list() -> None:
    assert sorted(_page()) == LISTS


@pytest.mark.parametrize("name", [name for name in LISTS if name not in BEYOND_INTAKE])
def test_a_bad_list_is_answered_as_its_page_says(read: Read, name: str) -> None:
    try:
        problems = [
            (row["line"], problem["column"], problem["message"])
            for row in read(FOLDER / name)
            for problem in row["problems"]
        ]
    except ListError as error:
        said = str(error)
    else:
        line, column, message = problems[0]
        said = f'line {line}, column "{column}": {message}' if column else f"line {line}: {message}"
    assert said == _page()[name]


@pytest.mark.parametrize("name", sorted(BEYOND_INTAKE))
def test_a_list_whose_mistake_is_no_matter_of_reading_is_read(read: Read, name: str) -> None:
    rows = read(FOLDER / name)
    assert [row["problems"] for row in rows] == [[], []]
    assert all(row["amount"] and row["product_id"] and row["reference"] for row in rows)
