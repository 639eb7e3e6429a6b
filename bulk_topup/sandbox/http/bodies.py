"""Writes transactions, balances, errors and the books' export as response bodies; touches nothing.

Transactions with the same product and amount share that part of their bodies, so a page of a hundred is cheap.
"""

import hashlib
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from bulk_topup.dvs import codec
from bulk_topup.dvs.models.base import Amount, Range
from bulk_topup.dvs.models.product import Benefit, FixedProduct, ProductOfTransaction, RangedAmount, RangedProduct
from bulk_topup.dvs.statuses import StatusClass
from bulk_topup.sandbox.catalogue.model_bodies import set_fields
from bulk_topup.sandbox.errors import ErrorResponse
from bulk_topup.sandbox.http.esim_bodies import esim_metadata, new_esim
from bulk_topup.sandbox.provider.pricing import Quote
from bulk_topup.sandbox.provider.provider import Provider
from bulk_topup.sandbox.provider.transaction import Transaction
from bulk_topup.sandbox.provider.wallet import Wallet

_CACHED_PRODUCT_PARTS = 4096
_PIN_DIGITS = 16
_SUMMARY_FIELDS = set(ProductOfTransaction.model_fields)


def moment(time: datetime) -> str:
    """Write a UTC time as the API does: RFC 3339 with nine digits of fraction."""
    # By far the fastest way to write a time, and every transaction has three.
    return f"{codec.encode(time)[1:20].decode()}.{time.microsecond:06}000Z"


def error_body(error: ErrorResponse) -> bytes:
    """Write an error (reference: Errors)."""
    return codec.encode({"errors": [{"code": int(error.code), "message": error.message}]})


def balance_body(id_: int, unit: str, wallet: Wallet) -> bytes:
    """Write a balance (reference: Balances)."""
    return codec.encode(
        {
            "id": id_,
            "unit_type": "CURRENCY",
            "unit": unit,
            "available": wallet.available,
            "holding": wallet.holding,
            "credit_limit": 0,
        }
    )


def transaction_body(transaction: Transaction, now: datetime, pin_seed: str, *, is_fetched: bool = False) -> bytes:
    """Write a transaction as of `now`, without what is not set (reference: Transactions).

    Args:
        transaction: the transaction.
        now: the time that its status is of.
        pin_seed: what PINs are derived from.
        is_fetched: whether it is the response to a query or a callback; others lack the address for callbacks.
    """
    status = transaction.status(now)
    request, confirmed_at = transaction.request, transaction.confirmed_at
    fields: dict[str, object] = {
        "id": transaction.id,
        "external_id": request.external_id,
        "creation_date": moment(transaction.created_at),
        "confirmation_expiration_date": moment(transaction.expires_at),
        "confirmation_date": None if confirmed_at is None else moment(confirmed_at),
        "sender": request.sender,
        "beneficiary": request.beneficiary,
        "debit_party_identifier": request.debit_party_identifier,
        "credit_party_identifier": request.credit_party_identifier,
        "statement_identifier": request.statement_identifier,
        "additional_identifier": request.additional_identifier,
        "callback_url": request.callback_url if is_fetched else None,
    }
    if status.class_ is StatusClass.COMPLETED:
        fields |= _delivery(transaction, pin_seed)
    own = codec.encode({name: value for name, value in fields.items() if value is not None})
    return b"".join((own[:-1], b',"status":', status.body, b",", _product_part(transaction.quote), b"}"))


def _delivery(transaction: Transaction, pin_seed: str) -> dict[str, object]:
    """Return the fields that a transaction has once it is completed."""
    esim = new_esim(transaction, pin_seed)
    pin = esim.pin if esim else _pin(transaction.id, pin_seed) if transaction.yields_pin else None
    return {
        "operator_reference": f"OP-{transaction.id}",
        "pin": pin,
        "metadata": esim_metadata(transaction, esim),
    }


@lru_cache(maxsize=_CACHED_PRODUCT_PARTS)
def _product_part(quote: Quote) -> bytes:
    """Write what all transactions with the same product and amount share, without the enclosing braces."""
    product = quote.product
    source, destination = product.source, product.destination
    retail = product.prices.retail
    requested = adjusted = None
    if isinstance(product, RangedProduct):
        requested = {"source": _amount(quote.source, source), "destination": _amount(quote.destination, destination)}
    if quote.delivered != quote.destination:
        adjusted = {"source": _amount(quote.source, source), "destination": _amount(quote.delivered, destination)}
    amounts = {
        "prices": {
            "wholesale": {"unit_type": "CURRENCY", "unit": quote.unit, "amount": quote.price, "fee": quote.fee},
            "retail": retail
            and {"unit_type": retail.unit_type, "unit": retail.unit, "amount": quote.retail, "fee": retail.fee},
        },
        "rates": product.rates.model_dump(),
        "benefits": [_benefit(benefit, quote) for benefit in product.benefits or []],
        "promotions": None,
        "requested_values": requested,
        "adjusted_values": adjusted,
    }
    summary = product.model_dump(include=_SUMMARY_FIELDS)
    return b'"product":' + codec.encode(set_fields(summary)) + b"," + codec.encode(set_fields(amounts))[1:-1]


def _benefit(benefit: Benefit, quote: Quote) -> dict[str, object]:
    """Return a benefit with its amounts; for a ranged product, ranges from the delivered amount to itself."""
    fields = benefit.model_dump()
    if isinstance(benefit.amount.base, Range):
        delivered, nothing = ({"min": amount, "max": amount} for amount in (quote.delivered, Decimal(0)))
        fields["amount"] = {
            "base": delivered,
            "promotion_bonus": nothing,
            "total_excluding_tax": delivered,
            "total_including_tax": delivered,
        }
    return fields


def _amount(number: Decimal, side: Amount | RangedAmount) -> dict[str, object]:
    return {"unit_type": side.unit_type, "unit": side.unit, "amount": number}


def _pin(transaction_id: int, seed: str) -> dict[str, str]:
    """Derive the PIN of a transaction, so that it is the same after a restart."""
    digest = hashlib.blake2b(str(transaction_id).encode(), key=seed.encode(), digest_size=16).digest()
    digits = str(int.from_bytes(digest)).zfill(_PIN_DIGITS)[-_PIN_DIGITS:]
    return {"code": "-".join(digits[start : start + 4] for start in range(0, _PIN_DIGITS, 4)), "serial": digest.hex()}


def books_body(provider: Provider) -> bytes:
    """Write all wallets and transactions of the provider, to check who was paid; without PINs."""
    now = provider.now()
    return codec.encode(
        {
            "opening_balances": {unit: wallet.opening for unit, wallet in provider.wallets.items()},
            "wallets": {
                unit: {"available": wallet.available, "holding": wallet.holding, "spent": wallet.spent}
                for unit, wallet in provider.wallets.items()
            },
            "transactions": [_entry(transaction, now) for transaction in provider.transactions],
        }
    )


def _entry(transaction: Transaction, now: datetime) -> dict[str, object]:
    request, quote, status = transaction.request, transaction.quote, transaction.status(now)
    requested = request.source if request.calculation_mode == "SOURCE_AMOUNT" else request.destination
    if requested is None or isinstance(quote.product, FixedProduct):
        amount, unit = quote.product.destination.amount, quote.product.destination.unit
    else:
        amount, unit = Decimal(requested.amount), requested.unit
    return {
        "id": transaction.id,
        "external_id": request.external_id,
        "product_id": request.product_id,
        "credit_party": request.credit_party,
        "amount": amount,
        "unit": unit,
        "price": quote.price,
        "fee": quote.fee,
        "price_unit": quote.unit,
        "status_class": status.class_.name,
        "status_message": status.message,
        "creation_date": moment(transaction.created_at),
        "final_date": moment(transaction.final_at) if transaction.final_status and transaction.final_at else None,
    }
