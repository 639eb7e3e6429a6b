"""The ledger of runs, rows and attempts: the only package of the project that touches SQLite."""

from typing import TYPE_CHECKING

from bulk_topup.system.lazy_imports import lazy_exports

if TYPE_CHECKING:
    from bulk_topup.ledger.health import SQLITE_VERSION, Health, examine
    from bulk_topup.ledger.ledger import LedgerStore
    from bulk_topup.ledger.lock import RunLock, run_lock, run_locks
    from bulk_topup.ledger.lock_holder import is_locked, run_file
    from bulk_topup.ledger.pin_encryption import PinRotation, rotate_pins
    from bulk_topup.ledger.product_choices import ChosenProduct
    from bulk_topup.ledger.retries import RetryChoice
    from bulk_topup.ledger.run_search import spelled
    from bulk_topup.ledger.spending import SpendingTotals
else:
    __getattr__ = lazy_exports(
        __name__,
        health=("Health", "SQLITE_VERSION", "examine"),
        ledger=("LedgerStore",),
        lock=("RunLock", "run_lock", "run_locks"),
        lock_holder=("is_locked", "run_file"),
        pin_encryption=("PinRotation", "rotate_pins"),
        product_choices=("ChosenProduct",),
        retries=("RetryChoice",),
        run_search=("spelled",),
        spending=("SpendingTotals",),
    )

__all__ = [
    "SQLITE_VERSION",
    "ChosenProduct",
    "Health",
    "LedgerStore",
    "PinRotation",
    "RetryChoice",
    "RunLock",
    "SpendingTotals",
    "examine",
    "is_locked",
    "rotate_pins",
    "run_file",
    "run_lock",
    "run_locks",
    "spelled",
]
