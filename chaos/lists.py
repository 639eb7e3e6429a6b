"""Random lists of invented beneficiaries, and random edits of them; pure, decides by draws alone."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

#: Last digits of numbers that are paid, some with a PIN and some late; and of those that are declined or rejected.
PAID: Final = (*map(str, range(400, 1000)), *("100", "101", "200", "201") * 20, "301")
DECLINED: Final = ("102", "103", "104", "106", "107", "108", "109", "204", "305")
#: Products with amounts that they accept; empty for those of a fixed value.
PRODUCTS: Final[tuple[tuple[int, tuple[str, ...]], ...]] = (
    (6418, ("1", "2.5", "7.5", "12.5", "20", "99.5")),
    (4470, ("5", "5.01", "17.35", "33.33", "199.99")),
    (4455, ("5", "10", "55")),
    (4460, ("",)),
    (5021, ("",)),
)
#: Products without a credit party, which yield a PIN and need a reference.
GIFT_CARDS: Final[tuple[tuple[int, tuple[str, ...]], ...]] = ((8803, ("",)), (8810, ("10", "25", "150")))
#: Invalid numbers, whose rows must be refused.
BAD_PHONES: Final = ("06595", "+65ABC", "")

COLUMNS: Final = ("phone", "product_id", "amount", "department")
REFERENCE: Final = "reference"


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of a list."""

    reference: str
    phone: str
    product: int
    amount: str
    #: A column that is not mapped; some cells look like formulas.
    department: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells, without the reference."""
        return (self.phone, str(self.product), self.amount, self.department)


@dataclass(frozen=True, kw_only=True, slots=True)
class PayList:
    """A version of a list."""

    lines: tuple[Line, ...]
    #: Whether it has a reference column.
    has_references: bool

    def text(self) -> str:
        """Return it as CSV."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow((REFERENCE, *COLUMNS) if self.has_references else COLUMNS)
        for line in self.lines:
            writer.writerow((line.reference, *line.cells) if self.has_references else line.cells)
        return out.getvalue()


def draw_list(draws: Random, *, rows: int, has_references: bool, has_duplicates: bool, has_bad_rows: bool) -> PayList:
    """Create a list.

    Args:
        draws: the source of randomness.
        rows: number of lines.
        has_references: whether it has a reference column; only then can it contain gift cards.
        has_duplicates: whether a number may get a product twice.
        has_bad_rows: whether some rows must be refused, and some are declined.
    """
    lines: list[Line] = []
    while len(lines) < rows:
        lines.append(_draw_line(draws, len(lines), lines, has_references=has_references, has_declined=has_bad_rows))
        if has_duplicates and len(lines) < rows and draws.random() < 0.15:
            lines.append(replace(draws.choice(lines), reference=f"R-{len(lines):04}"))
        if has_bad_rows and draws.random() < 0.1:
            # Without references, two equal lines would be one row.
            lines[-1] = replace(lines[-1], phone=draws.choice(BAD_PHONES), department=f"bad {len(lines)}")
    return PayList(lines=tuple(lines), has_references=has_references)


def long_list(rows: int) -> PayList:
    """Create a list of any length whose rows are all paid; numbers repeat, references do not."""
    product, amounts = PRODUCTS[0]
    lines = (
        Line(
            reference=f"R-{number:06}",
            phone=f"+6595123{400 + number % 600}",
            product=product,
            amount=amounts[number % len(amounts)],
            department="Everybody",
        )
        for number in range(rows)
    )
    return PayList(lines=tuple(lines), has_references=True)


def _draw_line(draws: Random, number: int, others: Sequence[Line], *, has_references: bool, has_declined: bool) -> Line:
    used = {(line.phone, line.product) for line in others}
    while True:
        is_card = has_references and draws.random() < 0.08
        product, amounts = draws.choice(GIFT_CARDS if is_card else PRODUCTS)
        ending = draws.choice(DECLINED if has_declined and draws.random() < 0.3 else PAID)
        phone = "" if is_card else f"+6595123{ending}"
        if is_card or (phone, product) not in used:
            return Line(
                reference=f"R-{number:04}",
                phone=phone,
                product=product,
                amount=draws.choice(amounts),
                department=draws.choice(("Sales", "=1+1", "-2", "@home", 'quoted "cell"', "línea, café")),
            )


def edit(draws: Random, before: PayList) -> tuple[PayList, str]:
    """Edit a list as people do, and return the new version and the kind of edit."""
    lines = list(before.lines)
    kind = draws.choice(("rows added", "rows removed", "rows moved", "amounts changed"))
    if kind == "rows added":
        first = 1 + max(int(line.reference[2:]) for line in lines)
        for number in range(first, first + draws.randint(1, 6)):
            line = _draw_line(
                draws, number, lines, has_references=before.has_references, has_declined=draws.random() < 0.5
            )
            lines.insert(draws.randint(0, len(lines)), line)
    elif kind == "rows removed":
        for _ in range(min(draws.randint(1, 4), len(lines) - 1)):
            lines.pop(draws.randrange(len(lines)))
    elif kind == "rows moved":
        draws.shuffle(lines)
    else:
        for index in draws.sample(range(len(lines)), min(4, len(lines))):
            amounts = dict(PRODUCTS + GIFT_CARDS)[lines[index].product]
            lines[index] = replace(lines[index], amount=draws.choice(amounts))
    return replace(before, lines=tuple(lines)), kind
