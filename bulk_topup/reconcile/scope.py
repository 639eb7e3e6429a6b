"""What a comparison compares, and which transactions that the ledger does not know count as missing in it; pure."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from bulk_topup.domain.identity import looks_like, may_be_computed
from bulk_topup.domain.run import Run


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """What a comparison compares."""

    runs: Collection[Run]
    #: The names of the jobs whose unknown external IDs count as missing here; None for those of all jobs.
    jobs: Collection[str] | None
    #: Whether unknown external IDs of other programs count as missing here too.
    is_strict: bool
    #: The window of creation dates, in UTC.
    start: datetime
    end: datetime

    def is_missing_here(self, external_id: str) -> bool:
        """Return True if a transaction that the ledger does not know counts as missing here; in doubt it does."""
        if self.is_strict:
            return True
        if self.jobs is None:
            return may_be_computed(external_id)
        return looks_like(self.jobs, external_id.strip().lower())
