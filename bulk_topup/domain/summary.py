"""Count the rows of a run and add up exact totals while they stream by; pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Final

from bulk_topup.domain.money import format_plain
from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.problems import is_left_out, is_nothing_due
from bulk_topup.domain.row import OutcomeGroup
from bulk_topup.domain.run import Closing, PaidAgain, Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.total import Total

#: Most digits of a sum. Python's default of 28 would round silently; money never reaches this, and a longer sum raises
#: instead of being rounded.
SUM_DIGITS: Final = 1_000

_EXACT = Context(prec=SUM_DIGITS, traps=[Inexact, InvalidOperation])
_ZERO: Final = Decimal(0)
#: The currency of a price without one, so that the totals keep it.
UNKNOWN_UNIT: Final = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """The counts and totals of a run."""

    #: The run's name, job/run key.
    run: str
    #: Its environment, and the account that pays; the account is empty if it is unknown.
    environment: str
    account: str
    #: The number of all rows.
    rows: int
    #: Rows in each state; every state is present, also with 0.
    counts: dict[RowState, int]
    #: Ordered by state, product and units.
    totals: tuple[Total, ...]
    #: Price plus fee of the completed rows, by currency: what the wallet paid.
    charged: dict[str, Decimal]
    #: Price plus fee of the accepted rows, by currency: what the wallet has on hold.
    held: dict[str, Decimal]
    #: Price plus fee of the rows in conflict, by currency: charged or on hold for transactions that need review.
    in_conflict: dict[str, Decimal]
    #: What the plan expected for the completed rows, by currency, beside `charged`.
    planned: dict[str, Decimal]
    #: Completed rows for which DVS states no price.
    unknown_charges: int
    #: That nothing more of the run is sent; None for a run that may be continued.
    closing: Closing | None = None
    #: What the run pays again on purpose.
    paid_again: tuple[PaidAgain, ...] = ()
    #: Refused rows that repeat payments of other runs.
    repeats: int = 0
    #: Refused rows for which nothing is due, and that need nothing else.
    nothing_due: int = 0
    #: Refused rows that are left out as duplicates, and that need nothing else.
    duplicates: int = 0
    #: Failed rows by DVS's status; an empty one where the row has none.
    failures: dict[str, int] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether every row is completed, but for those that are set aside."""
        return self.counts[RowState.COMPLETED] + self.set_aside == self.rows

    @property
    def set_aside(self) -> int:
        """Refused rows that need nothing: nothing is due for them, or they are left out as duplicates."""
        return self.nothing_due + self.duplicates

    @property
    def money(self) -> dict[str, dict[str, Decimal]]:
        """What the wallet was charged and has on hold, by currency, each under its name for people."""
        return {
            "Charged": self.charged,
            "Planned for completed rows": self.planned,
            "On hold for accepted rows": self.held,
            "Charged or on hold for rows in conflict": self.in_conflict,
        }

    def as_json(self) -> dict[str, object]:
        """Return it as plain JSON values; amounts are strings in plain notation."""
        return {
            "run": self.run,
            "environment": self.environment,
            "account": self.account or None,
            "rows": self.rows,
            "counts": {state.value: count for state, count in self.counts.items()},
            "nothing_due": self.nothing_due,
            "duplicates_left_out": self.duplicates,
            "failures": self.failures,
            "totals": [total.as_json() for total in self.totals],
            "charged": {unit: format_plain(amount) for unit, amount in self.charged.items()},
            "held": {unit: format_plain(amount) for unit, amount in self.held.items()},
            "in_conflict": {unit: format_plain(amount) for unit, amount in self.in_conflict.items()},
            "planned": {unit: format_plain(amount) for unit, amount in self.planned.items()},
            "unknown_charges": self.unknown_charges,
            "closed": None if self.closing is None else self.closing.as_json(),
            "paid_again": [each.as_json() for each in self.paid_again],
        }


#: State, product, unit and unit of the price.
_Key = tuple[RowState, int | None, str | None, str | None]


class _Sums:
    """The sums of one key so far."""

    __slots__ = ("amount", "duplicates", "fee", "nothing_due", "price", "rows")

    def __init__(self) -> None:
        self.rows = self.nothing_due = self.duplicates = 0
        self.amount = self.price = self.fee = _ZERO


class Tally:
    """Adds up rows as they stream by; keeps one entry per state, product and units, never the rows."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._sums: dict[_Key, _Sums] = {}
        self._repeats = 0
        self._unknown_charges = 0
        self._planned: dict[str, Decimal] = {}
        self._failures: Counter[str] = Counter()

    def add(self, outcomes: Outcomes) -> None:
        """Add rows; those with the same values are added as one."""
        idle = same = [False] * len(outcomes.state)
        if RowState.REFUSED in outcomes.state:
            self._repeats += sum(any(problem.is_repeat for problem in problems) for problems in outcomes.problems)
            idle, same = (
                [
                    state == RowState.REFUSED and is_aside(problems)
                    for state, problems in zip(outcomes.state, outcomes.problems, strict=True)
                ]
                for is_aside in (is_nothing_due, is_left_out)
            )
        failed = RowState.FAILED.value
        if failed in outcomes.state:
            statuses = zip(outcomes.state, outcomes.status_message, strict=True)
            self._failures.update(status or "" for state, status in statuses if state == failed)
        groups_of_rows = Counter(
            zip(
                outcomes.state,
                outcomes.product_id,
                outcomes.unit,
                outcomes.price_unit,
                outcomes.amount,
                outcomes.price,
                outcomes.fee,
                outcomes.planned_cost,
                outcomes.planned_unit,
                idle,
                same,
                strict=True,
            )
        )
        self.add_groups(
            OutcomeGroup(
                state=RowState(state),
                product_id=product_id,
                amount=None if amount is None else Decimal(amount),
                unit=unit,
                price=None if price is None else Decimal(price),
                fee=None if fee is None else Decimal(fee),
                price_unit=price_unit,
                planned_cost=None if planned is None else Decimal(planned),
                planned_unit=planned_unit,
                rows=rows,
                is_nothing_due=nothing_due,
                is_left_out=left_out,
            )
            for (
                (state, product_id, unit, price_unit, amount, price, fee, planned, planned_unit, nothing_due, left_out),
                rows,
            ) in groups_of_rows.items()
        )

    def add_groups(self, groups: Iterable[OutcomeGroup]) -> None:
        """Add the rows of groups."""
        fma = _EXACT.fma
        for group in groups:
            key = (group.state, group.product_id, group.unit, group.price_unit)
            sums = self._sums.setdefault(key, _Sums())
            sums.rows += group.rows
            self._repeats += group.rows if group.is_repeat else 0
            sums.nothing_due += group.rows if group.is_nothing_due else 0
            sums.duplicates += group.rows if group.is_left_out else 0
            if group.failure is not None:
                self._failures[group.failure] += group.rows
            if group.state is RowState.COMPLETED and group.price is None:
                self._unknown_charges += group.rows
            if group.state is RowState.COMPLETED and group.planned_cost is not None and group.planned_unit is not None:
                before = self._planned.get(group.planned_unit, _ZERO)
                self._planned[group.planned_unit] = fma(group.planned_cost, group.rows, before)
            sums.amount = fma(group.amount or _ZERO, group.rows, sums.amount)
            sums.price = fma(group.price or _ZERO, group.rows, sums.price)
            sums.fee = fma(group.fee or _ZERO, group.rows, sums.fee)

    def summary(self) -> Summary:
        """Return the summary of the rows added so far."""
        counts = dict.fromkeys(RowState, 0)
        for (state, *_), sums in self._sums.items():
            counts[state] += sums.rows
        totals = tuple(
            Total(
                state=state,
                product_id=product_id,
                amount=sums.amount,
                unit=unit,
                price=sums.price,
                fee=sums.fee,
                price_unit=price_unit,
                rows=sums.rows,
                nothing_due=sums.nothing_due,
                duplicates=sums.duplicates,
            )
            for (state, product_id, unit, price_unit), sums in sorted(
                self._sums.items(), key=lambda item: _order(item[0])
            )
        )
        return Summary(
            run=self._run.name,
            environment=self._run.environment,
            account=self._run.account,
            rows=sum(counts.values()),
            counts=counts,
            totals=totals,
            charged=_by_currency(totals, RowState.COMPLETED),
            held=_by_currency(totals, RowState.ACCEPTED),
            in_conflict=_by_currency(totals, RowState.CONFLICT),
            planned=dict(sorted(self._planned.items())),
            unknown_charges=self._unknown_charges,
            closing=self._run.closing,
            paid_again=self._run.paid_again,
            repeats=self._repeats,
            nothing_due=sum(total.nothing_due for total in totals),
            duplicates=sum(total.duplicates for total in totals),
            failures=dict(sorted(self._failures.items(), key=lambda item: (-item[1], item[0]))),
        )


def summarise(run: Run, pages: Iterable[Outcomes]) -> Summary:
    """Return the summary of a run.

    Args:
        run: the run of the rows.
        pages: all its rows, each once, in any order; read page by page.
    """
    tally = Tally(run)
    for page in pages:
        tally.add(page)
    return tally.summary()


def summarise_groups(run: Run, groups: Iterable[OutcomeGroup]) -> Summary:
    """Return the summary of a run from groups of rows that look the same in it."""
    tally = Tally(run)
    tally.add_groups(groups)
    return tally.summary()


_STATE_ORDER: Final = {state: number for number, state in enumerate(RowState)}


def _order(key: _Key) -> tuple[int, int, str, str]:
    state, product_id, unit, price_unit = key
    return _STATE_ORDER[state], -1 if product_id is None else product_id, unit or "", price_unit or ""


def _by_currency(totals: Iterable[Total], state: RowState) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for total in totals:
        money = _EXACT.add(total.price, total.fee)
        if total.state is not state or (total.price_unit is None and not money):
            continue
        unit = total.price_unit or UNKNOWN_UNIT
        found[unit] = _EXACT.add(found.get(unit, _ZERO), money)
    return dict(sorted(found.items()))
