"""Compare what DVS states of a transaction with its request, by meaning and not by spelling; pure."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import phonenumbers

from bulk_topup.domain.money import format_plain
from bulk_topup.domain.number_plans import calling_codes, regions_of
from bulk_topup.domain.sameness import folded, folded_without_case, modern_mobile_number
from bulk_topup.dvs.models.base import Amount
from bulk_topup.dvs.models.transaction import Party, TransactionOutcome, TransactionRequest

#: What may stand in a number beside its digits: a plus sign, separators, and the scheme of RFC 3966.
_SEPARATORS: Final = re.compile(r"[-+()./,]|^tel:", re.IGNORECASE)
#: Before a number that is dialled abroad, in most countries.
_ABROAD: Final = "00"
#: A zero that is dialled at home only, within a number for callers from abroad.
_AT_HOME: Final = "(0)"


def same_mobile_number(ours: str, theirs: str) -> bool:
    """Return True if two spellings are the same mobile number.

    Args:
        ours: in E.164 form, as it was sent.
        theirs: in any spelling: without plus, with separators, as it is dialled abroad, or at home in its country.
    """
    number = modern_mobile_number(ours)
    text = "".join(str(unicodedata.digit(each, each)) for each in folded(theirs))
    digits = _SEPARATORS.sub("", text)
    if not (digits.isascii() and digits.isdigit()):
        return modern_mobile_number(text) == number
    spellings = (digits, digits.removeprefix(_ABROAD), _SEPARATORS.sub("", text.replace(_AT_HOME, "")))
    if any(modern_mobile_number(f"+{each}") == number for each in spellings):
        return True
    code = re.match(calling_codes(), number)
    return code is not None and any(_read(text, region) == number for region in regions_of(code[1]))


def same_account_number(ours: str, theirs: str) -> bool:
    """Return True if two spellings are the same account number; upper and lower case may be two accounts."""
    return folded(ours) == folded(theirs)


def same_text(ours: str, theirs: str) -> bool:
    """Return True if two spellings are the same account qualifier or the same reference of a bill."""
    return folded_without_case(ours) == folded_without_case(theirs)


def same_amount(ours: Amount, theirs: Amount) -> bool:
    """Return True if two amounts have the same value in the same unit."""
    return ours.amount == theirs.amount and same_text(ours.unit, theirs.unit)


#: How the parts of a credit party are compared.
_PARTS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "mobile_number": same_mobile_number,
    "account_number": same_account_number,
    "account_qualifier": same_text,
}


def differences_from(request: TransactionRequest, transaction: TransactionOutcome, *, needs_all: bool) -> list[str]:
    """Return how a transaction differs from its request in external ID, product, credit party, bill and amount.

    A field that is null or empty is one that DVS does not state.

    Args:
        request: what was sent.
        transaction: the provider's record.
        needs_all: whether a credit party or an amount that DVS does not state counts as a difference, because only the
            external ID says that the transaction is ours. Bills that it does not state never count.
    """
    return [
        *_in_ids(request, transaction),
        *_in_party(request, transaction, needs_all=needs_all),
        *_in_bill(request, transaction),
        *_in_amounts(request, transaction, needs_all=needs_all),
    ]


def _in_ids(request: TransactionRequest, transaction: TransactionOutcome) -> Iterator[str]:
    if transaction.external_id != request.external_id:
        yield f"external ID {transaction.external_id} instead of {request.external_id}"
    if transaction.product.id != request.product_id:
        yield f"product {transaction.product.id} instead of {request.product_id}"


def _in_party(request: TransactionRequest, transaction: TransactionOutcome, *, needs_all: bool) -> Iterator[str]:
    wanted, found = request.credit_party_identifier or Party(), transaction.credit_party_identifier or Party()
    for name, is_same in _PARTS.items():
        ours, theirs = getattr(wanted, name) or "", getattr(found, name) or ""
        if not theirs and not needs_all:
            continue
        if ours != theirs and not (ours and theirs and is_same(ours, theirs)):
            yield f"{name.replace('_', ' ')} {theirs or 'none'} instead of {ours or 'none'}"


def _in_bill(request: TransactionRequest, transaction: TransactionOutcome) -> Iterator[str]:
    ours, theirs = _bill_of(request), _bill_of(transaction)
    if ours and theirs and not same_text(ours, theirs):
        yield f"bill {theirs} instead of {ours}"


def _in_amounts(request: TransactionRequest, transaction: TransactionOutcome, *, needs_all: bool) -> Iterator[str]:
    for side in ("source", "destination"):
        requested: Amount | None = getattr(request, side)
        recorded: Amount | None = getattr(transaction.requested_values, side, None)
        if requested is None or (recorded is None and not needs_all):
            continue
        if recorded is None or not same_amount(requested, recorded):
            theirs = "not stated" if recorded is None else f"{format_plain(recorded.amount)} {recorded.unit}"
            yield f"{side} amount {theirs} instead of {format_plain(requested.amount)} {requested.unit}"


def _bill_of(side: TransactionRequest | TransactionOutcome) -> str:
    """Return the reference of the bill; empty without one, or if DVS does not state it."""
    return (side.statement_identifier.reference or "") if side.statement_identifier is not None else ""


def _read(text: str, region: str) -> str | None:
    """Return a number as it is dialled in a region, in the modern E.164 form; None if it is none there."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if number.extension:
        return None
    return modern_mobile_number(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
