"""Cells as every format writes them: exact amounts, UTC times, masked PINs, no formulas; pure."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from bulk_topup.money import plain
from bulk_topup.records import Outcome
from bulk_topup.report.reasons import note, reason

#: Stands for a PIN that is there and not shown; the same for every PIN, so that it tells nothing of it.
MASK: Final = "••••"

#: A cell that begins with one of these is a formula to a spreadsheet program.
FORMULA_STARTS: Final = frozenset("=+-@\t\r")

#: Characters that a spreadsheet's cell holds, in UTF-16 units.
CELL_UNITS: Final = 32_767

#: Characters that XML 1.0 cannot hold, and the carriage return, which XML readers would change.
NOT_IN_XML: Final = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")

#: Significant digits that a 64-bit float, which is what a number cell is, keeps for every decimal number.
EXACT_DIGITS: Final = 15
#: Longest plain notation of a number cell: far inside the range in which the line above holds.
NUMBER_TEXT: Final = 40

_CARRIAGE_RETURN = re.compile("\r\n?")
_CONTROL_PICTURES: Final = 0x2400


def amount_text(amount: Decimal | None) -> str:
    """Write an amount in plain notation; empty for none."""
    return "" if amount is None else plain(amount)


def time_text(moment: datetime | None) -> str:
    """Write a time as RFC 3339 in UTC; empty for none."""
    if moment is None:
        return ""
    in_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return in_utc.isoformat().removesuffix("+00:00") + "Z"


def secret_text(secret: str | None, *, reveal: bool) -> str:
    """Write a secret as it is, or the mask in its place; empty for none."""
    if not secret:
        return ""
    return secret if reveal else MASK


def list_cells(outcome: Outcome, columns: int) -> tuple[str, ...]:
    """Give exactly one cell a column of the list: a short row is filled with empty cells, a long one is cut.

    What a long row loses here, its note tells.
    """
    cells = outcome.cells
    if len(cells) == columns:
        return cells
    return (*cells[:columns], *[""] * (columns - len(cells)))


def result_texts(outcome: Outcome, columns: int, *, reveal_pins: bool) -> tuple[str, ...]:
    """Give the result fields of a row as text, in the order of `RESULT_FIELDS`."""
    return (
        str(outcome.line),
        outcome.state.value,
        reason(outcome),
        note(outcome, columns),
        "" if outcome.product_id is None else str(outcome.product_id),
        outcome.credit_party or "",
        amount_text(outcome.amount),
        outcome.unit or "",
        str(outcome.attempt),
        outcome.external_id or "",
        "" if outcome.transaction_id is None else str(outcome.transaction_id),
        outcome.status_class or "",
        outcome.status_message or "",
        amount_text(outcome.price),
        amount_text(outcome.fee),
        outcome.price_unit or "",
        outcome.operator_reference or "",
        secret_text(outcome.pin_code, reveal=reveal_pins),
        secret_text(outcome.pin_serial, reveal=reveal_pins),
        time_text(outcome.creation_date),
        time_text(outcome.final_at),
    )


def csv_text(text: str) -> str:
    """Give the text with `'` before it where it would be a formula; reading a list takes the `'` off again."""
    return "'" + text if text[:1] in FORMULA_STARTS else text


def xlsx_text(text: str) -> str:
    """Give the text as a spreadsheet's cell can hold it.

    Line breaks become line feeds, which is what a line break in a cell is; characters that XML cannot hold are
    replaced by ones that show which they were; what is longer than a cell ends in an ellipsis.
    """
    if NOT_IN_XML.search(text):
        text = NOT_IN_XML.sub(_visible, _CARRIAGE_RETURN.sub("\n", text))
    if len(text) > CELL_UNITS // 2:
        units = text.encode("utf-16-le")
        if len(units) > 2 * CELL_UNITS:
            text = units[: 2 * (CELL_UNITS - 1)].decode("utf-16-le", errors="ignore") + "…"
    return text


def fits_number_cell(text: str) -> bool:
    """Tell whether an amount in plain notation keeps its value as a number cell.

    A number cell is a 64-bit float. Every decimal number of at most 15 significant digits survives the way into such
    a float and back (it is the float's guaranteed precision, 15.95 digits rounded down), so up to there the cell is
    exact; a longer amount has to be text.
    """
    if len(text) <= EXACT_DIGITS:
        return True
    digits = text.replace(".", "").lstrip("-0").rstrip("0")
    return len(digits) <= EXACT_DIGITS and len(text) <= NUMBER_TEXT


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    return chr(_CONTROL_PICTURES + code) if code < ord(" ") else "\N{REPLACEMENT CHARACTER}"
