"""The stories of ordinary weeks: who starts what, when, and whom it has to pay; pure, each drawn from one number.

A story knows a day's starts from the day and its own draws alone, so an office plays the same weeks every time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from chaos.office import Payment, Start

AIRTIME: Final = 6418
GIFT_CARD: Final = 8803
ELECTRICITY: Final = 9105
WATER: Final = 9240
#: Last digits from which numbers are paid, and those of operators that are unavailable.
_PAID_FROM: Final = 400
_UNAVAILABLE: Final = "104"
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_QUIET: Final = ("--scheduled", "--quiet")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A row of a list."""

    payment: Payment
    #: The cells before the amount, as the list has them.
    cells: tuple[str, ...]

    @property
    def line(self) -> str:
        """The row as a line of CSV."""
        amount = self.payment.amount
        return ",".join((*self.cells, "" if amount is None else str(amount)))


class Story:
    """A story: the starts of each day; each has a job or a list of its own.

    Args:
        seed: decides what may differ from week to week.
        zone: the office's time zone.
    """

    def __init__(self, seed: int, zone: ZoneInfo) -> None:
        self.draws = Random(f"{seed} {type(self).__name__}")
        self.zone = zone

    def starts(self, day: date) -> Iterator[Start]:
        """Yield the starts of a day."""
        raise NotImplementedError


def numbers(series: int, count: int, amount: str, *, first: int = 0, header: str = "P") -> list[Row]:
    """Return rows of mobile numbers that are paid, each with a reference.

    Args:
        series: two digits of the numbers; people of two series share nobody.
        count: how many rows.
        amount: what each is paid.
        first: the number of the first of them in its series.
        header: what references begin with.
    """
    rows = []
    for each in range(first, first + count):
        number = f"+6595{series:02}1{_PAID_FROM + each}"
        rows.append(Row(payment=_airtime(number, amount), cells=(f"{header}{each:03}", number)))
    return rows


def _airtime(number: str, amount: str) -> Payment:
    return Payment(party=number, product=AIRTIME, amount=Decimal(amount))


def csv_text(rows: Sequence[Row], header: str = "reference,phone,amount") -> str:
    """Return rows as the text of a list."""
    return "\n".join([header, *(row.line for row in rows), ""])


def job_text(
    name: str, key: str, list_: str, *, at: str = "", catch_up: str = "12h", product: int = AIRTIME, more: str = ""
) -> str:
    """Return a job file.

    Args:
        name: its name.
        key: its run key.
        list_: its list.
        at: when it is due; empty for a job without a schedule.
        catch_up: how late a missed run still starts.
        product: the product of all rows.
        more: further settings, before the tables.
    """
    schedule = f'[schedule]\nat = "{at}"\ncatch_up = "{catch_up}"\n' if at else ""
    what = f'name = "{name}"\nenvironment = "sandbox"\nrun_key = "{key}"\nlist = "{list_}"\nproduct = {product}\n'
    return f'{what}reports = ["csv"]\n{more}{schedule}'


def payments(rows: Sequence[Row]) -> list[Payment]:
    """Return what rows pay."""
    return [row.payment for row in rows]


def on(day: date, hour: int, minute: int = 2) -> datetime:
    """Return a time of a day, as the machine's clock shows it."""
    return datetime.combine(day, time(hour, minute))


class WeeklyRewards(Story):
    """A new list each Monday by cron, sometimes hours late; people join in the middle of the week."""

    def __init__(self, seed: int, zone: ZoneInfo) -> None:
        super().__init__(seed, zone)
        self._first, self._count = 0, 6
        self._job = job_text("rewards", "{today:%G-W%V}", "rewards-{today:%G-W%V}.csv", at="0 9 * * 1")

    def starts(self, day: date) -> Iterator[Start]:
        """Yield the starts of a day."""
        list_ = f"rewards-{day:%G-W%V}.csv"
        if day.weekday() == 0:
            if self.draws.random() < 0.3:  # one leaves, one joins
                self._first = (self._first + 1) % 300
            rows = self._rows()
            at = on(day, 9) + self.draws.choice((0, 0, 0, 1, 3, 11)) * _HOUR
            files = {"rewards.toml": self._job, list_: csv_text(rows)}
            words = ("run", "rewards.toml", *_QUIET)
            yield Start(at=at, words=words, pays=payments(rows), files=files)
            if at.hour < 20:
                yield Start(at=at + _HOUR, words=words)
                where = self.draws.choice((None, "Asia/Singapore", "UTC"))
                yield Start(at=on(day, 15), words=("run", "rewards.toml"), elsewhere=where)
        elif day.weekday() == 2 and self.draws.random() < 0.3:
            joiner = numbers(1, 1, "2", first=self._first + self._count, header="W")
            self._count += 1
            yield Start(at=on(day, 11), words=("plan", "rewards.toml"), files={list_: csv_text(self._rows())})
            yield Start(at=on(day, 11, 9), words=("run", "rewards.toml"), pays=payments(joiner))

    def _rows(self) -> list[Row]:
        return numbers(1, self._count, "2", first=self._first, header="W")


class HalfMonthlyBonus(Story):
    """An unchanged list on the 1st and the 15th by cron, or a day late by hand."""

    def starts(self, day: date) -> Iterator[Start]:
        """Yield the starts of a day."""
        if day.day not in {1, 15}:
            return
        rows = numbers(1, 5, "3", first=2, header="B")
        job = job_text("bonus", "{today:%Y-%m-%d}", "bonus.csv", at="30 10 1,15 * *")
        files = {"bonus.toml": job, "bonus.csv": csv_text(rows)}
        if self.draws.random() < 0.25:
            words = ("run", "bonus.toml", "--today", f"{day}")
            yield Start(at=on(day + _DAY, 9), words=words, pays=payments(rows), files=files)
            return
        at = on(day, 10, 32) + self.draws.choice((0, 0, 2, 10)) * _HOUR
        words = ("run", "bonus.toml", *_QUIET)
        yield Start(at=at, words=words, pays=payments(rows), files=files)
        yield Start(at=at + _HOUR, words=words)


PAYROLL: Final = 4


class Payroll(Story):
    """An unchanged file on the 28th by cron, sometimes caught up on the 1st, by cron or by hand."""

    def starts(self, day: date) -> Iterator[Start]:
        """Yield the starts of a day."""
        if day.day != 28:
            return
        rows = numbers(PAYROLL, 5, "25", header="E")
        job = job_text("payroll", "{today:%Y-%m}", "payroll.csv", at="0 17 28 * *", catch_up="96h")
        files = {"payroll.toml": job, "payroll.csv": csv_text(rows)}
        words: tuple[str, ...] = ("run", "payroll.toml", *_QUIET)
        at = on(day, 17)
        if self.draws.random() < 0.4:
            at = on((day + 5 * _DAY).replace(day=1), 8)
            if self.draws.random() < 0.5:
                words = ("run", "payroll.toml", "--today", f"{day}")
        yield Start(at=at, words=words, pays=payments(rows), files=files)
        yield Start(at=at + _HOUR, words=words)
        yield Start(at=at + 2 * _HOUR, words=("reconcile", f"payroll/{day:%Y-%m}"))


class Allowance(Story):
    """The amount of the payroll to its people once more each month, beside it."""

    def starts(self, day: date) -> Iterator[Start]:
        """Yield the starts of a day."""
        if day.day != 5:
            return
        rows = numbers(PAYROLL, 5, "25", header="A")
        more = 'beside = ["payroll"]\n'
        job = job_text("allowance", "{today:%Y-%m}", "allowance.csv", at="0 8 5 * *", more=more)
        files = {"allowance.toml": job, "allowance.csv": csv_text(rows)}
        at = on(day, 8) + self.draws.choice((0, 0, 6)) * _HOUR
        yield Start(at=at, words=("run", "allowance.toml", *_QUIET), pays=payments(rows), files=files)


class WagesByHand(Story):
    """An unchanged list on the last working day of each month, by hand."""

    def starts(self, day: date) -> Iterator[Start]:
        """Yield the starts of a day."""
        last = (day.replace(day=28) + 5 * _DAY).replace(day=1) - _DAY
        while last.weekday() > 4:
            last -= _DAY
        if day != last:
            return
        rows = numbers(5, 4, "20", header="H")
        files = {"wages.toml": job_text("wages", "{today:%Y-%m}", "wages.csv"), "wages.csv": csv_text(rows)}
        yield Start(at=on(day, 16), words=("plan", "wages.toml"), files=files)
        yield Start(at=on(day, 16, 20), words=("run", "wages.toml"), pays=payments(rows))
        if self.draws.random() < 0.3:
            yield Start(at=on(day, 17), words=("run", "wages.toml"))


class Meters(Story):
    """Prepaid meters on Monday, Wednesday and Friday, a list without a job; two of them look alike."""

    ROWS: Final = tuple(
        Row(payment=Payment(party=meter, product=WATER, amount=Decimal(5000)), cells=(meter,))
        for meter in ("0071024", "71024", "95325681611", "3029442961", "4711-889")
    )

    def __init__(self, seed: int, zone: ZoneInfo) -> None:
        super().__init__(seed, zone)
        self._was_decided = False

    def starts(self, day: date) -> Iterator[Start]:
        """Yield the starts of a day."""
        if day.weekday() not in {0, 2, 4}:
            return
        words: tuple[str, ...] = ("run", "meters.csv", "--product", str(WATER), "--period", "day")
        words += ("--run-key", f"meters-{day}")
        at = on(day, self.draws.choice((0, 7, 7, 23)), 31)
        files = {"meters.csv": csv_text(self.ROWS, "meter number,amount")}
        if not self._was_decided:
            self._was_decided = True
            yield Start(at=at, words=words, code=3, files=files, says="--not-the-same")
            at += timedelta(minutes=5)
            decided = (*words, "--not-the-same", "3", "--reason", "two flats")
            yield Start(at=at, words=decided, pays=payments(self.ROWS))
        else:
            yield Start(at=at, words=words, pays=payments(self.ROWS), files=files)
        if self.draws.random() < 0.2:
            yield Start(at=at + timedelta(minutes=20), words=words)


class Family(Story):
    """People who share numbers, without references, in an unchanged list each week by hand."""

    def starts(self, day: date) -> Iterator[Start]:
        """Yield the starts of a day."""
        if day.weekday() != 1:
            return
        day += self.draws.choice((0, 0, 1)) * _DAY
        rows = [row for row in numbers(6, 3, "4") for _ in range(3)]
        rows = [replace(row, cells=row.cells[1:]) for row in (*rows, *numbers(6, 2, "5", first=7))]
        job = job_text("families", "{today:%G-W%V}", "families.csv", more="allow_duplicates = true\n")
        files = {"families.toml": job, "families.csv": csv_text(rows, "phone,amount")}
        yield Start(at=on(day, 10), words=("run", "families.toml"), pays=payments(rows), files=files)


class Campaigns(Story):
    """Campaigns to overlapping people: of lists with amounts of their own, and of jobs beside each other."""

    def starts(self, day: date) -> Iterator[Start]:
        """Yield the starts of a day."""
        if day.day in {9, 11}:
            is_first = day.day == 9
            rows = numbers(7, 6, "6" if is_first else "8", first=0 if is_first else 3, header="C")
            list_ = f"{'spring' if is_first else 'friends'}-{day:%Y-%m}.csv"
            words = ("run", list_, "--product", str(AIRTIME), "--period", "month")
            yield Start(at=on(day, 13), words=words, pays=payments(rows), files={list_: csv_text(rows)})
            if self.draws.random() < 0.5:
                yield Start(at=on(day, 14), words=words)
        if day.day in {12, 13}:
            name, other = ("winback", "loyalty")[:: 1 if day.day == 12 else -1]
            rows = numbers(8, 6, "7", first=3 * (day.day - 12), header="L")
            more = f'beside = ["{other}"]\n' if name == "loyalty" else ""
            files = {
                f"{name}.toml": job_text(name, "{today:%Y-%m}", f"{name}.csv", more=more),
                f"{name}.csv": csv_text(rows),
            }
            yield Start(at=on(day, 13, 30), words=("run", f"{name}.toml"), pays=payments(rows), files=files)


class Stipends(Story):
    """A list with two rows that fail each week; they are retried the same evening, and due again the next week."""

    def starts(self, day: date) -> Iterator[Start]:
        """Yield the starts of a day."""
        if day.weekday() != 3:
            return
        failing = [f"+659509{each}{_UNAVAILABLE}" for each in (1, 2)]
        rows = [
            *numbers(9, 4, "9", header="S"),
            *(Row(payment=_airtime(number, "9"), cells=(f"S9{number[-4]}", number)) for number in failing),
        ]
        job = job_text("stipends", "{today:%G-W%V}", "stipends.csv", at="0 8 * * 4")
        files = {"stipends.toml": job, "stipends.csv": csv_text(rows)}
        words = ("run", "stipends.toml", *_QUIET)
        yield Start(at=on(day, 8), words=words, pays=payments(rows), code=1, files=files)
        yield Start(at=on(day, 9), words=words, code=1)
        run = f"stipends/{day:%G-W%V}"
        yield Start(at=on(day, 18), words=("retry", run), pays=[_airtime(number, "9") for number in failing], code=1)


class Interrupted(Story):
    """A list that is started on Sunday evening, stopped before it sends, and resumed after midnight or at once."""

    def starts(self, day: date) -> Iterator[Start]:
        """Yield the starts of a day."""
        if day.weekday() != 6:
            return
        rows = numbers(10, 4, "11", header="T")
        job = job_text("tips", "{today:%G-W%V}", "tips.csv")
        files = {"tips.toml": job, "tips.csv": csv_text(rows)}
        at = on(day, 23, 40)
        stopped = ("run", "tips.toml", "--deadline", "2020-01-01T00:00Z")
        yield Start(at=at, words=stopped, code=75, files=files)
        later = at + timedelta(minutes=self.draws.choice((5, 40)))
        words = ("resume", f"tips/{day:%G-W%V}")
        if later.date() == day and self.draws.random() < 0.5:
            words = ("run", "tips.toml")
        yield Start(at=later, words=words, pays=payments(rows))


class DailyShifts(Story):
    """A daily list by cron at a time that the clock skips in spring and shows twice in autumn."""

    def starts(self, day: date) -> Iterator[Start]:
        """Yield the starts of a day; only of those around a change of the clock, as the others are all alike."""
        noon = datetime.combine(day, time(12), self.zone)
        if (noon - 3 * _DAY).utcoffset() == (noon + 3 * _DAY).utcoffset():
            return
        rows = numbers(11, 3, "13", header="D")
        job = job_text("shifts", "{today:%Y-%m-%d}", "shifts.csv", at="30 2 * * *")
        files = {"shifts.toml": job, "shifts.csv": csv_text(rows)}
        words = ("run", "shifts.toml", *_QUIET)
        yield Start(at=on(day, 2, 32), words=words, pays=payments(rows), files=files)
        yield Start(at=on(day, 2, 32).replace(fold=1) + _HOUR, words=words)


class GiftCards(Story):
    """Cards with the same references each month, by hand."""

    def starts(self, day: date) -> Iterator[Start]:
        """Yield the starts of a day."""
        if day.day != 10:
            return
        day += self.draws.choice((0, 2)) * _DAY
        rows = [Row(payment=Payment(party=None, product=GIFT_CARD), cells=(f"GC-{each}",)) for each in range(1, 4)]
        job = job_text("gifts", "{today:%Y-%m}", "gifts.csv", product=GIFT_CARD)
        files = {"gifts.toml": job, "gifts.csv": csv_text(rows, "reference,amount")}
        yield Start(at=on(day, 12), words=("run", "gifts.toml"), pays=payments(rows), files=files)


class Bills(Story):
    """Each month's bills of the same accounts, over the same amounts."""

    def starts(self, day: date) -> Iterator[Start]:
        """Yield the starts of a day."""
        if day.day != 12:
            return
        rows = [
            Row(
                payment=Payment(party=account, product=ELECTRICITY, amount=Decimal(900)),
                cells=(account, "POSTPAID", f"INV-{day:%Y-%m}-{account[:2]}"),
            )
            for account in ("30294429610", "95325681611", "77124")
        ]
        job = job_text("bills", "{today:%Y-%m}", "bills-{today:%Y-%m}.csv", product=ELECTRICITY)
        text = csv_text(rows, "account number,account qualifier,invoice,amount")
        files = {"bills.toml": job, f"bills-{day:%Y-%m}.csv": text}
        yield Start(at=on(day, 14), words=("run", "bills.toml"), pays=payments(rows), files=files)


class Vouchers(Story):
    """Lists that come into a folder each Tuesday, and are archived when they are paid."""

    def starts(self, day: date) -> Iterator[Start]:
        """Yield the starts of a day."""
        if day.weekday() != 1:
            return
        rows = numbers(12, 3, "15", header="V")
        more = 'archive = "done"\n'
        job = job_text("vouchers", "{today:%G-W%V}", "inbox/vouchers*.csv", at="0 12 * * 2", more=more)
        files = {"vouchers.toml": job, f"inbox/vouchers ({self.draws.randint(1, 9)}).csv": csv_text(rows)}
        words = ("run", "vouchers.toml", *_QUIET)
        yield Start(at=on(day, 12), words=words, pays=payments(rows), files=files)
        yield Start(at=on(day, 13), words=words)


class YearEnd(Story):
    """A bonus before Christmas, an unchanged list, once a year."""

    def starts(self, day: date) -> Iterator[Start]:
        """Yield the starts of a day."""
        if (day.month, day.day) != (12, 18):
            return
        rows = numbers(PAYROLL, 5, "50", header="X")
        files = {"xmas.toml": job_text("xmas", "{today:%Y}", "xmas.csv"), "xmas.csv": csv_text(rows)}
        yield Start(at=on(day, 10), words=("run", "xmas.toml"), pays=payments(rows), files=files)


class Housekeeping(Story):
    """What pays nobody: personal data is purged each quarter, and the day is compared with the provider."""

    def starts(self, day: date) -> Iterator[Start]:
        """Yield the starts of a day."""
        if day.month % 3 == 1 and day.day == 2:
            yield Start(at=on(day, 12), words=("ledger", "purge", "--older-than", "120d", "--yes"))
        if day.weekday() == 4:
            yield Start(at=on(day, 20), words=("reconcile",))


STORIES: Final[tuple[type[Story], ...]] = (
    WeeklyRewards,
    HalfMonthlyBonus,
    Payroll,
    Allowance,
    WagesByHand,
    Meters,
    Family,
    Campaigns,
    Stipends,
    Interrupted,
    DailyShifts,
    GiftCards,
    Bills,
    Vouchers,
    YearEnd,
    Housekeeping,
)
