"""The error of the report; touches nothing."""

from bulk_topup.errors import BulkTopupError


class ReportError(BulkTopupError):
    """The report cannot be written; the ledger has every outcome, so `bulk-topup report` can write it later."""
