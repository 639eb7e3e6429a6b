"""Corrections that a run keeps: rows that they replace, crashes while they are saved, and any history of them."""

import json
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bulk_topup.domain.attempt import MAY_ARRIVE, Attempt, Facts, Move
from bulk_topup.domain.corrections import CorrectedRow, Correction, note_of, row_fingerprint
from bulk_topup.domain.earlier_payments import Comparison
from bulk_topup.domain.problems import Problem
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.errors import ListError
from bulk_topup.intake.corrected_table import CorrectedTable
from bulk_topup.intake.corrections import Corrections
from bulk_topup.ledger import LedgerStore, RetryChoice
from tests.helpers.checked_rows import CheckedRow, staged
from tests.helpers.staged_lists import outcomes

MakeRow = Callable[..., CheckedRow]
Start = Callable[..., Run]
MakeMove = Callable[..., Move]

COLUMNS = ("phone", "amount")


def cells_of(row: CheckedRow) -> tuple[str, ...]:
    return tuple(json.loads(row.cells))


def correction_of(before: CheckedRow, after: CheckedRow, kept: int | None = None) -> CorrectedRow:
    """Return the correction of a row of the list by this invocation."""
    cells = {"before": cells_of(before), "after": cells_of(after)}
    change = Correction(line=before.line, columns=COLUMNS, **cells)
    return CorrectedRow(line=before.line, kept=kept, change=change, note=note_of(COLUMNS, *cells.values()))


def merge(ledger: LedgerStore, rows: Sequence[CheckedRow], corrected: Sequence[CorrectedRow] = ()) -> Run:
    """Merge a list with corrected rows, as every invocation does."""
    ledger.staging.clear()
    ledger.staging.add(staged(rows))
    ledger.corrections.stage(corrected)
    return ledger.staging.merge(
        job="payroll", run_key="2026-11", environment="sandbox", list_path="payroll.csv", columns=COLUMNS, by="ann"
    )


@pytest.fixture
def wrong(row: MakeRow) -> CheckedRow:
    """A row of the list whose payment fails."""
    return row(1, line=2)


@pytest.fixture
def right(row: MakeRow) -> CheckedRow:
    """What it is corrected to."""
    return row(2, line=2)


@pytest.fixture
def failed(ledger: LedgerStore, wrong: CheckedRow, start: Start, bring: Callable[..., Attempt]) -> Run:
    """A run whose only row failed."""
    run = start(ledger, [wrong])
    bring(run, RowState.FAILED)
    return run


def test_a_replaced_row_is_no_row_of_the_run_any_more(
    ledger: LedgerStore, failed: Run, wrong: CheckedRow, right: CheckedRow, bring: Callable[..., Attempt]
) -> None:
    merge(ledger, [right], [correction_of(wrong, right)])
    [kept] = ledger.corrections.of_run(failed)
    assert (kept.before, kept.after) == (cells_of(wrong), cells_of(right))
    assert ledger.retries.choose(failed, RetryChoice())[0] == 0
    bring(failed, RowState.COMPLETED)
    merge(ledger, [right], [CorrectedRow(line=2, kept=kept.id, change=None, note=kept.note)])
    assert ledger.rows.counts(failed)[RowState.FAILED] == 0
    assert ledger.rows.totals(failed, in_list=False) == {}
    [outcome] = outcomes(ledger, failed)
    assert (outcome.state, outcome.note) == ("completed", 'Corrected: "phone" was "+6595123001", is "+6595123002".')
    assert [group.state for group in ledger.outcomes.groups(failed)] == ["completed"]
    assert ledger.conflicts.count_mismatches(failed) == 0


def test_a_row_whose_replaced_row_was_paid_after_all_is_not_sent(
    ledger: LedgerStore, failed: Run, wrong: CheckedRow, right: CheckedRow
) -> None:
    merge(ledger, [right], [correction_of(wrong, right)])
    [kept] = ledger.corrections.of_run(failed)
    [[row_id]] = ledger.file.fetch_all("SELECT id FROM rows WHERE in_list = -1")
    late = Move(row_id=row_id, attempt=1, before=RowState.FAILED, after=RowState.CONFLICT, cause="late")
    ledger.attempts.record([late])
    assert ledger.attempts.claim(failed, 9) == [], "judged when it is claimed"
    assert {each.state for each in outcomes(ledger, failed)} == {"conflict", "refused"}
    ledger.staging.clear()
    ledger.staging.add(staged([right]))
    ledger.corrections.stage([CorrectedRow(line=2, kept=kept.id, change=None, note=kept.note)])
    difference = ledger.staging.preview(failed)
    assert (difference.possible_duplicates, difference.to_send) == (1, 0)


def test_the_ids_that_come_next_are_also_those_of_a_row_that_may_have_been_corrected_back(
    ledger: LedgerStore, failed: Run, wrong: CheckedRow, right: CheckedRow
) -> None:
    merge(ledger, [right], [correction_of(wrong, right)])
    # The ledger has no transaction of its attempt, so that its ID is free.
    ids = {failed.ids.external_id(each.identity, 1) for each in (wrong, right)}
    assert ids <= set(ledger.lacking_ids.next(failed, 10))


@pytest.mark.parametrize("is_first", [False, True])
def test_a_row_with_the_old_value_beside_the_corrected_one_is_no_second_payment_of_that(
    ledger: LedgerStore,
    failed: Run,
    wrong: CheckedRow,
    right: CheckedRow,
    row: MakeRow,
    bring: Callable[..., Attempt],
    is_first: bool,
) -> None:
    merge(ledger, [right], [correction_of(wrong, right)])
    bring(failed, RowState.COMPLETED)
    [kept] = ledger.corrections.of_run(failed)
    lines = (5, 7) if is_first else (7, 5)  # of a new row that is taken for the corrected one, and of that
    second = {line: f"party:2{'#2' * number}" for number, line in enumerate(sorted(lines))}
    rows = [row(2, line=line, identity=second[line]) for line in sorted(lines)]
    ledger.staging.clear()
    ledger.staging.add(staged(rows))
    ledger.corrections.stage([CorrectedRow(line=lines[0], kept=kept.id, change=None, note=kept.note)])
    difference = ledger.staging.preview(failed)
    assert (difference.to_send, difference.possible_duplicates, difference.completed) == (0, 1, 1)


def test_a_row_waits_while_what_it_replaced_may_still_be_paid(
    ledger: LedgerStore, wrong: CheckedRow, right: CheckedRow, start: Start, move: MakeMove, clock: Any
) -> None:
    run = start(ledger, [wrong])
    [attempt] = ledger.attempts.claim(run, 9)
    now = clock.now()
    ledger.absences.start(attempt, sent_at=now, due_at=now, after=RowState.FAILED, message="DVS did not accept it.")
    ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.FAILED)])
    merge(ledger, [right], [correction_of(wrong, right)])
    assert ledger.attempts.claim(run, 9) == []
    assert ledger.attempts.pending(run) == (0, None)
    assert ledger.absences.withheld(run) == (1, now + MAY_ARRIVE)
    clock.seconds += MAY_ARRIVE.total_seconds()
    assert ledger.absences.withheld(run) == (0, None)
    assert len(ledger.attempts.claim(run, 9)) == 1


def test_a_row_does_not_wait_for_what_another_correction_replaced(
    ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove, clock: Any
) -> None:
    wrong, right = [row(1, line=2), row(2, line=3)], [row(3, line=2), row(4, line=3)]
    run = start(ledger, wrong)
    attempts, now = ledger.attempts.claim(run, 9), clock.now()
    ledger.absences.start(attempts[0], sent_at=now, due_at=now, after=RowState.FAILED, message="No.")
    ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.FAILED) for attempt in attempts])
    merge(ledger, right, [correction_of(*each) for each in zip(wrong, right, strict=True)])
    other = start(ledger, [row(4)], run_key="other")
    assert (ledger.attempts.pending(run), ledger.absences.withheld(run)) == ((1, None), (1, now + MAY_ARRIVE))
    assert (ledger.attempts.pending(other), ledger.absences.withheld(other)) == ((1, None), (0, None))
    assert [json.loads(each.request)["credit_party_identifier"] for each in ledger.attempts.claim(run, 9)] == [
        {"mobile_number": "+6595123004"}
    ]


def test_a_correction_stays_with_its_row_where_another_list_has_that_in_a_form_that_can_be_sent(
    ledger: LedgerStore, wrong: CheckedRow, right: CheckedRow, start: Start
) -> None:
    problems = (Problem(column="amount", message="too large"),)
    before, after = (replace(each, identity="reference:B", problems=problems, request=None) for each in (wrong, right))
    run = start(ledger, [before])
    merge(ledger, [after], [correction_of(before, after)])
    for add in (True, False):
        ledger.staging.clear()
        ledger.staging.add(staged([replace(right, line=3, identity="reference:B")]))
        difference = ledger.staging.preview(run, comparison=Comparison(runs=(), add=add))
        assert (difference.to_send, difference.possible_duplicates) == (1, 0)
        run = ledger.staging.merge(
            job="payroll",
            run_key="2026-11",
            environment="sandbox",
            list_path="b.csv",
            columns=COLUMNS,
            by="ann",
            add=add,
        )
        notes = {each.state: each.note for each in outcomes(ledger, run)}
        assert notes == {"refused": 'Corrected: "phone" was "+6595123001", is "+6595123002".', "pending": ""}


def test_two_corrected_rows_are_corrected_to_each_others_values(
    ledger: LedgerStore, row: MakeRow, start: Start, move: MakeMove
) -> None:
    listed = [row(1, line=2), row(2, line=3)]
    run = start(ledger, listed)
    ledger.attempts.record([move(each, RowState.IN_FLIGHT, RowState.FAILED) for each in ledger.attempts.claim(run, 9)])
    first = [row(3, line=2), row(4, line=3)]
    merge(ledger, first, list(map(correction_of, listed, first)))
    ledger.attempts.record([move(each, RowState.IN_FLIGHT, RowState.FAILED) for each in ledger.attempts.claim(run, 9)])
    swapped = [row(4, line=2), row(3, line=3)]
    ids = [each.id for each in ledger.corrections.of_run(run)]
    merge(ledger, swapped, list(map(correction_of, first, swapped, ids)))
    kept = {each.before: each.after for each in ledger.corrections.of_run(run)}
    assert kept == dict(zip(map(cells_of, (*listed, *first)), map(cells_of, (*swapped, *swapped)), strict=True))


def test_a_row_that_was_corrected_back_and_again_is_corrected_from_each_of_its_values(
    ledger: LedgerStore, failed: Run, wrong: CheckedRow, right: CheckedRow, row: MakeRow, bring: Callable[..., Attempt]
) -> None:
    merge(ledger, [right], [correction_of(wrong, right)])
    bring(failed, RowState.FAILED)
    [first] = ledger.corrections.of_run(failed)
    merge(ledger, [wrong], [correction_of(right, wrong, first.id)])
    bring(failed, RowState.FAILED)
    last = row(3, line=2)
    merge(ledger, [last], [correction_of(wrong, last)])
    kept = {each.before: each.after for each in ledger.corrections.of_run(failed)}
    assert kept == dict.fromkeys((cells_of(wrong), cells_of(right)), cells_of(last))


def test_a_row_is_corrected_again_after_its_list_got_a_column(
    ledger: LedgerStore, failed: Run, wrong: CheckedRow, right: CheckedRow, row: MakeRow, bring: Callable[..., Attempt]
) -> None:
    merge(ledger, [right], [correction_of(wrong, right)])
    bring(failed, RowState.FAILED)
    [first] = ledger.corrections.of_run(failed)
    last = row(3, line=2)
    columns = ("name", *COLUMNS)
    before, after = (("Ann", *cells_of(each)) for each in (right, last))
    change = Correction(line=2, columns=columns, before=before, after=after)
    merge(ledger, [last], [CorrectedRow(line=2, kept=first.id, change=change, note="changed")])
    kept = ledger.corrections.of_run(failed)
    assert [each.columns for each in kept] == [columns] * 2
    assert {each.before: each.after for each in kept} == {("Ann", *cells_of(wrong)): after, before: after}


def test_a_purge_removes_kept_corrections(
    ledger: LedgerStore, failed: Run, wrong: CheckedRow, right: CheckedRow, bring: Callable[..., Attempt]
) -> None:
    merge(ledger, [right], [correction_of(wrong, right)])
    bring(failed, RowState.COMPLETED)
    ledger.purges.purge(failed)
    assert ledger.corrections.of_run(failed) == []


#: Merges a correction, and dies at the statement with the given text.
WORKER = """
import json, os, signal, sys
from pathlib import Path
from bulk_topup.domain.corrections import CorrectedRow, Correction
from bulk_topup.domain.row import StagedRow
from bulk_topup.ledger import LedgerStore

path, deadly, row, change = sys.argv[1:]

def die_at(statement):
    if deadly in statement:
        os.kill(os.getpid(), signal.SIGKILL)

ledger = LedgerStore(Path(path))
ledger.staging.clear()
ledger.staging.add([StagedRow(*json.loads(row))])
change = Correction(**json.loads(change))
ledger.corrections.stage([CorrectedRow(line=change.line, kept=None, change=change, note="changed")])
ledger.file.connection.set_trace_callback(die_at)
ledger.staging.merge(job="payroll", run_key="2026-11", environment="sandbox", list_path="x", columns=["phone"])
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("by_reference", [False, True])
@pytest.mark.parametrize(
    ("deadly", "is_saved"),
    [
        ("INSERT INTO corrections", False),
        ("UPDATE rows SET in_list = 0", False),
        ("UPDATE rows SET state = 'pending'", False),
        ("UPDATE rows SET in_list = -1", False),
        ("nothing like this", True),
    ],
)
def test_a_process_killed_at_any_statement_leaves_a_correction_that_is_sent_or_none(
    path: Path,
    ledger: LedgerStore,
    row: MakeRow,
    start: Start,
    bring: Callable[..., Attempt],
    deadly: str,
    is_saved: bool,
    by_reference: bool,
) -> None:
    same = {"identity": "reference:A"} if by_reference else {}
    wrong, right = row(1, line=2, **same), row(2, line=2, **same)
    run = start(ledger, [wrong])
    bring(run, RowState.FAILED)
    change = {"line": 2, "columns": COLUMNS, "before": cells_of(wrong), "after": cells_of(right)}
    words = [str(path), deadly, json.dumps(right.staged()), json.dumps(change)]
    done = subprocess.run(
        [sys.executable, "-c", WORKER, *words], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (-signal.SIGKILL, "")
    [outcome] = outcomes(ledger, run)
    assert (outcome.state, outcome.credit_party) == (
        ("pending", right.credit_party) if is_saved else ("failed", wrong.credit_party)
    )
    assert len(ledger.corrections.of_run(run)) == is_saved


#: People of the histories, each with this many numbers.
PEOPLE, NUMBERS = 3, 3
#: Steps of a history: what is done, to whom, and how.
steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["start", "reorder", "correct", "correct", "correct later", "old file", "send", "send", "retry"]
        ),
        st.integers(0, PEOPLE - 1),
        st.integers(0, NUMBERS - 1),
    ),
    max_size=14,
)


class _List:
    """A list as a table."""

    def __init__(self, rows: Sequence[tuple[int, list[str]]]) -> None:
        self.header, self.header_line = list(COLUMNS), 1
        self._rows = rows

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the rows."""
        yield from ((line, list(cells)) for line, cells in self._rows)


class _History:
    """A run of a list that nobody ever corrects, and the payments of its people."""

    def __init__(self, ledger: LedgerStore, row: MakeRow, move: MakeMove, *, by_reference: bool) -> None:
        self._ledger, self._row, self._move = ledger, row, move
        self._by_reference = by_reference
        self._order = list(range(PEOPLE))
        #: The files of corrections.
        self._files: list[Corrections] = []
        self.paid: Counter[int] = Counter()
        #: The number that each person has by the corrections that were accepted.
        self.numbers = [10 * who for who in range(PEOPLE)]
        self.run = self.start()

    def start(self, corrections: Corrections | None = None) -> Run:
        """Start the run with the list as it is, and corrections of a file."""
        listed = [(place + 2, [f"+6595123{10 * who:03}", "10"]) for place, who in enumerate(self._order)]
        found = self._ledger.runs.find("payroll", "2026-11")
        lines = () if corrections is None else corrections.rows.keys()
        table = CorrectedTable(
            _List(listed),
            "payroll.csv",
            kept=[] if found is None else self._ledger.corrections.of_run(found),
            corrections=corrections,
            known={} if found is None else self._ledger.rows.cells(found, lines),
            states={} if found is None else self._ledger.rows.sent_lines(found, lines),
        )
        rows = []
        for line, cells in table.rows():
            number = int(cells[0].removeprefix("+6595123"))
            identity = f"reference:{number // 10}" if self._by_reference else f"party:{number}"
            rows.append(self._row(number, line=line, identity=identity))
        for row in table.corrected:
            if row.change is not None:
                number = int(row.change.after[0].removeprefix("+6595123"))
                self.numbers[number // 10] = number
        run = merge(self._ledger, rows, table.corrected)
        assert {row.credit_party for row in rows} == {f"+6595123{number:03}" for number in self.numbers}
        return run

    def correct(self, who: int, number: int, *, is_given: bool) -> None:
        """Correct a row in the not-completed file of the run's report, as far as it is there."""
        for outcome in outcomes(self._ledger, self.run):
            if outcome.in_list and int(outcome.cells[0].removeprefix("+6595123")) // 10 == who:
                cells = [f"+6595123{10 * who + number:03}", "10", str(outcome.line), f"Not paid. {outcome.note}"]
                columns = (*COLUMNS, "list_line", "reason", "list_fingerprint")
                cells.append(row_fingerprint(COLUMNS, outcome.cells))
                self._files.append(Corrections(name="rest.csv", columns=columns, rows={outcome.line: (2, cells)}))
                if is_given:
                    self.give(len(self._files) - 1)

    def give(self, index: int) -> None:
        """Start the run with a file, which may be refused, and may be of an older list."""
        if not self._files:
            return
        try:
            self.start(self._files[index % len(self._files)])
        except ListError as error:
            assert "changed since" in str(error) or "sent since" in str(error) or "is paid" in str(error)  # noqa: PT017

    def reorder(self, who: int) -> None:
        """Move a row of the list to its beginning, and start the run."""
        self._order.remove(who)
        self._order.insert(0, who)
        self.start()

    def send(self, *, succeeds: bool) -> None:
        """Send all pending rows."""
        for attempt in self._ledger.attempts.claim(self.run, 9):
            after = RowState.COMPLETED if succeeds else RowState.FAILED
            self._ledger.attempts.record([self._move(attempt, RowState.IN_FLIGHT, after)])
            number = json.loads(attempt.request)["credit_party_identifier"]["mobile_number"]
            self.paid[int(number.removeprefix("+6595123")) // 10] += succeeds

    def retry(self) -> None:
        """Retry all failed rows."""
        self._ledger.retries.choose(self.run, RetryChoice())
        self._ledger.retries.apply("retry asked for")


@pytest.mark.parametrize("by_reference", [False, True])
def test_nobody_is_paid_twice_in_any_history_of_corrections(
    row: MakeRow, move: Callable[..., Move], facts: Callable[..., Facts], by_reference: bool
) -> None:
    ids = iter(range(1, 1_000_000))

    def moved(attempt: Attempt, before: RowState, after: RowState) -> Move:
        known = facts(transaction_id=next(ids), status_class=after.name, status_message=after.name)
        return move(attempt, before, after, facts=known)

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(history=steps)
    @example([("send", 0, 1), ("correct later", 1, 1), ("reorder", 1, 0), ("old file", 0, 0)])
    def play(history: list[tuple[str, int, int]]) -> None:
        with tempfile.TemporaryDirectory() as folder, LedgerStore(Path(folder) / "ledger.db") as ledger:
            played = _History(ledger, row, moved, by_reference=by_reference)
            for what, who, number in history:
                if what == "start":
                    played.start()
                elif what == "reorder":
                    played.reorder(who)
                elif what in {"correct", "correct later"}:
                    played.correct(who, number, is_given=what == "correct")
                elif what == "old file":
                    played.give(number)
                elif what == "send":
                    played.send(succeeds=number == 0)
                else:
                    played.retry()
                assert max(played.paid.values(), default=0) <= 1
                assert len([each for each in outcomes(ledger, played.run) if each.in_list]) == PEOPLE
            played.start()
            played.retry()
            played.send(succeeds=True)
            assert played.paid == dict.fromkeys(range(PEOPLE), 1), "nobody is forgotten"
            counts = ledger.rows.counts(played.run)
            assert counts[RowState.COMPLETED] == PEOPLE == sum(counts.values())

    play()
