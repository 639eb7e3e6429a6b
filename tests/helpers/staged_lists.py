"""Lists staged for a run, and the outcomes of its rows."""

from collections.abc import Sequence

from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.domain.totals import MergePreview
from bulk_topup.ledger import LedgerStore
from tests.helpers.checked_rows import CheckedRow, staged


def outcomes(ledger: LedgerStore, run: Run) -> list[Outcome]:
    """Return the outcomes of all rows of a run."""
    return list(ledger.outcomes.rows(run))


def preview(ledger: LedgerStore, run: Run | None, rows: Sequence[CheckedRow]) -> MergePreview:
    """Stage a list, and return what its merge would do."""
    ledger.staging.clear()
    ledger.staging.add(staged(rows))
    return ledger.staging.preview(run)
