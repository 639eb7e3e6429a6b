"""The file of one purchase for its beneficiary: product, PIN or eSIM, and how to use it; pure."""

from collections.abc import Iterable, Iterator
from typing import Final

from bulk_topup.domain.money import format_money
from bulk_topup.domain.product_texts import benefits_text, validity_text
from bulk_topup.domain.row import Outcome
from bulk_topup.dvs.models.product import KnownProduct, Product
from bulk_topup.security.terminal_text import printable

#: Characters that product texts keep beside those that are printable: line feeds, tabs, and wide and narrow spaces.
_KEPT: Final = "\n\t\u00a0\u2009\u202f\u3000"


def pin_text(outcome: Outcome, product: Product | None, qr_code: str | None) -> str:
    """Return the text for the beneficiary of a completed row that has a PIN or an eSIM.

    Args:
        outcome: the row, its secrets decrypted.
        product: its product; None if the account does not have it any more.
        qr_code: the name of the file with the QR code; None if there is none.
    """
    sections = (_bought(outcome, product), _secrets(outcome, qr_code), _usage(product), _traces(outcome))
    return "\n".join("".join(f"{line}\n" for line in lines) for lines in map(list, sections) if lines)


def _bought(outcome: Outcome, product: Product | None) -> Iterator[str]:
    yield f"Product {outcome.product_id}" if product is None or not product.name else _line(product.name)
    if product is not None and product.operator is not None:
        yield _line(f"{product.operator.name}, {product.operator.country.name}")
    if outcome.delivered is not None and outcome.delivered_unit:
        yield f"Value: {format_money(outcome.delivered, outcome.delivered_unit)}"
    known = product if isinstance(product, KnownProduct) else None
    own_validity = "" if known is None else validity_text(known.validity)
    benefits = "" if known is None else benefits_text(known)
    if benefits != own_validity:
        yield f"Contains: {_line(benefits)}"
        own_validity = ""
    if outcome.creation_date is not None:
        yield f"Bought: {outcome.creation_date:%Y-%m-%d %H:%M} UTC"
    of_pin = "" if product is None or product.pin is None else validity_text(product.pin.validity)
    if validity := of_pin or own_validity:
        yield f"{'The code is' if of_pin else 'It is'} {validity}."


def _secrets(outcome: Outcome, qr_code: str | None) -> Iterator[str]:
    activation = outcome.esim_activation_code
    if outcome.pin_code and outcome.pin_code != activation:
        yield f"PIN: {outcome.pin_code}"
    if outcome.pin_serial:
        yield f"{'ICCID' if activation else 'Serial number'}: {outcome.pin_serial}"
    if activation:
        yield f"Activation code: {activation}"
        if qr_code is not None:
            yield f"QR code to scan with the phone: {qr_code}"
    links = (
        ("To install it on an iPhone", outcome.esim_apple_universal_link),
        ("To install it on Android", outcome.esim_android_universal_link),
        ("How to install it", outcome.esim_installation_url),
    )
    for purpose, link in links:
        if link:
            yield f"{purpose}: {link}"


def _usage(product: Product | None) -> Iterator[str]:
    information = None if product is None else product.pin
    if information is None:
        return
    steps = [text for each in information.usage_info or () if (text := _line(each))]
    if steps:
        yield "How to use it:"
        yield from (f"{number}. {step}" for number, step in enumerate(steps, start=1))
    if information.terms and (terms := printable(information.terms, keep=_KEPT).strip()):
        yield f"Terms: {terms}"


def _traces(outcome: Outcome) -> Iterator[str]:
    yield _line(", ".join(_known((f"Transaction {outcome.transaction_id}", outcome.external_id))))


def _known(texts: Iterable[str | None]) -> Iterator[str]:
    return (text for text in texts if text)


def _line(text: str) -> str:
    """Return a text of DVS as one line."""
    return " ".join(printable(text, keep=_KEPT).split())
