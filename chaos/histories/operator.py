"""The person at the office's computer: starts and resumes, does what a message says, and ends a period."""

from pathlib import Path

from bulk_topup.domain.run import Run
from bulk_topup.domain.states import OPEN_STATES, RowState
from bulk_topup.errors import AccountMismatchError, LedgerBehindError, RunNotRebuiltError
from bulk_topup.ledger import RetryChoice
from chaos.histories.judge import disagreeing_books, forgotten, paid_twice, wrong_success
from chaos.histories.office import CALM, End, Office, Trouble


def end_period(office: Office) -> None:
    """End a period without faults, and judge it."""
    ends = settle(office)
    office.complaints += [*paid_twice(office), *forgotten(office, ends), *disagreeing_books(office)]


def settle(office: Office) -> list[End]:
    """End a period without faults: resume, reconcile and retry its runs, start its list under each of its names.

    Returns:
        How the last start under each name ended.
    """
    office.deliver_everything()
    for _ in range(4):
        for run in office.runs_with(*OPEN_STATES):
            resume(office, run, CALM)
    for run in office.runs():
        office.reconcile(run)
    for run in office.runs_with(RowState.FAILED):
        resume(office, run, CALM, retry=RetryChoice())
    ends = [start(office, CALM, name=name) for name in office.names]
    # What reconciling finds of a row that was given up goes on, so its run is resumed and compared once more.
    for _ in range(2):
        for run in office.runs_with(*OPEN_STATES):
            resume(office, run, CALM)
        for run in office.runs():
            office.reconcile(run)
    open_ = [run for run in office.runs_with(*OPEN_STATES) if not _is_waiting(office, run)]
    office.complaints += [f"Open at the end: {run.name}." for run in open_]
    return ends


def _is_waiting(office: Office, run: Run) -> bool:
    """Return True if all open rows of a run wait because what was sent before their correction may still arrive."""
    with office.opened() as ledger:
        counts = ledger.rows.counts(run)
        return ledger.absences.withheld(run)[0] == sum(counts[state] for state in OPEN_STATES)


def start(office: Office, trouble: Trouble, *, name: str | None = None, corrections: Path | None = None) -> End:
    """Start the list; do what a refusal says about the key pair, the ledger or a rebuild."""
    end = office.start(name=name, trouble=trouble, corrections=corrections)
    if isinstance(end.error, AccountMismatchError):
        office.says_same_account = True
        end = office.start(name=name, trouble=trouble, corrections=corrections)
    if isinstance(end.error, LedgerBehindError) and (runs := office.runs()):
        for run in runs:
            office.rebuild(run)
        end = office.start(name=name, trouble=trouble, corrections=corrections)
    if isinstance(end.error, RunNotRebuiltError):
        office.rebuild(name=name)
        end = office.start(name=name, trouble=trouble, corrections=corrections)
    office.complaints += wrong_success(office, end)
    if end.code == 0 and trouble == CALM:
        office.done.discard("restored")
    return end


def resume(office: Office, run: Run, trouble: Trouble, *, retry: RetryChoice | None = None) -> End:
    """Resume a run or retry its failed rows; do what a refusal says about the key pair, the ledger or a rebuild."""
    end = office.resume(run, retry=retry, trouble=trouble)
    if isinstance(end.error, AccountMismatchError):
        office.says_same_account = True
        end = office.resume(run, retry=retry, trouble=trouble)
    if isinstance(end.error, LedgerBehindError):
        office.rebuild(run)
        end = office.resume(run, retry=retry, trouble=trouble)
    if isinstance(end.error, RunNotRebuiltError):
        office.rebuild(name=run.job if office.is_job else run.run_key)
        end = office.resume(run, retry=retry, trouble=trouble)
    return end
