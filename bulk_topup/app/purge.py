"""Purges the personal data of old runs: which runs may be purged, and why others may not; writes the ledger."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bulk_topup.app.remote_list.kept_copies import remove_copies
from bulk_topup.domain.guards import guards_of
from bulk_topup.domain.run import Run
from bulk_topup.domain.verdict import format_rows, run_arguments
from bulk_topup.errors import RunLockedError, RunNotFoundError
from bulk_topup.ledger import LedgerStore, run_lock


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A run, and whether its personal data can be purged."""

    run: Run
    rows: int
    #: The run's last change, in UTC.
    last_at: datetime
    #: Why its personal data cannot be purged, as a sentence; empty if it can.
    why_not: str


def candidates(ledger: LedgerStore, runs: Collection[Run], *, older_than: timedelta, now: datetime) -> list[Candidate]:
    """Return for each run whether it can be purged; nothing changes.

    A run can be purged once it is finished, has not changed for `older_than`, and no velocity limit of any run in the
    ledger covers its payments.

    Args:
        ledger: an open ledger.
        runs: the runs to check.
        older_than: how long a run must be unchanged.
        now: the time, in UTC.
    """
    periods = [guards.velocity.period for run in ledger.runs.all() if (guards := guards_of(run.guards)).velocity]
    velocity_period = max(periods, default=timedelta(0))

    def check(run: Run) -> Candidate:
        activity = ledger.purges.activity(run)
        age = now - activity.last_at
        why_not = ""
        if run.purged_at is not None:
            why_not = f"It was purged {run.purged_at:%Y-%m-%d %H:%M} UTC."
        elif activity.unfinished:
            rows = format_rows(activity.unfinished)
            why_not = f"{rows} open or in conflict. `bulk-topup status {run_arguments(run)}` shows what to do."
        elif age <= older_than:
            why_not = f"It changed {_format_days(age.days)} ago."
        elif age <= velocity_period:
            why_not = f"A velocity limit covers {_format_days(velocity_period.days)}, and needs its beneficiaries."
        return Candidate(run=run, rows=activity.rows, last_at=activity.last_at, why_not=why_not)

    return [check(run) for run in runs]


def purge(
    ledger: LedgerStore, found: Collection[Candidate], *, older_than: timedelta, now: datetime
) -> list[Candidate]:
    """Purge the personal data of those runs that can be purged, from the ledger and from the bytes of its file.

    Kept answers about numbers go with them, whether or not there is a run to purge.

    Args:
        ledger: an open ledger.
        found: the result of `candidates`; each run is checked again under its lock.
        older_than: how long a run must be unchanged.
        now: the time, in UTC.

    Returns:
        These runs as they were before; with a reason, if one could not be purged after all.

    Raises:
        LedgerError: another process reads the file, so the old bytes stay in it until the next purge.
    """
    # First, so that a purge that is interrupted has done it: those of lists that were only planned belong to no run.
    ledger.kept_answers.forget_people()
    done = [_purge_run(ledger, each.run, older_than, now) for each in found if not each.why_not]
    # Even if there is nothing to purge: an earlier purge may have ended before this.
    ledger.purges.scrub()
    return done


def _purge_run(ledger: LedgerStore, run: Run, older_than: timedelta, now: datetime) -> Candidate:
    try:
        with run_lock(ledger.path, run.job, run.run_key):
            fresh = ledger.runs.again(run)
            [candidate] = candidates(ledger, [fresh], older_than=older_than, now=now)
            if not candidate.why_not:
                ledger.purges.purge(fresh)
                remove_copies(fresh, ledger)
            return candidate
    except (RunLockedError, RunNotFoundError) as error:
        [candidate] = candidates(ledger, [run], older_than=older_than, now=now)
        return replace(candidate, why_not=str(error))


def _format_days(number: int) -> str:
    return f"{number:,} {'day' if number == 1 else 'days'}"
