"""The ledger of runs, rows and attempts: the only place of the project that touches SQLite."""

from typing import TYPE_CHECKING

from bulk_topup.system.lazy_imports import lazily

if TYPE_CHECKING:
    from bulk_topup.ledger.health import SQLITE_VERSION, Health, examine
    from bulk_topup.ledger.holder import is_seen_held, run_file
    from bulk_topup.ledger.lock import run_lock
    from bulk_topup.ledger.products import ChosenProduct
    from bulk_topup.ledger.retrying import RetryChoice
    from bulk_topup.ledger.sealing import Rotated, rotate_pins
    from bulk_topup.ledger.spending import Spent
    from bulk_topup.ledger.store import Ledger
else:
    __getattr__ = lazily(
        __name__,
        health=("Health", "SQLITE_VERSION", "examine"),
        holder=("is_seen_held", "run_file"),
        lock=("run_lock",),
        products=("ChosenProduct",),
        retrying=("RetryChoice",),
        sealing=("Rotated", "rotate_pins"),
        spending=("Spent",),
        store=("Ledger",),
    )

__all__ = [
    "SQLITE_VERSION",
    "ChosenProduct",
    "Health",
    "Ledger",
    "RetryChoice",
    "Rotated",
    "Spent",
    "examine",
    "is_seen_held",
    "rotate_pins",
    "run_file",
    "run_lock",
]
