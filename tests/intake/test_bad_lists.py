"""The bad sample lists: each is answered as its page says."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.domain.problems import position
from bulk_topup.errors import ListError

Read = Callable[..., list[dict[str, Any]]]

#: The lists whose problems show only against the product or other rows.
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
    """Return the message of each list on the page."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| \[(.*?)\].*\| (.*?) \|$", text, flags=re.MULTILINE))


def test_the_page_has_every_list() -> None:
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
        text = str(error)
    else:
        line, column, message = problems[0]
        place = position(name, line).removeprefix(f"{name} ")
        text = f'{place}, column "{column}": {message}' if column else f"{place}: {message}"
    assert text == _page()[name]


@pytest.mark.parametrize("name", sorted(BEYOND_INTAKE))
def test_a_list_whose_problem_is_beyond_intake_is_read(read: Read, name: str) -> None:
    rows = read(FOLDER / name)
    assert [row["problems"] for row in rows] == [[], []]
    assert all(row["amount"] and row["product_id"] and row["reference"] for row in rows)
