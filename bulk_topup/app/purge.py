"""Forgets the people of runs that are long over: which runs that may be, and why not the others; prints nothing."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bulk_topup.domain.guards import guards_of
from bulk_topup.domain.run import Run
from bulk_topup.errors import RunLockedError
from bulk_topup.ledger import LedgerStore, run_lock


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A run, and whether its personal data can go."""

    run: Run
    rows: int
    #: When anything of it changed last, in UTC.
    last_at: datetime
    #: Why its personal data stays, as a sentence; empty where it can go.
    why_not: str


def candidates(ledger: LedgerStore, runs: Collection[Run], *, older_than: timedelta, now: datetime) -> list[Candidate]:
    """Look which runs can be purged; nothing changes.

    A run can once it is finished, rests since longer than `older_than`, and no limit on repeated payments of any run of
    the ledger looks back as far as its payments.

    Args:
        ledger: an open ledger.
        runs: the runs to look at.
        older_than: how long a run must have rested.
        now: the time, timezone-aware in UTC.
    """
    periods = [guards.velocity.period for run in ledger.runs.all() if (guards := guards_of(run.guards)).velocity]
    looked_back = max(periods, default=timedelta(0))

    def look(run: Run) -> Candidate:
        activity = ledger.purges.activity(run)
        age = now - activity.last_at
        why_not = ""
        if run.purged_at is not None:
            why_not = f"It was purged at {run.purged_at:%Y-%m-%d %H:%M} UTC."
        elif activity.unfinished:
            why_not = f"{activity.unfinished} of its rows are not final; `bulk-topup resume` goes on with it."
        elif age <= older_than:
            why_not = f"Something of it changed {age.days} days ago."
        elif age <= looked_back:
            why_not = (
                f"A limit on repeated payments looks back {looked_back.days} days, and needs to know whom it paid."
            )
        return Candidate(run=run, rows=activity.rows, last_at=activity.last_at, why_not=why_not)

    return [look(run) for run in runs]


def purge(
    ledger: LedgerStore, found: Collection[Candidate], *, older_than: timedelta, now: datetime
) -> list[Candidate]:
    """Remove the personal data of those runs that can be purged, from the ledger and from its file.

    Args:
        ledger: an open ledger.
        found: what `candidates` gave; each is looked at again under its lock.
        older_than: how long a run must have rested.
        now: the time, timezone-aware in UTC.

    Returns:
        Those runs as they were: a reason stands where one could not be purged after all.

    Raises:
        LedgerError: another process reads the file, so that the old bytes stay in it until this is done again.
    """
    done = [_purged(ledger, each.run, older_than, now) for each in found if not each.why_not]
    # Also where nothing is left to purge: an earlier purge may have ended before this.
    ledger.purges.scrub()
    return done


def _purged(ledger: LedgerStore, run: Run, older_than: timedelta, now: datetime) -> Candidate:
    try:
        with run_lock(ledger.path, run.job, run.run_key):
            fresh = ledger.runs.find(run.job, run.run_key) or run
            [candidate] = candidates(ledger, [fresh], older_than=older_than, now=now)
            if not candidate.why_not:
                ledger.purges.purge(fresh)
            return candidate
    except RunLockedError as error:
        [candidate] = candidates(ledger, [run], older_than=older_than, now=now)
        return replace(candidate, why_not=str(error))
