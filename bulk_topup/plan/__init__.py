"""Rows checked against products, guards and balances, and their costs; knows nothing of HTTP or SQL."""

from typing import TYPE_CHECKING

from bulk_topup.system.lazy_imports import lazy_exports

if TYPE_CHECKING:
    from bulk_topup.plan.checker import Checker, PlanOptions
    from bulk_topup.plan.guard_checks import GuardCheck, check_caps, check_expected
    from bulk_topup.plan.number_checks import NumberPolicy
    from bulk_topup.plan.plan import MAX_REFUSED_KEPT, BalanceCheck, Plan, ProductTotal, RefusedRow, check_balances
else:
    __getattr__ = lazy_exports(
        __name__,
        checker=("Checker", "PlanOptions"),
        guard_checks=("GuardCheck", "check_caps", "check_expected"),
        number_checks=("NumberPolicy",),
        plan=("BalanceCheck", "MAX_REFUSED_KEPT", "Plan", "ProductTotal", "RefusedRow", "check_balances"),
    )

__all__ = [
    "MAX_REFUSED_KEPT",
    "BalanceCheck",
    "Checker",
    "GuardCheck",
    "NumberPolicy",
    "Plan",
    "PlanOptions",
    "ProductTotal",
    "RefusedRow",
    "check_balances",
    "check_caps",
    "check_expected",
]
