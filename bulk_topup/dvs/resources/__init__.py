"""Define the API's resources with their endpoints as methods; each names its section of the reference."""

from typing import TYPE_CHECKING

from bulk_topup.system.lazy_imports import lazy_exports

if TYPE_CHECKING:
    from bulk_topup.dvs.resources.account import Balances, Lookup
    from bulk_topup.dvs.resources.caller import Caller
    from bulk_topup.dvs.resources.catalogue import (
        BenefitTypes,
        Campaigns,
        Countries,
        Operators,
        Products,
        Promotions,
        Services,
    )
    from bulk_topup.dvs.resources.transactions import (
        LONGEST_WINDOW,
        MICROSECOND,
        SYNC_TIMEOUT,
        TransactionOutcomes,
        Transactions,
        rfc3339,
        windows,
    )
else:
    __getattr__ = lazy_exports(
        __name__,
        account=("Balances", "Lookup"),
        caller=("Caller",),
        catalogue=("BenefitTypes", "Campaigns", "Countries", "Operators", "Products", "Promotions", "Services"),
        transactions=(
            "LONGEST_WINDOW",
            "MICROSECOND",
            "SYNC_TIMEOUT",
            "TransactionOutcomes",
            "Transactions",
            "rfc3339",
            "windows",
        ),
    )

__all__ = [
    "LONGEST_WINDOW",
    "MICROSECOND",
    "SYNC_TIMEOUT",
    "Balances",
    "BenefitTypes",
    "Caller",
    "Campaigns",
    "Countries",
    "Lookup",
    "Operators",
    "Products",
    "Promotions",
    "Services",
    "TransactionOutcomes",
    "Transactions",
    "rfc3339",
    "windows",
]
