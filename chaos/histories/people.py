"""Invented people with the payments that are due to them, and the many ways in which lists spell them; pure.

Each is known by a core that no spelling changes: the last digits of a number, or the letters and digits of an account.
So the judge of payments needs none of the rules of the product.
"""

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from typing import Final

#: Digits at the end of a mobile number that tell people apart.
CORE_DIGITS: Final = 8
#: Products of the sandbox: airtime in Singapore and in Mexico, water, electricity by bill, and gift cards.
SINGAPORE, MEXICO, WATER, POWER, CARD, CARD_25 = 6418, 7712, 9240, 9105, 8810, 8803
#: Amounts that each product accepts; one text for a product of a fixed value.
AMOUNTS: Final = {
    SINGAPORE: ("5", "7", "12"),
    MEXICO: ("50", "100"),
    WATER: ("20000", "35000"),
    POWER: ("500", "750"),
    CARD: ("10", "25", "50", "75", "100"),
    CARD_25: ("",),
}
CARDS: Final = frozenset({CARD, CARD_25})
COLUMNS: Final = ("phone", "account number", "account qualifier", "invoice", "product_id", "amount")
REFERENCE: Final = "reference"
#: Last digits of numbers that the list has by mistake: declined for good, and declined for now.
_WRONG_ENDINGS: Final = ("102", "103", "104")
_MEXICO_DIGITS: Final = 10
_FULL_WIDTH: Final = str.maketrans("0123456789", "".join(chr(0xFF10 + digit) for digit in range(10)))


@dataclass(frozen=True, slots=True)
class Due:
    """A payment that is due: to whom, for which product, how much in its unit; None for a fixed value."""

    person: str
    product: int
    amount: Decimal | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """A person, and what the office pays in each period."""

    name: str
    product: int
    #: One for each payment of a period.
    amounts: tuple[str, ...]
    #: In E.164 form; empty for others.
    mobile: str = ""
    account: str = ""
    qualifier: str = ""
    #: The number that the list has by mistake until it is corrected; empty without a mistake.
    wrong_mobile: str = ""

    @property
    def cores(self) -> frozenset[str]:
        """What tells payments to this person from those to others; empty for cards, which credit nobody."""
        return frozenset(core_of(each) for each in (self.mobile, self.account, self.wrong_mobile) if each)

    @property
    def dues(self) -> list[Due]:
        """What is due in a period."""
        name = card_name(self.product) if self.product in CARDS else self.name
        return [Due(name, self.product, Decimal(amount) if amount else None) for amount in self.amounts]


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line of a list, as its cells spell it."""

    person: Person
    #: What is due by it.
    due: Due
    reference: str
    phone: str = ""
    account: str = ""
    qualifier: str = ""
    bill: str = ""
    amount: str = ""

    @property
    def is_card(self) -> bool:
        """Whether it credits nobody."""
        return self.person.product in CARDS

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells, without the reference."""
        return (self.phone, self.account, self.qualifier, self.bill, str(self.person.product), self.amount)


def core_of(party: str) -> str:
    """Return what is left of a number or an account once everything is removed that a spelling may change."""
    text = unicodedata.normalize("NFKC", party)
    if text.startswith("+"):
        return "".join(filter(str.isdigit, text))[-CORE_DIGITS:]
    return "".join(filter(str.isalnum, text)).casefold().lstrip("0")


def card_name(product: int) -> str:
    """Return the name under which the cards of a product are counted: who gets one is not in the request."""
    return f"the buyers of product {product}"


def draw_products(draws: Random, *, has_cards: bool) -> tuple[int, ...]:
    """Return the products of an office; gift cards are possible only if its list has references."""
    products = (SINGAPORE, *draws.sample((MEXICO, WATER, POWER), draws.randint(0, 1)))
    return (*products, draws.choice((CARD, CARD_25))) if has_cards and draws.random() < 0.6 else products


def draw_person(draws: Random, number: int, products: Sequence[int], *, has_duplicates: bool) -> Person:
    """Return the person with a number in an office; each number has a core of its own.

    Args:
        draws: the source of randomness.
        number: from 0, below 100.
        products: those of the office.
        has_duplicates: whether several payments of a period may be due.
    """
    product = draws.choice(products)
    amounts = [draws.choice(AMOUNTS[product])]
    if has_duplicates and product not in CARDS and draws.random() < 0.4:
        amounts.append(draws.choice(AMOUNTS[product]))
    person = Person(name=f"Person {number}", product=product, amounts=tuple(amounts))
    match product:
        case 6418:
            wrong = f"+65952{number:02}{draws.choice(_WRONG_ENDINGS)}" if draws.random() < 0.25 else ""
            return replace(person, mobile=f"+65951{number:02}4{draws.randrange(100):02}", wrong_mobile=wrong)
        case 7712:
            return replace(person, mobile=f"+525556{number:02}5{number:03}")
        case 9240:
            account = draws.choice((f"030294{number:02}961", f"77-12-{number:02}945", f"wd{number:02}-0048"))
            return replace(person, account=account)
        case 9105:
            return replace(person, account=f"0410{number:02}776", qualifier=draws.choice(("PREPAID", "pre-paid")))
    return person


def lines_of(person: Person, period: str, first: int) -> list[Line]:
    """Return the lines of a person in the list of a period, as the office first writes them.

    Args:
        person: the person.
        period: the period, e.g. 2026-11, for bills.
        first: the number of the first reference.
    """
    letters = "GC" if person.product in CARDS else "E"
    return [
        Line(
            person=person,
            due=due,
            reference=f"{letters}-{first + index:03}",
            phone=person.wrong_mobile or person.mobile,
            account=person.account,
            qualifier=person.qualifier,
            bill=f"INV-{period}-{first + index}" if person.product == POWER else "",
            amount=amount,
        )
        for index, (due, amount) in enumerate(zip(person.dues, person.amounts, strict=True))
    ]


def spell_otherwise(draws: Random, line: Line) -> Line:
    """Return a line in a spelling that is certainly the same row."""
    return replace(
        line,
        reference=_spell_reference(draws, line.reference),
        phone=_spell_mobile(draws, line.phone),
        account=_spell_account(draws, line.account),
        qualifier=draws.choice((line.qualifier.upper(), line.qualifier.lower())),
        bill=_spell_reference(draws, line.bill),
        amount=_spell_amount(draws, line.amount),
    )


def spell_nearly(draws: Random, line: Line) -> Line:
    """Return a line in a spelling that may be that of another: without case, leading zeros or separators."""
    account = draws.choice(
        (line.account.lstrip("0"), line.account.replace("-", ""), line.account.swapcase(), f"0{line.account}")
    )
    return replace(line, account=account if line.account else "")


def is_wrong(line: Line) -> bool:
    """Return True if a line has the number that is a mistake."""
    return bool(line.person.wrong_mobile) and core_of(e164(line.phone)) == core_of(line.person.wrong_mobile)


def correct(line: Line) -> Line:
    """Return a line with the person's right number."""
    return replace(line, phone=line.person.mobile)


def e164(phone: str) -> str:
    """Return a spelled mobile number with its plus and digits alone; national numbers are from Singapore."""
    digits = "".join(filter(str.isdigit, unicodedata.normalize("NFKC", phone)))
    if digits.startswith("00"):
        return f"+{digits[2:]}"
    return f"+{digits}" if len(digits) > CORE_DIGITS else f"+65{digits}"


def as_csv(lines: Iterable[Line], *, has_references: bool) -> str:
    """Return a list's text."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow((REFERENCE, *COLUMNS) if has_references else COLUMNS)
    for line in lines:
        writer.writerow((line.reference, *line.cells) if has_references else line.cells)
    return out.getvalue()


def _spell_mobile(draws: Random, phone: str) -> str:
    if not phone:
        return ""
    digits = e164(phone).removeprefix("+")
    forms = [f"+{digits}", f"00{digits}", f"+{digits[:2]} {digits[2:6]} {digits[6:]}", f"(+{digits[:2]}){digits[2:]}"]
    if digits.startswith("65"):
        forms += [digits[2:], f"{digits[2:6]}-{digits[6:]}"]
    else:
        modern = digits[-_MEXICO_DIGITS:]
        forms = [f"+52{modern}", f"+521{modern}", f"+52 1 {modern}", f"0052 {modern[:2]} {modern[2:]}"]
    return draws.choice(forms)


def _spell_account(draws: Random, account: str) -> str:
    text = unicodedata.normalize("NFKC", account).replace(" ", "").replace("\N{EN DASH}", "-")
    forms = (text, f"{text[:3]} {text[3:]}", text.replace("-", "\N{EN DASH}"), text.translate(_FULL_WIDTH))
    return draws.choice(forms) if text else ""


def _spell_reference(draws: Random, reference: str) -> str:
    text = reference.replace("\N{EN DASH}", "-")
    return draws.choice((text.lower(), text.upper(), text.replace("-", "\N{EN DASH}"), f" {text}")) if text else ""


def _spell_amount(draws: Random, amount: str) -> str:
    plain = amount.partition(".")[0]
    return draws.choice((plain, f"{plain}.0", f"{plain}.00")) if amount else ""
