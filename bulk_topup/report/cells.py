"""Cells as every format writes them: exact amounts, UTC times, masked PINs, no formulas; pure."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.report.reasons import note, reason

#: Stands for a PIN that is there and not shown; the same for every PIN, so that it tells nothing of it.
MASK: Final = "••••"


#: Characters that a spreadsheet's cell holds, in UTF-16 units.
CELL_UNITS: Final = 32_767

#: Characters that XML 1.0 cannot hold, and the carriage return, which XML readers would change.
NOT_IN_XML: Final = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")

#: Significant digits that a 64-bit float, which is what a number cell is, keeps for every decimal number.
EXACT_DIGITS: Final = 15
#: Longest plain notation of a number cell: far inside the range in which the line above holds.
NUMBER_TEXT: Final = 40

#: How times are given as a rule, with microseconds or without: nothing of them has to be understood to be rewritten.
_UTC_OFFSET: Final = "+00:00"
_WRITTEN_OUT: Final = frozenset({len("2026-11-24T02:00:00+00:00"), len("2026-11-24T02:00:00.000000+00:00")})

_CARRIAGE_RETURN = re.compile("\r\n?")
_CONTROL_PICTURES: Final = 0x2400


def time_text(moment: datetime) -> str:
    """Write a time as RFC 3339 in UTC."""
    in_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return in_utc.isoformat().removesuffix("+00:00") + "Z"


def time_texts(moments: Sequence[str | None]) -> list[str | None]:
    """Write times that are given in ISO 8601 as RFC 3339 in UTC."""
    return [
        None
        if moment is None
        else moment[: -len(_UTC_OFFSET)] + "Z"
        if moment[-len(_UTC_OFFSET) :] == _UTC_OFFSET and len(moment) in _WRITTEN_OUT
        else time_text(datetime.fromisoformat(moment))
        for moment in moments
    ]


def secret_texts(secrets: Sequence[str | None], *, reveal: bool) -> list[str | None]:
    """Write secrets as they are, or the mask in the place of each; an empty one is none."""
    return [(secret if reveal else MASK) if secret else None for secret in secrets]


def reasons(outcomes: Outcomes) -> list[str]:
    """Give each row's own reason."""
    return [
        reason(message, problems) if problems else message
        for message, problems in zip(outcomes.message, outcomes.problems, strict=True)
    ]


def notes(outcomes: Outcomes, columns: int) -> list[str]:
    """Give each row's note, with the cells of long rows that have no column."""
    return [
        note(noted, cells, columns) if len(cells) > columns else noted
        for noted, cells in zip(outcomes.note, outcomes.cells, strict=True)
    ]


def fitted(cells: Sequence[str], columns: int) -> Sequence[str]:
    """Give exactly one cell a column of the list: a short row is filled with empty cells, a long one is cut.

    What a long row loses here, its note tells.
    """
    return cells if len(cells) == columns else (*cells[:columns], *[""] * (columns - len(cells)))


def list_cells(outcomes: Outcomes, columns: int) -> list[Sequence[str]]:
    """Give the cells of each row, exactly one a column of the list."""
    return [cells if len(cells) == columns else fitted(cells, columns) for cells in outcomes.cells]


def result_values(outcomes: Outcomes, columns: int, *, reveal_pins: bool) -> list[Sequence[str | int | None]]:
    """Give the result fields, each as a column, in the order of `RESULT_FIELDS`: what is no number is text or none."""
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
        outcomes.price,
        outcomes.fee,
        outcomes.price_unit,
        outcomes.operator_reference,
        secret_texts(outcomes.pin_code, reveal=reveal_pins),
        secret_texts(outcomes.pin_serial, reveal=reveal_pins),
        time_texts(outcomes.creation_date),
        time_texts(outcomes.final_at),
    ]


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
