"""Cells as every format writes them: exact amounts, UTC times, masked PINs, no formulas; pure."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from bulk_topup.domain.delivery import DELIVERY_FIELDS
from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.purchase_secrets import SECRET_FIELDS
from bulk_topup.domain.run import Run
from bulk_topup.report.reasons import note, reason

#: Replaces a secret that is not shown; the same for every one, so that it reveals nothing, not even the length.
MASK: Final = "••••"


#: Most characters of a spreadsheet cell, in UTF-16 units.
CELL_UNITS: Final = 32_767

#: Characters that XML 1.0 forbids, and the carriage return, which XML readers change.
NOT_IN_XML: Final = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")

#: Significant digits that a number cell, a 64-bit float, keeps for every decimal number.
EXACT_DIGITS: Final = 15
#: Longest plain notation of a number cell: far inside the range in which that is true.
NUMBER_TEXT: Final = 40

#: The usual form of times, with and without microseconds, which can be rewritten without parsing.
_UTC_OFFSET: Final = "+00:00"
_USUAL_LENGTHS: Final = frozenset({len("2026-11-24T02:00:00+00:00"), len("2026-11-24T02:00:00.000000+00:00")})

_CARRIAGE_RETURN = re.compile("\r\n?")
_CONTROL_PICTURES: Final = 0x2400


def time_text(moment: datetime) -> str:
    """Return a time as RFC 3339 in UTC."""
    in_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return in_utc.isoformat().removesuffix("+00:00") + "Z"


def time_texts(moments: Sequence[str | None]) -> list[str | None]:
    """Return times, given in ISO 8601, as RFC 3339 in UTC."""
    return [
        None
        if moment is None
        else moment[: -len(_UTC_OFFSET)] + "Z"
        if moment[-len(_UTC_OFFSET) :] == _UTC_OFFSET and len(moment) in _USUAL_LENGTHS
        else time_text(datetime.fromisoformat(moment))
        for moment in moments
    ]


def secret_texts(secrets: Sequence[str | None], *, reveal: bool) -> list[str | None]:
    """Return secrets, or the mask for each unless `reveal`; None for an empty one."""
    return [(secret if reveal else MASK) if secret else None for secret in secrets]


def reasons(outcomes: Outcomes) -> list[str]:
    """Return each row's own reason."""
    return [
        reason(message, problems) if problems else message
        for message, problems in zip(outcomes.message, outcomes.problems, strict=True)
    ]


def notes(outcomes: Outcomes, columns: int) -> list[str]:
    """Return each row's note, with the cells of long rows that have no column."""
    return [
        note(own, cells, columns) if len(cells) > columns else own
        for own, cells in zip(outcomes.note, outcomes.cells, strict=True)
    ]


def fitted(cells: Sequence[str], columns: int) -> Sequence[str]:
    """Return exactly one cell a column of the list: a short row is filled with empty cells, a long one is cut.

    The row's note has the cells that are cut.
    """
    return cells if len(cells) == columns else (*cells[:columns], *[""] * (columns - len(cells)))


def list_cells(outcomes: Outcomes, columns: int) -> list[Sequence[str]]:
    """Return the cells of each row, exactly one a column of the list."""
    return [cells if len(cells) == columns else fitted(cells, columns) for cells in outcomes.cells]


def result_values(outcomes: Outcomes, run: Run, columns: int, *, reveal_pins: bool) -> list[Sequence[str | int | None]]:
    """Return the result fields as columns, in the order of `RESULT_FIELDS`: numbers, texts or None."""
    rows = len(outcomes)
    return [
        outcomes.line,
        outcomes.state,
        reasons(outcomes),
        notes(outcomes, columns),
        outcomes.product_id,
        outcomes.credit_party,
        outcomes.amount,
        outcomes.unit,
        outcomes.attempt,
        outcomes.external_id,
        outcomes.transaction_id,
        outcomes.status_class,
        outcomes.status_message,
        outcomes.planned_cost,
        outcomes.planned_unit,
        outcomes.price,
        outcomes.fee,
        outcomes.price_unit,
        *(getattr(outcomes, name) for name in DELIVERY_FIELDS),
        outcomes.operator_reference,
        *(secret_texts(getattr(outcomes, name), reveal=reveal_pins) for name in SECRET_FIELDS),
        time_texts(outcomes.creation_date),
        time_texts(outcomes.final_at),
        [run.environment] * rows,
        [run.account or None] * rows,
    ]


def xlsx_text(text: str) -> str:
    """Return the text as a spreadsheet cell can hold it.

    Line breaks become line feeds, as in cells. Characters that XML forbids are replaced by visible ones. A text that is
    too long for a cell ends in an ellipsis.
    """
    if NOT_IN_XML.search(text):
        text = NOT_IN_XML.sub(_visible, _CARRIAGE_RETURN.sub("\n", text))
    if len(text) > CELL_UNITS // 2:
        units = text.encode("utf-16-le")
        if len(units) > 2 * CELL_UNITS:
            text = units[: 2 * (CELL_UNITS - 1)].decode("utf-16-le", errors="ignore") + "…"
    return text


def fits_number_cell(text: str) -> bool:
    """Return True if an amount in plain notation keeps its value in a number cell.

    A number cell is a 64-bit float. Every decimal number of at most 15 significant digits survives the conversion to
    such a float and back (the guaranteed precision, 15.95 digits rounded down), so that the cell is exact; longer
    amounts must be text.
    """
    if len(text) <= EXACT_DIGITS:
        return True
    digits = text.replace(".", "").lstrip("-0").rstrip("0")
    return len(digits) <= EXACT_DIGITS and len(text) <= NUMBER_TEXT


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    return chr(_CONTROL_PICTURES + code) if code < ord(" ") else "\N{REPLACEMENT CHARACTER}"
