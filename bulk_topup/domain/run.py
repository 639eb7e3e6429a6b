"""What the stages hand to each other about runs and rows: frozen values; pure vocabulary."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One execution of a job for one run key."""

    id: int
    job: str
    run_key: str
    #: sandbox, preprod or production.
    environment: str
    #: The list as it was named at the last start.
    list_path: str
    #: The list's columns in their order, as at the last start.
    columns: tuple[str, ...]
    #: When the run was first started, in UTC.
    created_at: datetime
    #: Whose wallet pays: the provider's address and which key pair; empty where that is not known.
    account: str = ""
    #: What the run allows itself with money, as JSON of `Guards`.
    guards: str = "{}"
    #: What a run that holds its transactions decided about them: confirm or cancel; None before.
    decision: str | None = None
    #: Who approved the run, as JSON; None for a run that nobody had to approve.
    approval: str | None = None
    #: When its personal data was removed, in UTC; None while it is there.
    purged_at: datetime | None = None
    #: How its job has the list read, as JSON of parts of `Job`; None where that is not known.
    reading: str | None = None
    #: Where its job wants the report, and as what, as JSON; None where that is not known.
    reporting: str | None = None
    #: The ledger that holds it, an absolute path; None where that is not known.
    ledger: Path | None = None

    @property
    def name(self) -> str:
        """How commands name the run: job/run key."""
        return f"{self.job}/{self.run_key}"
