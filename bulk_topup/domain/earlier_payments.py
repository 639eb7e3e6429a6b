"""Define which payments of other runs a run is compared with, and what the comparison found; pure."""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, tzinfo
from typing import Final, Self

from bulk_topup.domain.not_the_same import NotTheSame
from bulk_topup.domain.period import Period
from bulk_topup.domain.run import BARE_LIST, Run
from bulk_topup.domain.run_names import fold_name

#: Most runs that a message names.
MAX_RUNS_NAMED: Final = 3
#: What is named in place of a run where another ledger paid.
ELSEWHERE: Final = "another ledger"
#: Lists of up to this many rows are the same list only if all rows are the same.
SHORT_LIST: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonPolicy:
    """How far back a run is compared with the other runs of its ledger; kept with the run as JSON."""

    #: The period in which a beneficiary is paid the same only once, as `Period` names it.
    period: str = Period.once().name
    #: Keys of the job's runs of other periods match this regular expression; None if its keys name no period.
    period_keys: str | None = None
    #: Whether the schedule started the run for a due time.
    is_scheduled: bool = False
    #: Jobs that pay the same beneficiaries on purpose.
    beside: tuple[str, ...] = ()
    #: Whether products are chosen automatically, so that the same payment may have another product.
    any_product: bool = False
    #: The time zone of days and months, as IANA names it; None for the machine's.
    time_zone: str | None = None
    #: The day that the run is for, as an ISO date, but never one after its first start; None if unknown.
    day: str | None = None

    def as_json(self) -> str:
        """Return it as the ledger keeps it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the policy of a text of `as_json`."""
        values = json.loads(text)
        return cls(**{**values, "beside": tuple(values["beside"])})


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedRun:
    """Another run whose payments count."""

    run: Run
    #: Payments from this time count, in UTC; None for all.
    since: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Repetition:
    """What an invocation says about other runs, rows that they have paid, and rows that look like others."""

    #: Whether the schedule starts it for a due time.
    is_scheduled: bool = False
    #: Why such rows are paid again; None to refuse them.
    pay_again: str | None = None
    #: Why earlier runs of the job stay open beside a new one; None if they stop it.
    leave_open: str | None = None
    #: Rows that a person has found to be others than those that they look like; None for none.
    not_the_same: NotTheSame | None = None
    #: Whether the list is added to its run, whose other rows stay as they are.
    add: bool = False


#: The repetition of an invocation that says nothing.
NO_REPETITION: Final = Repetition()


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """What a list is compared with."""

    runs: tuple[ComparedRun, ...]
    #: The environment that pays; bills are compared with those of all its runs.
    environment: str = ""
    #: Whether a payment of another product may be the same.
    any_product: bool = False
    #: Why rows that other runs have paid are paid again; empty to refuse them.
    pay_again: str = ""
    #: Rows that a person has found to be others than those that they look like; None for none.
    not_the_same: NotTheSame | None = None
    #: Whether the list is added to its run, whose other rows stay as they are.
    add: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class SentRows:
    """Rows that a run has sent and that are not known to have failed."""

    #: The run's name.
    run: str
    rows: int
    #: When the first and the last of them were sent, in UTC.
    first: datetime
    last: datetime

    @property
    def days(self) -> str:
        """When they were sent for people: one day, or the first and the last."""
        return self._span("%Y-%m-%d")

    @property
    def times(self) -> str:
        """When they were sent for people: one time, or the first and the last."""
        return self._span("%Y-%m-%d %H:%M UTC")

    def as_json(self) -> dict[str, object]:
        """Return it as plain JSON values."""
        return {"run": self.run, "rows": self.rows, "first": self.first.isoformat(), "last": self.last.isoformat()}

    def _span(self, form: str) -> str:
        first, last = f"{self.first:{form}}", f"{self.last:{form}}"
        return first if first == last else f"{first} to {last}"


@dataclass(frozen=True, kw_only=True, slots=True)
class RepeatedRun(SentRows):
    """Rows of another run that rows of the list repeat on purpose."""

    #: Why they do.
    reason: str

    def as_json(self) -> dict[str, object]:
        """Return it as plain JSON values."""
        return {**SentRows.as_json(self), "reason": self.reason}


@dataclass(frozen=True, kw_only=True, slots=True)
class EarlierPayments:
    """Rows of a list that other runs have paid or may have paid: same credit party, amount, unit and product."""

    #: Rows refused for it.
    refused: int = 0
    #: Rows that this invocation pays again on purpose.
    paid_again: int = 0
    #: What the list pays again on purpose, by this invocation or by earlier ones of its run: of each run and reason.
    repeated: tuple[RepeatedRun, ...] = ()
    #: Payments that these rows repeat beside those of `repeated`, of which each row has one.
    more_repeated: int = 0
    #: SHA-256 of these rows' identities, the payments that they repeat, and the reasons, in hexadecimal; empty without
    #: any.
    paid_again_sha256: str = ""
    #: Whether this is the list of other runs: half of the rows or more, whatever the product.
    is_same_list: bool = False
    #: What these rows repeat of other runs, those with the most rows first.
    runs: tuple[SentRows, ...] = field(default=())
    #: When the last payment was sent that would have been compared, were its run not purged; None for none.
    unknown_until: datetime | None = None


def policy_of(run: Run) -> ComparisonPolicy:
    """Return the policy that is kept with a run; the default one if an earlier version started it."""
    return ComparisonPolicy() if run.comparison is None else ComparisonPolicy.from_json(run.comparison)


def compared_runs(
    policy: ComparisonPolicy, runs: Iterable[Run], *, job: str, run_key: str, moment: datetime
) -> tuple[ComparedRun, ...]:
    """Return the runs whose payments count for a run, each with the time from which they do.

    Args:
        policy: the run's policy.
        runs: the other runs of its environment.
        job: the name of its job.
        run_key: its key.
        moment: when it was first started, in UTC.
    """
    start = _period_start(policy, moment)
    found = []
    for run in runs:
        other = policy_of(run)
        if _names(policy.beside, run.job) or _names(other.beside, job):
            continue
        if fold_name(run.job) == fold_name(job) and _names_another_period(policy, run_key, run.run_key):
            if policy.is_scheduled or _are_apart(policy, other):
                continue
            length = Period(policy.period).length
            known = other.day is not None or length is None
            found.append(ComparedRun(run=run, since=None if known or length is None else moment - length / 2))
        else:
            found.append(ComparedRun(run=run, since=start))
    return tuple(found)


def compared_runs_of_earlier_version(run: Run, others: Iterable[Run]) -> tuple[ComparedRun, ...]:
    """Return the runs whose payments count for a run that an earlier version started, whose period is unknown.

    A list without a job file is compared with all payments. Of a job, those before it began may be of other periods,
    but other jobs and lists count from the beginning of its month.

    Args:
        run: the run.
        others: the other runs of its environment.
    """
    month = Period("month").start(run.created_at)
    found = []
    for other in others:
        since = run.created_at if fold_name(other.job) == fold_name(run.job) else month
        found.append(ComparedRun(run=other, since=None if run.job == BARE_LIST else since))
    return tuple(found)


def is_in_period(run: Run, now: datetime) -> bool:
    """Return True if the period that a run is for has not ended.

    Args:
        run: the run.
        now: the time, in UTC.
    """
    policy = policy_of(run)
    start = _period_start(replace(policy, day=None), now)
    if start is None:
        return True
    first = run.created_at
    if policy.day is not None:
        day = date.fromisoformat(policy.day)
        zone = start.astimezone(_zone(policy.time_zone)).tzinfo
        first = min(first, datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=zone))
    return first >= start


def _period_start(policy: ComparisonPolicy, moment: datetime) -> datetime | None:
    """Return when the period of the run's day, or of its first start if that is earlier, began; None for all time."""
    zone = _zone(policy.time_zone)
    local = moment.astimezone(zone)
    if policy.day is not None:
        day = date.fromisoformat(policy.day)
        local = min(local, datetime(day.year, day.month, day.day, tzinfo=local.tzinfo))
    start = Period(policy.period).start(local)
    return None if start is None else start.astimezone(UTC)


def _are_apart(policy: ComparisonPolicy, other: ComparisonPolicy) -> bool:
    """Return True if half a period or more lies between the days of two runs, both known."""
    length = Period(policy.period).length
    if length is None or policy.day is None or other.day is None:
        return False
    return abs(date.fromisoformat(policy.day) - date.fromisoformat(other.day)) * 2 >= length


def _names(jobs: Iterable[str], job: str) -> bool:
    return fold_name(job) in map(fold_name, jobs)


def _zone(name: str | None) -> tzinfo | None:
    from zoneinfo import ZoneInfo  # heavy: not for commands that only read

    return None if name is None else ZoneInfo(name)


def is_same_list(matched: int, rows: int) -> bool:
    """Return True if so many matching rows make it the same list: half of the rows, of a short list all."""
    return matched > 0 and (matched == rows or (rows > SHORT_LIST and 2 * matched >= rows))


def _names_another_period(policy: ComparisonPolicy, key: str, other: str) -> bool:
    if policy.period_keys is None or fold_name(key) == fold_name(other):
        return False
    return all(re.fullmatch(policy.period_keys, each) for each in (key, other))
