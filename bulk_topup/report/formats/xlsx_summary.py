"""The workbook's summary sheet: the run, rows in each state, totals and money; touches XlsxWriter only."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]

from bulk_topup.domain.money import format_plain
from bulk_topup.domain.run import Run
from bulk_topup.domain.summary import Summary
from bulk_topup.domain.verdict import format_rows, named_counts
from bulk_topup.report.cells import time_text
from bulk_topup.report.formats.xlsx_sheets import Styles, write_heading, write_row

#: Widths of the columns, in characters.
_WIDTHS: Final = (24, 24, 14, 20, 14, 20, 20, 14)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Table:
    """A block of the sheet, followed by an empty row."""

    heading: tuple[str, ...]
    rows: list[tuple[str, ...]]
    #: Indexes of the columns with counts or amounts.
    numeric: frozenset[int]


def write_summary(sheet: Worksheet, run: Run, summary: Summary, styles: Styles) -> None:
    """Write the summary sheet."""
    for index, width in enumerate(_WIDTHS):
        sheet.set_column(index, index, width)
    row = 0
    for table in _tables(run, summary):
        write_heading(sheet, row, table.heading, styles)
        for cells in table.rows:
            row += 1
            write_row(sheet, row, cells, table.numeric, styles)
        row += 2


def _decision_rows(run: Run) -> Iterator[tuple[str, str]]:
    if run.closing is not None:
        yield "Closed", time_text(run.closing.at)
        yield "Closed by", run.closing.by
        yield "Reason", run.closing.reason
    for again in run.paid_again:
        yield "Paid again", f"{format_rows(again.rows)} of {', '.join(again.runs)}"
        yield "Paid again by", again.by
        yield "Reason", again.reason


def _tables(run: Run, summary: Summary) -> Iterator[_Table]:
    yield _Table(
        heading=("Run", run.name),
        rows=[
            ("Environment", run.environment),
            ("Account", run.account or "unknown"),
            ("List", run.list_path),
            ("Started", time_text(run.created_at)),
            *_decision_rows(run),
        ],
        numeric=frozenset(),
    )
    named = named_counts(summary.counts, summary.nothing_due, summary.duplicates)
    yield _Table(
        heading=("State", "Rows"),
        rows=[
            *((name, str(count)) for name, count in named),
            ("all", str(summary.rows)),
        ],
        numeric=frozenset({1}),
    )
    yield _Table(
        heading=("State", "Product", "Rows", "Amount", "Unit", "Price", "Fee", "Price unit"),
        rows=[
            (
                total.name,
                "" if total.product_id is None else str(total.product_id),
                str(total.rows),
                format_plain(total.amount),
                total.unit or "",
                format_plain(total.price),
                format_plain(total.fee),
                total.price_unit or "",
            )
            for total in summary.totals
        ],
        numeric=frozenset({2, 3, 5, 6}),
    )
    for heading, by_currency in (
        ("Charged (completed rows, price and fee)", summary.charged),
        ("Planned for completed rows (price and fee)", summary.planned),
        ("On hold (accepted rows, price and fee)", summary.held),
        ("Charged or on hold (rows in conflict, price and fee)", summary.in_conflict),
    ):
        yield _Table(
            heading=(heading, "Amount"),
            rows=[(unit, format_plain(amount)) for unit, amount in by_currency.items()],
            numeric=frozenset({1}),
        )
