"""Runs found by their names in any spelling, and renamed."""

import sqlite3
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.domain.identity import external_id
from bulk_topup.domain.identity_version import IdentityVersion, RunIds
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.errors import LedgerError, RunNameError, RunNotFoundError
from bulk_topup.ledger import LedgerStore, RetryChoice
from tests.helpers.checked_rows import CheckedRow, staged
from tests.helpers.earlier_ledgers import write_earlier

Row = Callable[..., CheckedRow]
Start = Callable[..., Run]
NFD = unicodedata.normalize("NFD", "Café")


@pytest.fixture
def merge(ledger: LedgerStore, row: Row) -> Callable[..., Run]:
    """Return a function that merges one row into a run with a name."""

    def start(
        job: str, run_key: str, who: int = 1, version: IdentityVersion | None = None, *, is_rebuilt: bool = False
    ) -> Run:
        ledger.staging.clear()
        ledger.staging.add(staged([row(who)]))
        return ledger.staging.merge(
            job=job,
            run_key=run_key,
            environment="sandbox",
            list_path="x.csv",
            columns=(),
            ids=None if version is None else RunIds.of_name(job, run_key, version),
            is_rebuilt=is_rebuilt,
        )

    return start


@pytest.fixture
def earlier(tmp_path: Path, row: Row) -> Iterator[Callable[..., LedgerStore]]:
    """Yield a function that opens a ledger of an earlier version with runs of these names, each with one row."""
    with ExitStack() as stack:

        def make(*names: tuple[str, str]) -> LedgerStore:
            path = tmp_path / "earlier.db"
            write_earlier(path, *names, rows=[row(who) for who in range(len(names))])
            return stack.enter_context(LedgerStore(path))

        yield make


@pytest.mark.parametrize("job", ["Café", NFD, "CAFÉ", " Café"])
@pytest.mark.parametrize("run_key", ["2026-11", "2026–11", "2026-11 ", "２０２６-11"])
def test_a_run_is_found_and_merged_by_any_spelling_and_keeps_its_name(
    ledger: LedgerStore, merge: Start, job: str, run_key: str
) -> None:
    run = merge("Café", "2026-11")
    assert ledger.runs.find(job, run_key) == run
    again = merge(job, run_key, 2)
    assert (again.id, again.name) == (run.id, "Café/2026-11")
    assert ledger.rows.counts(run)[RowState.PENDING] == 1
    assert ledger.runs.named(f"{job}/{run_key}") == ledger.runs.named(run_key) == again
    assert ledger.runs.find(job, "2026-12") is None


def test_a_new_run_has_ids_of_its_folded_name(ledger: LedgerStore, merge: Start) -> None:
    run = merge("Payroll", "2026–11")
    [attempt] = ledger.attempts.claim(run, 1)
    assert attempt.external_id == external_id("payroll", "2026-11", "party:1", 1)


def test_a_run_of_an_earlier_version_keeps_the_ids_of_its_name_as_it_was_written(
    earlier: Callable[..., LedgerStore],
) -> None:
    with earlier(("Payroll", "2026–11")) as ledger:
        run = ledger.runs.find("payroll", "2026-11")
        assert run is not None
        assert (run.name, run.identity_version) == ("Payroll/2026–11", IdentityVersion.AS_WRITTEN)
        [attempt] = ledger.attempts.claim(run, 1)
        assert attempt.external_id == external_id("Payroll", "2026–11", "party:0", 1)


def test_a_run_that_an_earlier_version_adds_after_the_upgrade_is_found(ledger: LedgerStore, merge: Start) -> None:
    run = merge("Payroll", "2026-11", version=IdentityVersion.AS_WRITTEN)
    with ledger.file.transaction() as connection:
        connection.execute("UPDATE runs SET folded_job = '', folded_key = '', id_job = NULL, id_run_key = NULL")
    found = ledger.runs.find("payroll", "2026–11")
    assert found is not None
    assert (found.id, found.ids) == (run.id, run.ids)
    assert ledger.runs.find("payroll", "2026-12") is None


def test_two_runs_of_an_earlier_version_with_one_name_are_refused_only_at_a_start(
    earlier: Callable[..., LedgerStore],
) -> None:
    with earlier(("Payroll", "2026-11"), ("payroll", "2026-11 "), ("payroll", "2026-12")) as ledger:
        first, second, third = ledger.runs.all()
        for name in (("payroll", "2026-11"), ("Payroll", "2026-11"), ("payroll", "2026-11 ")):
            with pytest.raises(RunNameError, match='"Payroll/2026-11" and "payroll/2026-11 "') as caught:
                ledger.runs.find(*name)
            assert "bulk-topup ledger rename 'payroll/2026-11 '" in str(caught.value)
        assert ledger.runs.indistinct() == [[first, second]]
        assert ledger.runs.named("Payroll/2026-11") == first
        assert ledger.runs.named("payroll/2026-11 ") == second
        with pytest.raises(RunNotFoundError, match='Several runs match "PAYROLL/2026-11"'):
            ledger.runs.named("PAYROLL/2026-11")
        for run in (first, second):
            with pytest.raises(RunNameError):
                ledger.runs.check_is_distinct(run)
        ledger.runs.check_is_distinct(third)
        assert ledger.runs.find("PAYROLL", "2026-12") == third
        renamed = ledger.runs.rename(second, "payroll", "2026-11 second")
        assert ledger.runs.indistinct() == []
        assert ledger.runs.find("Payroll", "2026-11") == ledger.runs.find("PAYROLL", "2026-11") == first
        assert ledger.runs.find("payroll", "2026-11 SECOND") == renamed
        # This very spelling was the other run's.
        with pytest.raises(RunNameError, match="was renamed to payroll/2026-11 second"):
            ledger.runs.find("payroll", "2026-11 ")


def test_codes_show_how_names_beyond_ascii_differ(earlier: Callable[..., LedgerStore]) -> None:
    with earlier(("Café", "x"), (NFD, "x")) as ledger, pytest.raises(RunNameError) as caught:
        ledger.runs.find("café", "x")
    assert r'"Café/x" (Caf\xe9/x)' in str(caught.value)
    assert r"(Cafe\u0301/x)" in str(caught.value)


def test_a_renamed_run_keeps_its_ids_and_its_old_name_starts_nothing(
    ledger: LedgerStore, row: Row, move: Callable[..., Any], facts: Callable[..., Any]
) -> None:
    ledger.staging.clear()
    ledger.staging.add(staged([row(1), row(2)]))
    run = ledger.staging.merge(job="Pay", run_key="1", environment="sandbox", list_path="x.csv", columns=())
    [attempt] = ledger.attempts.claim(run, 1)
    ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.FAILED, facts=facts())])
    renamed = ledger.runs.rename(run, "Other", "2")
    assert (renamed.id, renamed.name, renamed.ids) == (run.id, "Other/2", run.ids)
    ledger.retries.choose(renamed, RetryChoice())
    ledger.retries.apply("retry")
    assert sorted(each.external_id for each in ledger.attempts.claim(renamed, 2)) == sorted(
        [external_id("pay", "1", "party:1", 2), external_id("pay", "1", "party:2", 1)]
    )
    for job in ("Pay", "PAY"):
        with pytest.raises(RunNameError, match="Run Pay/1 was renamed to Other/2"):
            ledger.runs.find(job, "1")
    again = ledger.runs.rename(renamed, "pay", "1")
    assert again.ids == run.ids
    assert ledger.runs.find("Pay", "1") == again
    with pytest.raises(RunNameError, match="was renamed to pay/1"):
        ledger.runs.find("other", "2")


def test_a_run_gets_no_name_that_another_one_has_or_had(ledger: LedgerStore, merge: Start) -> None:
    first, second = merge("pay", "1"), merge("pay", "2", 2)
    with pytest.raises(RunNameError, match="The ledger has run pay/1"):
        ledger.runs.rename(second, "PAY", "1 ")
    ledger.runs.rename(first, "pay", "3")
    with pytest.raises(RunNameError, match="The ledger has run pay/3, which has or had the name PAY/1"):
        ledger.runs.rename(second, "PAY", "1")
    assert [run.name for run in ledger.runs.all()] == ["pay/3", "pay/2"]
    # Another spelling of its own name is no other name.
    assert ledger.runs.rename(second, "Pay", "2").name == "Pay/2"
    assert ledger.runs.find("pay", "2") == ledger.runs.all()[1]


def test_a_run_that_was_renamed_since_it_was_read_is_not_worked_on(ledger: LedgerStore, merge: Start) -> None:
    run = merge("pay", "1")
    assert ledger.runs.again(run) == run
    ledger.runs.rename(run, "pay", "2")
    with pytest.raises(RunNotFoundError, match="Run pay/1 was just renamed to pay/2"):
        ledger.runs.again(run)


def test_folded_names_of_earlier_runs_are_written_once(earlier: Callable[..., LedgerStore]) -> None:
    ledger = earlier(("Payroll ", "2026–11"))
    with closing(sqlite3.connect(ledger.path)) as connection:
        found = connection.execute("SELECT job, folded_job, folded_key, identity_version FROM runs").fetchall()
    assert found == [("Payroll ", "payroll", "2026-11", 1)]


def test_a_rename_that_fails_changes_nothing(ledger: LedgerStore, merge: Start) -> None:
    run = merge("pay", "1")
    ledger.file.connection.execute(
        "CREATE TEMP TRIGGER stop BEFORE UPDATE ON runs BEGIN SELECT RAISE(ABORT, 'power loss'); END"
    )
    with pytest.raises(LedgerError, match="power loss"):
        ledger.runs.rename(run, "pay", "2")
    ledger.file.connection.execute("DROP TRIGGER stop")
    assert ledger.runs.find("pay", "1") == run
    assert ledger.runs.find("pay", "2") is None


def test_further_attempts_of_a_row_have_the_ids_of_its_first(
    ledger: LedgerStore, merge: Start, move: Callable[..., Any], facts: Callable[..., Any]
) -> None:
    """A rebuild may find a row under the IDs of another version than the run has."""
    run = merge("Pay", "1")
    ledger.rebuild.start(run)
    [(newest, earliest)] = ledger.rebuild.unsent(run, limit=9)
    assert newest.external_id == external_id("pay", "1", "party:1", 1)
    assert earliest.external_id == external_id("Pay", "1", "party:1", 1)
    ledger.rebuild.write_attempts([(earliest, run.created_at)], "rebuilt")
    ledger.attempts.record([move(earliest, RowState.IN_FLIGHT, RowState.FAILED, facts=facts())])
    ledger.retries.choose(run, RetryChoice())
    ledger.retries.apply("retry")
    [attempt] = ledger.attempts.claim(run, 1)
    assert attempt.external_id == external_id("Pay", "1", "party:1", 2)


def test_a_rebuild_of_a_list_that_has_not_ended_is_known(ledger: LedgerStore, merge: Start) -> None:
    plain, other = merge("pay", "1", is_rebuilt=True), merge("Pay", "2", is_rebuilt=True)
    old = merge("Pay", "3")  # what DVS has of it is added without its list
    assert [run.is_rebuilding for run in ledger.runs.all()] == [True, True, False]
    for run in (plain, other, old):
        ledger.rebuild.start(run)
    assert [run.is_rebuilding for run in ledger.runs.all()] == [True, True, False]
    for run in (plain, other):
        ledger.rebuild.end(run)
    assert not any(run.is_rebuilding for run in ledger.runs.all())
