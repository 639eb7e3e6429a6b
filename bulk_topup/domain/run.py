"""Define a run as the ledger records it, its closing, and what it was started beside; pure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bulk_topup.domain.identity_version import IdentityVersion, RunIds, ids_of_name
from bulk_topup.domain.list_parts import ListPart

#: Job name of a list that is run without a job file.
BARE_LIST: Final = "list"
#: How new runs read their lists. 1: numbers as they are written. 2: old spellings are brought into their modern form,
#: and a column "country" is that of national numbers. 3: columns are known by their names in seven languages, amounts
#: may have a currency and group marks, cells of workbooks are read as their number formats show them, and hidden rows
#: need a decision. 4: column names may be below titles, and totals and signatures below the rows are left out. A run
#: keeps its version: another number or reference would be another row.
READING_VERSION: Final = 4
#: The first version that reads a workbook's cells as they are shown.
SHOWN_VERSION: Final = 3
#: The first version that leaves out titles, totals and signatures.
LEFT_OUT_VERSION: Final = 4
#: Most runs that the phrase of a decision names.
_MAX_NAMED: Final = 3


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
class PaidAgain:
    """A person's decision that rows are paid again that other runs have paid."""

    #: The names of these runs.
    runs: tuple[str, ...]
    #: The number of rows.
    rows: int
    #: The user name of the person.
    by: str
    #: Why; empty if it was purged.
    reason: str
    #: When, in UTC.
    at: datetime

    def as_json(self) -> dict[str, object]:
        """Return it as plain JSON values."""
        return {
            "runs": list(self.runs),
            "rows": self.rows,
            "by": self.by,
            "reason": self.reason,
            "at": self.at.isoformat(),
        }


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
    #: How it reads its list, see `READING_VERSION`.
    reading_version: int = 1
    #: The time zone of the days that its job's templates mean, an IANA name; None for a list without a job file, or if
    #: unknown.
    time_zone: str | None = None
    #: That nothing more of it is sent; None for a run that may be continued.
    closing: Closing | None = None
    #: The open runs that it was started beside; None without any.
    left_open: LeftOpen | None = None
    #: Its lists, if it has more than one; empty for one.
    parts: tuple[ListPart, ...] = ()
    #: What it pays again on purpose, in the order of the decisions.
    paid_again: tuple[PaidAgain, ...] = ()
    #: The run's ledger, an absolute path; None if unknown.
    ledger: Path | None = None
    #: What its rows' external IDs are computed from; the names are None for the run's own.
    identity_version: IdentityVersion = IdentityVersion.AS_WRITTEN
    id_job: str | None = None
    id_run_key: str | None = None
    #: Whether a rebuild has not looked up all of its rows yet.
    is_rebuilding: bool = False

    @property
    def reads_as_shown(self) -> bool:
        """Whether it reads a workbook's cells as their number formats show them."""
        return self.reading_version >= SHOWN_VERSION

    def reading_of(self, setting: str) -> str | None:
        """Return a setting of how its job reads the list, such as `decimal_mark`; None if it is unknown."""
        value: str | None = json.loads(self.reading or "{}").get(setting)
        return value

    @property
    def name(self) -> str:
        """The name that commands use: job/run key."""
        return f"{self.job}/{self.run_key}"

    @property
    def ids(self) -> RunIds:
        """What the external IDs of its rows are computed from; a new name does not change it."""
        job = self.job if self.id_job is None else self.id_job
        return RunIds(self.identity_version, job, self.run_key if self.id_run_key is None else self.id_run_key)

    def decisions(self) -> Iterator[str]:
        """Yield what people decided about the run, as phrases without a full stop."""
        if self.purged_at is not None:
            yield f"personal data purged {_time_text(self.purged_at)}; the run can't be sent again"
        if self.closing is not None:
            yield f"closed {_time_text(self.closing.at)} by {self.closing.by}{_after_colon(self.closing.reason)}"
        if self.left_open is not None:
            names = ", ".join(self.left_open.runs)
            yield f"started beside {names}, left open by {self.left_open.by}{_after_colon(self.left_open.reason)}"
        for part in self.parts:
            if part.at is not None and part.list_path:
                yield f"{part.file_name} added {_time_text(part.at)} by {part.by}"
        for again in self.paid_again:
            names = ", ".join(again.runs[:_MAX_NAMED])
            more = f" and {len(again.runs) - _MAX_NAMED:,} more runs" if len(again.runs) > _MAX_NAMED else ""
            decided = f"decided {_time_text(again.at)} by {again.by}{_after_colon(again.reason)}"
            yield f"rows of {names}{more} paid again ({again.rows:,}), {decided}"


def possible_ids(run: Run) -> tuple[RunIds, ...]:
    """Return what the external IDs of a run may be computed from at DVS if its ledger was lost: first its own."""
    found = [run.ids]
    for ids in ids_of_name(run.job, run.run_key):
        if not any(ids.has_ids_of(known) for known in found):
            found.append(ids)
    return tuple(found)


def _time_text(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _after_colon(reason: str) -> str:
    return f": {reason.rstrip('.')}" if reason else ""
