"""Define from what the external IDs of a run are computed, which never changes while the run exists; pure."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

from bulk_topup.domain.identity import external_id
from bulk_topup.domain.run_names import fold_run_name


class IdentityVersion(IntEnum):
    """How the names and the rows' identities that external IDs are computed from are written."""

    #: As the person wrote them; all runs of ledgers before version 2.
    AS_WRITTEN = 1
    #: Names folded, and identities of rows as they are written.
    FOLDED_NAMES = 2
    #: Both folded, so that a lost ledger gives the same IDs for its list and its name in another spelling.
    FOLDED = 3

    @property
    def folds_names(self) -> bool:
        """Whether names are folded."""
        return self >= IdentityVersion.FOLDED_NAMES

    @property
    def folds_rows(self) -> bool:
        """Whether the identities of rows are folded."""
        return self >= IdentityVersion.FOLDED


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
        if version.folds_names:
            job, run_key = fold_run_name(job, run_key)
        return cls(version, job, run_key)

    def external_id(self, identity: str, attempt: int) -> str:
        """Return the external ID of an attempt of the row with that identity; attempts count from 1."""
        return external_id(self.job, self.run_key, identity, attempt)

    def has_ids_of(self, other: "RunIds") -> bool:
        """Return True if both give every row the same external IDs, whatever their versions."""
        own, others = ((ids.job, ids.run_key, ids.version.folds_rows) for ids in (self, other))
        return own == others


def ids_of_name(job: str, run_key: str) -> tuple[RunIds, ...]:
    """Return what any version would compute from for a run with that name, the newest first; equals only once."""
    found: list[RunIds] = []
    for version in sorted(IdentityVersion, reverse=True):
        ids = RunIds.of_name(job, run_key, version)
        if not any(ids.has_ids_of(known) for known in found):
            found.append(ids)
    return tuple(found)
