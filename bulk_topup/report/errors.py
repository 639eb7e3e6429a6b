"""What the report raises; touches nothing."""

from bulk_topup.errors import BulkTopupError


class ReportError(BulkTopupError):
    """The report cannot be written; the ledger keeps every outcome, so `bulk-topup report` can write it later."""
