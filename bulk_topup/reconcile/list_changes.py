"""A run's list as it is now beside the rows that the run has read of it; reads the list and the ledger."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bulk_topup.domain.money import PRECISE, format_plain
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.totals import Total
from bulk_topup.intake import ListReader
from bulk_topup.ledger import LedgerStore
from bulk_topup.reconcile.discrepancies import Discrepancy, DiscrepancyKind

#: No list has more lines.
_LAST_LINE: Final = 2**62

_TEXTS: Final = {
    DiscrepancyKind.LIST_NEW: "the list has a row here that the run does not know. Start the list again to take it in.",
    DiscrepancyKind.LIST_CHANGED: (
        "the list does not say here what the run has read: it was edited since, or the row was corrected by a file of "
        "corrections. Start the list again to take in what it says."
    ),
    DiscrepancyKind.LIST_GONE: "the run has a row here that the list has no longer. Start the list again to take "
    "that in.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ListFigures:
    """A run's list: the file as it is now, and the rows that the ledger has of it."""

    run: str
    #: Rows of the file; None where it could not be read again.
    rows_in_file: int | None
    #: Why it could not be read again; empty where it was.
    unread: str
    #: The list's rows by their states, with what they ask for.
    rows: dict[RowState, Total]
    #: Rows that were sent and left the list.
    left: dict[RowState, Total]

    @property
    def total(self) -> Total:
        """All rows of the list as the ledger has it."""
        sums: dict[str, Decimal] = {}
        for total in self.rows.values():
            for unit, amount in total.amounts.items():
                sums[unit] = PRECISE.add(sums.get(unit, Decimal(0)), amount)
        return Total(rows=sum(total.rows for total in self.rows.values()), amounts=sums)

    def as_json(self) -> dict[str, object]:
        """Give plain values; amounts as text in plain notation."""
        return {
            "run": self.run,
            "rows_in_file": self.rows_in_file,
            "unread": self.unread,
            **_as_json(self.total),
            "states": {state.value: _as_json(total) for state, total in self.rows.items()},
            "left_the_list": {state.value: _as_json(total) for state, total in self.left.items()},
        }


def changed_lines(run: Run, reader: ListReader, ledger: LedgerStore) -> tuple[int, list[Discrepancy]]:
    """Compare a list's cells with those that the run has read, line by line.

    Returns:
        How many rows the list has, and where it differs.

    Raises:
        ListError: the list cannot be read to its end.
    """
    in_file = behind = 0
    differences = []
    for frame in reader.batches():
        lines = frame["line"].to_list()
        known = ledger.rows.cells_between(run, behind + 1, lines[-1])
        for line, cells in zip(lines, frame["cells"].to_list(), strict=True):
            had = known.pop(line, None)
            if had is None:
                differences.append(_difference(DiscrepancyKind.LIST_NEW, run, line))
            elif had != cells:
                differences.append(_difference(DiscrepancyKind.LIST_CHANGED, run, line))
        differences += [_difference(DiscrepancyKind.LIST_GONE, run, line) for line in known]
        in_file += len(lines)
        behind = lines[-1]
    gone = ledger.rows.cells_between(run, behind + 1, _LAST_LINE)
    return in_file, [*differences, *(_difference(DiscrepancyKind.LIST_GONE, run, line) for line in gone)]


def contradictions(run: Run, ledger: LedgerStore) -> list[Discrepancy]:
    """Tell of paid or open rows that the list asks something else for."""
    return [
        Discrepancy(
            kind=DiscrepancyKind.CONTRADICTED,
            message=(
                f"{run.name} line {line}: {note} Where that is settled, say so with "
                f"`bulk-topup conflict resolve {run.name} --rows {line} --state {state}`."
            ),
            run=run.name,
            line=line,
        )
        for line, state, note in ledger.conflicts.list_mismatches(run)
    ]


def _difference(kind: DiscrepancyKind, run: Run, line: int) -> Discrepancy:
    return Discrepancy(kind=kind, message=f"{run.name} line {line}: {_TEXTS[kind]}", run=run.name, line=line)


def _as_json(total: Total) -> dict[str, object]:
    return {
        "rows": total.rows,
        "asked": {unit: format_plain(amount) for unit, amount in sorted(total.amounts.items())},
    }
