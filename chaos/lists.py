"""Random lists of invented beneficiaries, and random edits of them; pure, decides by draws alone."""

import csv
import io
import re
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
#: Columns that only the checker's copy of a list has.
PERSON: Final = "person"
NUMBER: Final = "number"

#: How people edit a list in which everybody stays who they are, with and without references.
EDITS: Final = ("rows added", "rows removed", "rows moved", "amounts changed")
RESPELLED: Final = "rows respelled"
SWAPPED: Final = "equals swapped"
RENUMBERED: Final = "references edited"


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of a list."""

    reference: str
    phone: str
    product: int
    amount: str
    #: A column that is not mapped; some cells look like formulas.
    department: str
    #: Who it is for, and their number, however the list spells it; the list does not have them.
    person: int
    number: str
    #: Whether an edit has changed its amount or its reference.
    is_altered: bool = False

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

    def evidence(self) -> str:
        """Return it as CSV with the person behind each row, and the person's number."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow((*((REFERENCE,) if self.has_references else ()), *COLUMNS, PERSON, NUMBER))
        for line in self.lines:
            references = (line.reference,) if self.has_references else ()
            writer.writerow((*references, *line.cells, line.person, line.number))
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
            equal = draws.choice(lines)
            lines.append(replace(equal, reference=f"R-{len(lines):04}", person=len(lines)))
        if has_bad_rows and draws.random() < 0.1:
            # Without references, two equal lines would be one row.
            bad = draws.choice(BAD_PHONES)
            lines[-1] = replace(lines[-1], phone=bad, number=bad, department=f"bad {len(lines)}")
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
            person=number,
            number=f"+6595123{400 + number % 600}",
        )
        for number in range(rows)
    )
    return PayList(lines=tuple(lines), has_references=True)


def _draw_line(draws: Random, number: int, others: Sequence[Line], *, has_references: bool, has_declined: bool) -> Line:
    used = {(line.number, line.product) for line in others}
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
                person=number,
                number=phone,
            )


def edit(draws: Random, before: PayList, kinds: Sequence[str] = EDITS) -> tuple[PayList, str]:
    """Edit a list as people do, and return the new version and the kind of edit."""
    kind = draws.choice(kinds)
    lines = list(before.lines)
    match kind:
        case "rows added":
            _add_rows(draws, lines, has_references=before.has_references)
        case "rows removed":
            for _ in range(min(draws.randint(1, 4), len(lines) - 1)):
                lines.pop(draws.randrange(len(lines)))
        case "rows moved":
            draws.shuffle(lines)
        case "amounts changed":
            _change_amounts(draws, lines)
        case "rows respelled":
            for index in draws.sample(range(len(lines)), min(6, len(lines))):
                lines[index] = _respelled(draws, lines[index])
        case "equals swapped":
            _swap_equals(draws, lines)
        case "references edited":
            for index in draws.sample(range(len(lines)), min(4, len(lines))):
                if not lines[index].is_altered:
                    reference = _edited_reference(draws, lines[index].reference)
                    lines[index] = replace(lines[index], reference=reference, is_altered=True)
        case _:
            raise ValueError(f'Unknown edit "{kind}".')
    return replace(before, lines=tuple(lines)), kind


def _add_rows(draws: Random, lines: list[Line], *, has_references: bool) -> None:
    first = 1 + max(line.person for line in lines)
    for number in range(first, first + draws.randint(1, 6)):
        line = _draw_line(draws, number, lines, has_references=has_references, has_declined=draws.random() < 0.5)
        lines.insert(draws.randint(0, len(lines)), line)


def _change_amounts(draws: Random, lines: list[Line]) -> None:
    for index in draws.sample(range(len(lines)), min(4, len(lines))):
        amounts = dict(PRODUCTS + GIFT_CARDS)[lines[index].product]
        if not lines[index].is_altered:
            lines[index] = replace(lines[index], amount=draws.choice(amounts), is_altered=True)


def _swap_equals(draws: Random, lines: list[Line]) -> None:
    """Change the amounts of rows that credit one number with one product, so that the list pays the same as before."""
    groups: dict[tuple[str, int], list[int]] = {}
    for index, line in enumerate(lines):
        groups.setdefault((line.number, line.product), []).append(index)
    for indexes in groups.values():
        amounts = [lines[index].amount for index in indexes]
        draws.shuffle(amounts)
        for index, amount in zip(indexes, amounts, strict=True):
            lines[index] = replace(lines[index], amount=amount)


def _respelled(draws: Random, line: Line) -> Line:
    """Return a line whose number and reference are spelled otherwise, and are still the same."""
    if line.number in BAD_PHONES:
        return line
    number = line.number
    spellings = (
        f"{number[:3]} {number[3:7]} {number[7:]}",
        f"{number[:3]}-{number[3:7]}-{number[7:]}",
        f"{number} ",
        f"{number}\u200b",
        number,
    )
    references = (
        line.reference.casefold(),
        line.reference.replace("-", "\u2013"),
        f"{line.reference} ",
        line.reference,
    )
    reference = line.reference if line.is_altered else draws.choice(references)
    return replace(line, phone=draws.choice(spellings), reference=reference)


def _edited_reference(draws: Random, reference: str) -> str:
    """Return another reference for the same row, as a spreadsheet or a person changes it."""
    digits = re.sub(r"\D", "", reference)
    return draws.choice((f"R{digits}", f"R-{int(digits)}", f"GC-{digits}", f"r-{digits}"))
