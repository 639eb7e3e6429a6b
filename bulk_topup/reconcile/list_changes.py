"""Compares a run's list as it is now with the rows that the run read from it; reads the list and the ledger."""

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bulk_topup.domain.list_parts import lines_before
from bulk_topup.domain.money import PRECISE, format_plain
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.totals import Total
from bulk_topup.domain.verdict import run_arguments
from bulk_topup.intake import ListReader
from bulk_topup.ledger import LedgerStore
from bulk_topup.reconcile.discrepancies import Discrepancy, DiscrepancyKind

#: More than any list's last line.
_LAST_LINE: Final = 2**62

_TEXTS: Final = {
    DiscrepancyKind.LIST_NEW: "The list has a row here that the run has not read so. Run the list again to use it.",
    DiscrepancyKind.LIST_CHANGED: (
        "The list differs here from what the run read: it was edited since. Run the list again to use the row as it is "
        "now."
    ),
    DiscrepancyKind.LIST_GONE: "The run has a row here that is no longer in the list. Run the list again to update it.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ListFigures:
    """The rows of a run's list, in the file as it is now and in the ledger."""

    run: str
    #: Rows of the file; None if it could not be read again.
    rows_in_file: int | None
    #: Why the file could not be read again; empty if it was.
    unread: str
    #: The list's rows by state, with their requested amounts.
    rows: dict[RowState, Total]
    #: Rows that were sent and are no longer in the list, by state.
    left: dict[RowState, Total]

    @property
    def total(self) -> Total:
        """The sum of all rows of the list in the ledger."""
        sums: dict[str, Decimal] = {}
        for total in self.rows.values():
            for unit, amount in total.amounts.items():
                sums[unit] = PRECISE.add(sums.get(unit, Decimal(0)), amount)
        return Total(rows=sum(total.rows for total in self.rows.values()), amounts=sums)

    def as_json(self) -> dict[str, object]:
        """Return plain values; amounts as text in plain notation."""
        return {
            "run": self.run,
            "rows_in_file": self.rows_in_file,
            "unread": self.unread,
            **_as_json(self.total),
            "states": {state.value: _as_json(total) for state, total in self.rows.items()},
            "left_the_list": {state.value: _as_json(total) for state, total in self.left.items()},
        }


class _Changes:
    """The rows of a list and those that its run read, as far as they differ; rows that only moved are the same."""

    def __init__(self) -> None:
        #: Lines by a digest of their cells, which takes less memory than the cells.
        self._listed: dict[bytes, list[int]] = {}
        self._known: dict[bytes, list[int]] = {}

    def add_listed(self, line: int, cells: str) -> None:
        """Add a row of the list."""
        _match(line, cells, self._listed, self._known)

    def add_known(self, line: int, cells: str) -> None:
        """Add a row that the run read."""
        _match(line, cells, self._known, self._listed)

    def lines(self) -> list[tuple[int, DiscrepancyKind]]:
        """Return the lines that differ, in order."""
        listed, known = ({line for lines in side.values() for line in lines} for side in (self._listed, self._known))
        return sorted(
            [
                *((line, DiscrepancyKind.LIST_CHANGED) for line in listed & known),
                *((line, DiscrepancyKind.LIST_NEW) for line in listed - known),
                *((line, DiscrepancyKind.LIST_GONE) for line in known - listed),
            ]
        )


def _match(line: int, cells: str, own: dict[bytes, list[int]], other: dict[bytes, list[int]]) -> None:
    """Remove an unmatched line with these cells from the other side, or else add the line to its own."""
    key = hashlib.blake2b(cells.encode(), digest_size=16).digest()
    if (found := other.get(key)) is None:
        own.setdefault(key, []).append(line)
        return
    found.pop()
    if not found:
        del other[key]


def changed_lines(run: Run, reader: ListReader, ledger: LedgerStore, *, part: int = 1) -> tuple[int, list[Discrepancy]]:
    """Compare a list's cells with those that the run read. A row that only moved pays what it paid before.

    Args:
        run: the run.
        reader: reads the list as it is now.
        ledger: an open ledger.
        part: which of the run's lists it is, from 1.

    Returns:
        How many rows the list has, and the discrepancies.

    Raises:
        ListError: the list can't be read to its end.
    """
    in_file, last_line = 0, lines_before(part)
    end = lines_before(part + 1) - 1 if run.parts else _LAST_LINE
    changes = _Changes()
    for frame in reader.batches():
        lines = (frame["line"] + lines_before(part)).to_list()
        known = ledger.rows.cells_between(run, last_line + 1, lines[-1])
        for line, cells in zip(lines, frame["cells"].to_list(), strict=True):
            if known.get(line) == cells:
                del known[line]
            else:
                changes.add_listed(line, cells)
        for line, cells in known.items():
            changes.add_known(line, cells)
        in_file += len(lines)
        last_line = lines[-1]
    for line, cells in ledger.rows.cells_between(run, last_line + 1, end).items():
        changes.add_known(line, cells)
    return in_file, [_discrepancy(kind, run, line) for line, kind in changes.lines()]


def contradictions(run: Run, ledger: LedgerStore) -> list[Discrepancy]:
    """Return the list mismatches of a run: paid or open rows that differ from the list."""
    return [
        Discrepancy(
            kind=DiscrepancyKind.CONTRADICTED,
            message=(
                f"{run.name} line {line}: {note} To accept the row as {state}, run `bulk-topup conflict resolve "
                f"{run_arguments(run)} --rows {line} --state {state} --reason TEXT`."
            ),
            run=run.name,
            line=line,
        )
        for line, state, note in ledger.conflicts.list_mismatches(run)
    ]


def _discrepancy(kind: DiscrepancyKind, run: Run, line: int) -> Discrepancy:
    return Discrepancy(kind=kind, message=f"{run.name} line {line}: {_TEXTS[kind]}", run=run.name, line=line)


def _as_json(total: Total) -> dict[str, object]:
    return {
        "rows": total.rows,
        "asked": {unit: format_plain(amount) for unit, amount in sorted(total.amounts.items())},
    }
