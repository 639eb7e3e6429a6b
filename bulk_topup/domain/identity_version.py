"""Define from what the external IDs of a run are computed, which never changes while the run exists; pure."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

from bulk_topup.domain.identity import external_id
from bulk_topup.domain.run_names import fold_run_name


class IdentityVersion(IntEnum):
    """How the names that external IDs are computed from are written."""

    #: As the person wrote them; all runs of ledgers before version 2.
    AS_WRITTEN = 1
    #: Folded, so that a lost ledger gives the same IDs when its run is started under another spelling.
    FOLDED = 2


#: The version of new runs.
NEWEST: Final = IdentityVersion.FOLDED


@dataclass(frozen=True, slots=True)
class RunIds:
    """What the external IDs of a run are computed from, beside the rows' identities."""

    version: IdentityVersion
    job: str
    run_key: str

    @classmethod
    def of_name(cls, job: str, run_key: str, version: IdentityVersion = NEWEST) -> Self:
        """Return what a version computes from, for a new run with that name."""
        if version is IdentityVersion.FOLDED:
            job, run_key = fold_run_name(job, run_key)
        return cls(version, job, run_key)

    def external_id(self, identity: str, attempt: int) -> str:
        """Return the external ID of an attempt of the row with that identity; attempts count from 1."""
        return external_id(self.job, self.run_key, identity, attempt)

    def has_ids_of(self, other: "RunIds") -> bool:
        """Return True if both give every row the same external IDs, whatever their versions."""
        return (self.job, self.run_key) == (other.job, other.run_key)


def ids_of_name(job: str, run_key: str) -> tuple[RunIds, ...]:
    """Return what any version would compute from for a run with that name, the newest first; equals only once."""
    newest = RunIds.of_name(job, run_key)
    earliest = RunIds.of_name(job, run_key, IdentityVersion.AS_WRITTEN)
    return (newest,) if earliest.has_ids_of(newest) else (newest, earliest)
