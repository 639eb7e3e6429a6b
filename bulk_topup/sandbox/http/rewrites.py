"""Changes what a response says of transactions, as faults demand; pure."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from bulk_topup.dvs import codec
from bulk_topup.sandbox.faults import Echo, Foreign, Lag, Prices, Shift

Transaction = dict[str, Any]
#: The calling code of the sandbox's usual numbers; those of other countries are left as they are.
_HOME: Final = "+65"
#: How an echo spells a mobile number in E.164 form.
_SPELLINGS: Final[Mapping[str, Callable[[str], str | None]]] = {
    "digits": lambda number: number.removeprefix("+"),
    "spaced": lambda number: f"{number[:3]} {number[3:7]} {number[7:]}",
    "dialled": lambda number: f"00{number.removeprefix('+')}",
    "national": lambda number: number.removeprefix(_HOME),
    "null": lambda _number: None,
    "another": lambda number: number[:-1] + str((int(number[-1]) + 1) % 10),
}
#: What differs in transactions of others: no external ID, one that is no text, and no status.
_FOREIGN: Final[tuple[Transaction, ...]] = (
    {"external_id": None},
    {"external_id": 17},
    {"external_id": "foreign-1", "status": None},
)


def rewrite(body: bytes, fault: Echo | Foreign | Lag | Prices | Shift, now: datetime) -> bytes:
    """Return the body of a response with its transactions changed; any other body as it is."""
    try:
        value = codec.decode(body)
    except codec.InvalidJSON:
        return body
    if isinstance(fault, Foreign | Lag | Shift):
        return codec.encode(_change_list(value, fault, now)) if isinstance(value, list) else body
    for each in value if isinstance(value, list) else [value]:
        if _is_transaction(each):
            if isinstance(fault, Echo):
                _spell(each, fault)
            else:
                _price(each, fault)
    return codec.encode(value)


def _change_list(entries: list[Any], fault: Foreign | Lag | Shift, now: datetime) -> list[Any]:
    transactions = [each for each in entries if _is_transaction(each)]
    match fault:
        case Lag():
            since = now - timedelta(seconds=fault.seconds)
            return [each for each in entries if not _is_transaction(each) or _created(each) <= since]
        case Foreign() if transactions:
            first = transactions[0]
            return [*({**first, "id": first["id"] + 1, **odd} for odd in _FOREIGN), "transaction", *entries]
        case Shift() if len(transactions) > 1:
            return entries[1:] if fault.entries == "lost" else [entries[0], *entries]
    return entries


def _is_transaction(value: object) -> bool:
    return isinstance(value, dict) and "external_id" in value and "creation_date" in value


def _created(transaction: Transaction) -> datetime:
    return datetime.fromisoformat(transaction["creation_date"])


def _spell(transaction: Transaction, fault: Echo) -> None:
    party = transaction.get("credit_party_identifier") or {}
    if isinstance(number := party.get("mobile_number"), str):
        party["mobile_number"] = _SPELLINGS[fault.spelling](number)


def _price(transaction: Transaction, fault: Prices) -> None:
    is_final = transaction["status"]["class"]["message"] == "COMPLETED"
    prices = transaction.get("prices")
    if not prices or (fault.when == "final" and not is_final) or (fault.when == "open" and is_final):
        return
    match fault.price:
        case "missing":
            del transaction["prices"]
        case "negative":
            prices["wholesale"]["amount"] = -Decimal(prices["wholesale"]["amount"])
        case "foreign":
            prices["wholesale"]["unit"] = "XTS"
