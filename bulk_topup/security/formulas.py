"""Make text safe for spreadsheets, so that no cell becomes a formula; pure."""

from collections.abc import Iterable
from typing import Final

#: A spreadsheet program takes a cell that starts with one of these as a formula.
FORMULA_STARTS: Final = frozenset("=+-@\t\r")


def csv_text(text: str) -> str:
    """Return the text with `'` before it if it would be a formula; the list reader removes the `'` again."""
    return "'" + text if text[:1] in FORMULA_STARTS else text


def csv_column(texts: Iterable[str | None]) -> list[str]:
    """Return a column with each text as `csv_text` gives it; an empty text for None."""
    return ["'" + text if text and text[0] in FORMULA_STARTS else text or "" for text in texts]
