"""A list with the corrections that its run keeps, and with new ones; reads the list through its table."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from bulk_topup.domain.corrections import CorrectedRow, Correction, KeptCorrection, column_positions, note_of
from bulk_topup.domain.problems import DO_NOT_PAY
from bulk_topup.domain.sameness import folded_without_case
from bulk_topup.domain.states import OPEN_STATES, RowState
from bulk_topup.errors import ListError
from bulk_topup.intake import Table
from bulk_topup.intake.corrections import Corrections, FittedCorrections


class CorrectedTable:
    """A list with corrections applied: those that its run keeps, and those of a file.

    A row of the list with the values from before a kept correction is the corrected row, on whichever line it is. A row
    of the file that says what it said when it was given before changes nothing.

    Args:
        table: the list.
        name: its name, for messages.
        kept: the corrections that the run keeps.
        corrections: corrected rows of a file; None without one.
        known: the cells of its lines in the ledger, by line.
        states: the states of its lines whose rows were sent and have not failed.
        unclear: its lines whose rows were refused because another one may pay the same.

    Raises:
        ListError: the file lacks a column of the list.
    """

    def __init__(
        self,
        table: Table,
        name: str,
        *,
        kept: Sequence[KeptCorrection] = (),
        corrections: Corrections | None = None,
        known: Mapping[int, list[str]] | None = None,
        states: Mapping[int, RowState] | None = None,
        unclear: Collection[int] = (),
    ) -> None:
        #: The list's own.
        self.header_line, self.header = table.header_line, table.header
        #: The corrected rows of the last reading, in list order.
        self.corrected: list[CorrectedRow] = []
        self.source_table = table
        self._name = name
        self._kept = kept
        self._file = None if corrections is None else FittedCorrections(corrections, table.header, name, kept)
        self._known = known or {}
        self._states = states or {}
        self._unclear = unclear
        self._columns = tuple(cell.strip() for cell in table.header)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each row of the list, with its correction if it has one.

        Raises:
            ListError: the list changed since, or a row that is corrected may be paid already.
        """
        self.corrected = []
        placed = self._place()
        seen = set()
        for line, cells in self.source_table.rows():
            kept = placed.get(line)
            is_given = self._file is not None and line in self._file
            if kept is None and not is_given:
                yield line, cells
                continue
            listed = self._fitted(cells)
            current = listed if kept is None else _apply(kept, listed, column_positions(kept.columns, self._columns))
            result = current
            if self._file is not None and is_given:
                seen.add(line)
                result = self._file.correct(line, listed, current, kept)
                if result != current:
                    self._check(line, current, kept, self._file)
            self._record(line, kept, listed, current, result)
            # A row that stays as the list has it may have cells beyond the header, for which it is refused.
            yield line, cells if kept is None and result == current else result
        if self._file is not None:
            self._file.check_all_found(seen)

    def _fitted(self, cells: Sequence[str]) -> list[str]:
        return [*cells, *[""] * (len(self.header) - len(cells))][: len(self.header)]

    def _record(
        self, line: int, kept: KeptCorrection | None, listed: list[str], current: list[str], result: list[str]
    ) -> None:
        if kept is None and result == current:
            return
        change = None
        if result != current:
            change = Correction(line=line, columns=self._columns, before=tuple(current), after=tuple(result))
        note = note_of(self._columns, listed, result)
        self.corrected.append(CorrectedRow(line=line, kept=None if kept is None else kept.id, change=change, note=note))

    def _check(self, line: int, current: list[str], kept: KeptCorrection | None, file: FittedCorrections) -> None:
        """Raise ListError unless the ledger has the row as it is corrected, and has not sent it."""
        where = f"{file.position(line)} corrects line {line} of {self._name}"
        known = self._known.get(line)
        if known is None or self._fitted(known) != current or not file.is_of(line, current, kept):
            raise ListError(
                f"{where}, which changed since. Write the file again with `bulk-topup report` and correct it there, or "
                "correct the list itself."
            )
        state = self._states.get(line)
        if state in OPEN_STATES:
            raise ListError(
                f"{where}, which was sent since and may be paid: its outcome is not known yet. Run the list without "
                "the corrections until it is. Correct the row then if it failed, else remove it from the file."
            )
        if state is RowState.COMPLETED:
            raise ListError(f"{where}, which is paid. Remove the row from the file.")
        if state is not None:
            raise ListError(
                f"{where}, which was sent since and may be paid. Restore the row, or remove it from the file."
            )
        if line in self._unclear or file.reason(line).startswith(DO_NOT_PAY):
            raise ListError(
                f"{file.position(line)}: the row may be paid already, see its reason. Restore the row, or remove it "
                "from the file."
            )

    def _place(self) -> dict[int, KeptCorrection]:
        """Return which lines of the list have the values from before a kept correction: its own, or else the first."""
        groups: dict[tuple[int | None, ...], _Sought] = {}
        for kept in self._kept:
            positions = column_positions(kept.columns, self._columns)
            if all(positions[index] is not None for index in _changed(kept)):
                groups.setdefault(positions, _Sought(positions)).add(kept)
        if not groups:
            return {}
        for line, cells in self.source_table.rows():
            for group in groups.values():
                group.see(line, cells)
        return {line: kept for group in groups.values() for line, kept in group.places()}


class _Sought:
    """Rows from before kept corrections with the same columns, and the lines that have their values."""

    def __init__(self, positions: tuple[int | None, ...]) -> None:
        self._positions = positions
        self._indexes = [position for position in positions if position is not None]
        #: Values of one changed column of each, by its index, so that few rows are compared in full.
        self._values: dict[int, set[str]] = defaultdict(set)
        self._kept: dict[tuple[str, ...], list[KeptCorrection]] = defaultdict(list)
        self._lines: dict[tuple[str, ...], list[int]] = defaultdict(list)

    def add(self, kept: KeptCorrection) -> None:
        """Seek the row from before a correction."""
        texts = tuple(
            folded_without_case(cell)
            for cell, position in zip(kept.before, self._positions, strict=True)
            if position is not None
        )
        self._kept[texts].append(kept)
        index = _changed(kept)[0]
        position = self._positions[index]
        if position is not None:
            self._values[position].add(folded_without_case(kept.before[index]))

    def see(self, line: int, cells: Sequence[str]) -> None:
        """Save the line of a row if it is such a row."""
        if any(folded_without_case(_cell(cells, index)) in values for index, values in self._values.items()):
            texts = tuple(folded_without_case(_cell(cells, index)) for index in self._indexes)
            if texts in self._kept:
                self._lines[texts].append(line)

    def places(self) -> Iterator[tuple[int, KeptCorrection]]:
        """Yield lines, each with its correction."""
        for texts, lines in self._lines.items():
            free = list(lines)
            left = []
            for kept in self._kept[texts]:
                if kept.line in free:
                    free.remove(kept.line)
                    yield kept.line, kept
                else:
                    left.append(kept)
            yield from zip(free, left, strict=False)


def _changed(kept: KeptCorrection) -> list[int]:
    return [index for index, (was, is_) in enumerate(zip(kept.before, kept.after, strict=True)) if was != is_]


def _apply(kept: KeptCorrection, listed: Sequence[str], positions: Sequence[int | None]) -> list[str]:
    result = list(listed)
    for index in _changed(kept):
        if (where := positions[index]) is not None:
            result[where] = kept.after[index]
    return result


def _cell(cells: Sequence[str], index: int) -> str:
    return cells[index] if index < len(cells) else ""
