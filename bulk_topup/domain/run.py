"""Define a run as the ledger records it, its closing, and what it was started beside; pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Closing:
    """A person's decision that nothing more of a run is sent; it can't be undone."""

    #: When, in UTC.
    at: datetime
    #: The user name of the person.
    by: str
    #: Why; empty if it was purged.
    reason: str

    def as_json(self) -> dict[str, object]:
        """Return it as plain JSON values."""
        return {"at": self.at.isoformat(), "by": self.by, "reason": self.reason}

    def sentence(self) -> str:
        """Return when and why, without the person: `Closed on 2026-11-30: the list was withdrawn.`."""
        return f"Closed on {self.at:%Y-%m-%d}{_after_colon(self.reason)}."


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOpen:
    """Earlier runs of the job that were open when a run was started beside them on purpose."""

    #: Their names.
    runs: tuple[str, ...]
    #: The user name of the person who started the run.
    by: str
    #: Why; empty if it was purged.
    reason: str

    def as_json(self) -> dict[str, object]:
        """Return it as plain JSON values."""
        return {"runs": list(self.runs), "by": self.by, "reason": self.reason}


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One execution of a job for one run key."""

    id: int
    job: str
    run_key: str
    #: sandbox, preprod or production.
    environment: str
    #: The list's path, as last given.
    list_path: str
    #: The list's columns in order, as last read.
    columns: tuple[str, ...]
    #: When the run was first started, in UTC.
    created_at: datetime
    #: The account that pays: the provider's address and a hash of the API key; empty if unknown.
    account: str = ""
    #: The run's guards, as JSON of `Guards`.
    guards: str = "{}"
    #: What a run in hold mode decided: confirm or cancel; None before.
    decision: str | None = None
    #: Who approved the run, as JSON; None for a run without an approval.
    approval: str | None = None
    #: When its personal data was purged, in UTC; None before.
    purged_at: datetime | None = None
    #: How its job reads the list, as JSON of parts of `Job`; None if unknown.
    reading: str | None = None
    #: The folder and formats of its job's report, as JSON; None if unknown.
    reporting: str | None = None
    #: How far back it is compared with other runs, as JSON of `ComparisonPolicy`; None if unknown.
    comparison: str | None = None
    #: The time zone of the days that its job's templates mean, an IANA name; None for a list without a job file, or if
    #: unknown.
    time_zone: str | None = None
    #: That nothing more of it is sent; None for a run that may be continued.
    closing: Closing | None = None
    #: The open runs that it was started beside; None without any.
    left_open: LeftOpen | None = None
    #: The run's ledger, an absolute path; None if unknown.
    ledger: Path | None = None

    @property
    def name(self) -> str:
        """The name that commands use: job/run key."""
        return f"{self.job}/{self.run_key}"

    def decisions(self) -> Iterator[str]:
        """Yield what people decided about the run, as phrases without a full stop."""
        if self.purged_at is not None:
            yield f"personal data purged {_time_text(self.purged_at)}; the run can't be sent again"
        if self.closing is not None:
            yield f"closed {_time_text(self.closing.at)} by {self.closing.by}{_after_colon(self.closing.reason)}"
        if self.left_open is not None:
            names = ", ".join(self.left_open.runs)
            yield f"started beside {names}, left open by {self.left_open.by}{_after_colon(self.left_open.reason)}"


def _time_text(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _after_colon(reason: str) -> str:
    return f": {reason.rstrip('.')}" if reason else ""
