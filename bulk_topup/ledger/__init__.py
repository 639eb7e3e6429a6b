"""The ledger of runs, rows and attempts: the only place of the project that touches SQLite."""

from bulk_topup.ledger.lock import run_lock
from bulk_topup.ledger.retrying import RetryChoice
from bulk_topup.ledger.spending import Spent
from bulk_topup.ledger.store import Ledger

__all__ = ["Ledger", "RetryChoice", "Spent", "run_lock"]
