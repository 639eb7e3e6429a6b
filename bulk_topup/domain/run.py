"""Define a run as the ledger records it; pure."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

#: How new runs read numbers. 1: as they are written. 2: old spellings are brought into their modern form, and a column
#: "country" is that of national numbers. A run keeps its version, since another number would be another row.
READING_VERSION: Final = 2


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
    #: How it reads numbers, see `READING_VERSION`.
    reading_version: int = 1
    #: The run's ledger, an absolute path; None if unknown.
    ledger: Path | None = None

    @property
    def name(self) -> str:
        """The name that commands use: job/run key."""
        return f"{self.job}/{self.run_key}"
