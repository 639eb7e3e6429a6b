"""Text made safe for spreadsheets: cells that start like a formula never become one; touches nothing."""

from collections.abc import Iterable
from typing import Final

#: A cell that begins with one of these is a formula to a spreadsheet program.
FORMULA_STARTS: Final = frozenset("=+-@\t\r")


def csv_text(text: str) -> str:
    """Give the text with `'` before it where it would be a formula; reading a list takes the `'` off again."""
    return "'" + text if text[:1] in FORMULA_STARTS else text


def csv_column(texts: Iterable[str | None]) -> list[str]:
    """Do the same with a column; empty for none."""
    return ["'" + text if text and text[0] in FORMULA_STARTS else text or "" for text in texts]
