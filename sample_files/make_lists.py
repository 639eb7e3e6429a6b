"""Writes the valid lists, the same every time: `python sample_files/make_lists.py [FOLDER]`.

All people are invented. Their numbers are the API's own example range (+6595123...) and ranges that regulators keep
free for fiction. A number's last three digits select the sandbox's outcome, see docs/sandbox.md.
"""

import csv
import random
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from xlsxwriter import Workbook

FIRST_NAMES = ("Ada", "Bram", "Chidi", "Dalia", "Emre", "Farah", "Goran", "Hana", "Ines", "Jonas", "Kaya", "Lior")
LAST_NAMES = ("Abara", "Brook", "Castell", "Dufour", "Eklund", "Fontaine", "Grange", "Holt", "Iversen", "Juneau")

#: Last digits of numbers in the payroll: declined, slow, and slow and declined ones. Most others complete.
ENDINGS = ("102", "103", "104", "106", "107", "200", "202", "204", "206", "300", "303")

#: Amounts that employees get, by currency; "" where the product has a fixed one.
Amounts = Mapping[str, Sequence[str]]
PAYROLL_AMOUNTS: Amounts = {
    "SGD": ("5", "7.5", "10", "12.5", "20"),
    "GBP": ("5", "10", "15"),
    "EUR": ("",),
    "USD": ("8", "10.25", "25"),
}
STAFF_AMOUNTS: Amounts = {
    "SGD": ("6", "8.5", "11", "14", "18"),
    "GBP": ("5", "10", "15"),
    "EUR": ("",),
    "USD": ("9", "12.25", "26"),
}


def main(folder: Path) -> None:
    """Write every list."""
    # The lists of jobs pay others than the lists that pages pay without a job, so that all can be tried in one ledger.
    paid = payroll(folder / "payroll.xlsx", PAYROLL_AMOUNTS, seed=250)
    payroll(folder / "staff.xlsx", STAFF_AMOUNTS, seed=251, others_than=paid)
    rewards(folder / "rewards.csv", ("2", "5", "5.5", "10"), seed=40)
    rewards(folder / "weekly_rewards.csv", ("3", "4", "9", "13"), seed=41)
    bills(folder / "bills.csv")
    meters(folder / "meters.csv")
    gift_cards(folder / "gift_cards.csv", "GC")
    gift_cards(folder / "spring_cards.csv", "SP")
    bonuses(folder / "bonuses.csv")


def payroll(path: Path, amounts: Amounts, *, seed: int, others_than: Collection[str] = ()) -> set[str]:
    """Write 250 employees in four countries, with numbers as people type them, and return their numbers."""
    draw = random.Random(seed)
    numbers = set()
    with Workbook(str(path)) as workbook:
        workbook.set_properties({"title": "Payroll, airtime allowance", "created": datetime(2026, 11, 1, tzinfo=UTC)})
        sheet = workbook.add_worksheet("Payroll")
        bold = workbook.add_format({"bold": True})
        headings = ("Employee ID", "First name", "Last name", "Mobile number", "Product ID", "Amount", "Currency")
        sheet.write_row(0, 0, headings, bold)
        sheet.set_column(0, 6, 16)
        sheet.freeze_panes(1, 0)
        for index, (product, number, amount, currency) in enumerate(_payments(draw, amounts, others_than), start=1):
            numbers.add(number)
            sheet.write_string(index, 0, f"E-{1000 + index}")
            sheet.write_string(index, 1, draw.choice(FIRST_NAMES))
            sheet.write_string(index, 2, draw.choice(LAST_NAMES))
            sheet.write_string(index, 3, _as_typed(number, index))
            sheet.write_number(index, 4, product)
            if amount:
                # Cells of workbooks are floats; the reader keeps their digits.
                sheet.write_number(index, 5, float(amount))
            sheet.write_string(index, 6, currency)
        notes = workbook.add_worksheet("Notes")
        notes.write_row(0, 0, ("Approved by", "C. Holt"))
    return numbers


def _payments(
    draw: random.Random, amounts: Amounts, others_than: Collection[str]
) -> Iterator[tuple[int, str, str, str]]:
    """Yield product, number, amount and currency of each employee: Singapore, United Kingdom, France, United States."""
    ranges = (
        (110, 6418, "+6595123", range(1000), "SGD"),
        (60, 4455, "+447700900", range(1000), "GBP"),
        (50, 4460, "+3363998", range(10000), "EUR"),
        (30, 4470, "+1202555", range(110, 200), "USD"),
    )
    for count, product, prefix, all_lines, currency in ranges:
        width = len(str(all_lines[-1])) if len(all_lines) >= 1000 else 4
        lines = [line for line in all_lines if f"{prefix}{line:0{width}d}" not in others_than]
        endings = [ending for ending in ENDINGS if int(ending) in lines][: count // 8]
        plain = [line for line in lines if not 100 <= line % 1000 <= 307 or line % 100 > 7]
        chosen = [int(ending) for ending in endings] + draw.sample(plain, count - len(endings))
        draw.shuffle(chosen)
        for line in chosen:
            yield product, f"{prefix}{line:0{width}d}", draw.choice(amounts[currency]), currency


def _as_typed(number: str, index: int) -> str:
    """Return some numbers as people type them, all of them unambiguous."""
    if index % 7 == 0:
        return f"00{number[1:]}"
    if index % 11 == 0:
        return f"{number[:3]} {number[3:7]} {number[7:]}  "
    return number


def rewards(path: Path, amounts: Sequence[str], *, seed: int) -> None:
    """Write 40 winners of one campaign; all get the same product."""
    draw = random.Random(seed)
    lines = [*draw.sample(range(400, 1000), 36), 100, 102, 204, 206]
    draw.shuffle(lines)
    rows = [
        (f"W-{index:03d}", f"+6595123{line:03d}", draw.choice(amounts)) for index, line in enumerate(lines, start=1)
    ]
    _write(path, ("reference", "phone", "amount"), rows)


def bills(path: Path) -> None:
    """Write 20 electricity bills as spreadsheet programs of continental Europe do: semicolons and decimal commas."""
    draw = random.Random(20)
    rows = [
        (
            f"{draw.randrange(10**7, 10**8)}{ending:03d}",
            "PREPAID" if index % 3 else "POSTPAID",
            f"INV-2026-{index:04d}",
            f"{draw.randrange(300, 9000)},{draw.choice((0, 25, 50)):02d}",
        )
        for index, ending in enumerate([*range(610, 628), 103, 204], start=1)
    ]
    _write(path, ("account number", "account qualifier", "invoice", "amount"), rows, delimiter=";")


def meters(path: Path) -> None:
    """Write 20 accounts of an electricity biller without amounts: DVS is asked for what is due."""
    draw = random.Random(21)
    rows = [
        (f"{draw.randrange(10**7, 10**8)}{ending:03d}", "PREPAID" if index % 3 else "POSTPAID")
        for index, ending in enumerate(range(620, 640), start=1)
    ]
    _write(path, ("account number", "account qualifier"), rows)


def gift_cards(path: Path, prefix: str) -> None:
    """Write 15 gift cards, which credit no number, so each row has a reference."""
    rows = [
        (f"{prefix}-{index:03d}", "8803" if index % 3 else "8810", "" if index % 3 else str(10 + 5 * index))
        for index in range(1, 16)
    ]
    _write(path, ("reference", "product_id", "amount"), rows)


def bonuses(path: Path) -> None:
    """Write 20 weekly bonuses without a product, which the number's operator and the amount determine."""
    draw = random.Random(20)
    rows = [
        # Odd numbers belong to an operator with only one bundle.
        (f"B-{index:03d}", f"+6595123{line:03d}", "8" if line % 2 else draw.choice(("5", "7.5", "10")), "SGD")
        for index, line in enumerate([*draw.sample(range(400, 1000), 19), 104], start=1)
    ]
    _write(path, ("reference", "phone", "amount", "currency"), rows)


def _write(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]], delimiter: str = ",") -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
