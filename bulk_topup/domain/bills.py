"""Choose which open bill of an account a row pays, and how much, or say why it pays none; pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from bulk_topup.domain.money import MAX_DIGITS_AFTER_MARK, MAX_DIGITS_BEFORE_MARK, format_money, parse_plain_amount
from bulk_topup.domain.money import format_plain as plain
from bulk_topup.domain.sameness import folded_without_case

#: The text of an amount that DVS is asked for.
STATEMENT: Final = "statement"
#: The payment modes that a bill's amount is checked against (reference: Products, payment).
EXACT: Final = "EXACT"
PAST_DUE: Final = "PAST_DUE"


class BillPolicy(StrEnum):
    """Which bill a row pays of an account that has several, where the list names none."""

    #: None of them: the row is refused.
    ONLY = "only"
    #: The one that is due first.
    OLDEST = "oldest"
    #: The one that is due last.
    NEWEST = "newest"


#: Most bills that a reason names.
MAX_NAMED: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenBill:
    """An open bill as DVS states it; None for what it does not state."""

    reference: str
    due: date | None
    amount: Decimal | None
    unit: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What a product takes against a bill."""

    product_id: int
    #: The unit of its amounts.
    unit: str
    #: Its payment modes; empty if it states none.
    modes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ChosenBill:
    """What a row pays."""

    #: In plain notation, in the unit of the product.
    amount: str
    reference: str
    due: date | None


@dataclass(frozen=True, kw_only=True, slots=True)
class NoBill:
    """Why a row pays nothing."""

    reason: str
    #: Whether that is because nothing is due.
    is_nothing_due: bool = False


def choose_bill(
    bills: Collection[OpenBill], terms: Terms, policy: BillPolicy, *, wanted: str | None, today: date
) -> ChosenBill | NoBill:
    """Return the bill that a row pays.

    Args:
        bills: all open bills of the account.
        terms: what the product takes.
        policy: which of several bills is paid.
        wanted: the reference of the bill that the list names; None if it names none.
        today: the day, which says what is past due.
    """
    owed = [bill for bill in bills if bill.amount is None or bill.amount > 0]
    if wanted is not None:
        named = [bill for bill in bills if folded_without_case(bill.reference) == folded_without_case(wanted)]
        if owed and not named:  # it may be a mistake of the list: the account does owe something
            fix = "Correct it, or remove the row if its bill is paid."
            return NoBill(reason=f'{_several(owed)} None of them has the reference "{wanted}". {fix}')
        owed = [bill for bill in owed if bill in named]
    if not owed:
        what = "Nothing is due" if wanted is None else f'Nothing is due for the bill "{wanted}"'
        return NoBill(reason=f"{what}, so nothing is paid.", is_nothing_due=True)
    if len(owed) > 1 and policy is not BillPolicy.ONLY:
        owed = _first(owed, policy)
    if len(owed) > 1:
        fix = "Name one by its reference: --map statement_identifier.reference=COLUMN. Or add --bill oldest or newest."
        return NoBill(reason=f"{_several(owed)} {fix}")
    return _chosen(owed[0], terms, today)


def _first(bills: list[OpenBill], policy: BillPolicy) -> list[OpenBill]:
    """Return the bill that is due first or last; several ones if their days do not tell them apart."""
    days = [bill.due for bill in bills if bill.due is not None]
    if len(days) < len(bills):
        return bills
    day = min(days) if policy is BillPolicy.OLDEST else max(days)
    return [bill for bill in bills if bill.due == day]


def _chosen(bill: OpenBill, terms: Terms, today: date) -> ChosenBill | NoBill:
    if not folded_without_case(bill.reference) or not bill.reference.isprintable():
        return NoBill(reason="DVS states no reference by which the bill of this account can be paid. Ask the biller.")
    if bill.amount is None or bill.unit is None:
        return NoBill(reason=f"DVS does not state how much is due for the bill {bill.reference}. State the amount.")
    if bill.unit != terms.unit:
        return NoBill(
            reason=f"The bill {bill.reference} is in {bill.unit}, but the amounts of product {terms.product_id} are in "
            f"{terms.unit}. State the amount."
        )
    amount = plain(bill.amount)
    if parse_plain_amount(amount) is None:
        return NoBill(
            reason=f"The bill {bill.reference} has an amount of more digits than {MAX_DIGITS_BEFORE_MARK} before and "
            f"{MAX_DIGITS_AFTER_MARK} after the decimal mark. State the amount."
        )
    if terms.modes and EXACT not in terms.modes:
        return NoBill(
            reason=f"Product {terms.product_id} takes {' and '.join(terms.modes)} payments, not the exact amount of a "
            f"bill, which is {format_money(bill.amount, bill.unit)}. State the amount."
        )
    if bill.due is not None and bill.due < today and terms.modes and PAST_DUE not in terms.modes:
        return NoBill(
            reason=f"The bill {bill.reference} was due on {bill.due}, and product {terms.product_id} takes no bills "
            "that are past due. Ask the biller."
        )
    return ChosenBill(amount=amount, reference=bill.reference, due=bill.due)


def _several(bills: Sequence[OpenBill]) -> str:
    named = ", ".join(
        f"{bill.reference}{'' if bill.due is None else f' due {bill.due}'}"
        f"{'' if bill.amount is None or bill.unit is None else f' ({format_money(bill.amount, bill.unit)})'}"
        for bill in bills[:MAX_NAMED]
    )
    more = f" and {len(bills) - MAX_NAMED:,} more" if len(bills) > MAX_NAMED else ""
    return f"The account has {len(bills):,} open {'bill' if len(bills) == 1 else 'bills'}: {named}{more}."
