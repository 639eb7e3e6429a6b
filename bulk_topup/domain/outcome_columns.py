"""Hold rows of a run column by column, for files with millions of them; pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from typing import Self

from bulk_topup.domain.money import format_plain
from bulk_topup.domain.problems import Problem, is_left_out, is_nothing_due
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.states import RowState

_AMOUNTS = frozenset({"amount", "planned_cost", "price", "fee", "delivered", "retail_price"})
_TIMES = frozenset({"creation_date", "final_at"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcomes:
    """One or more rows with their outcome: a column for each field of `Outcome`."""

    line: Sequence[int]
    #: Values of `RowState`.
    state: Sequence[str]
    cells: Sequence[Sequence[str]]
    problems: Sequence[tuple[Problem, ...]]
    message: Sequence[str]
    note: Sequence[str]
    product_id: Sequence[int | None]
    credit_party: Sequence[str | None]
    #: In plain notation, like cost, price and fee.
    amount: Sequence[str | None]
    unit: Sequence[str | None]
    attempt: Sequence[int]
    external_id: Sequence[str | None]
    transaction_id: Sequence[int | None]
    status_class: Sequence[str | None]
    status_message: Sequence[str | None]
    planned_cost: Sequence[str | None]
    planned_unit: Sequence[str | None]
    price: Sequence[str | None]
    fee: Sequence[str | None]
    price_unit: Sequence[str | None]
    #: The `DELIVERY_FIELDS`, with amounts in plain notation.
    delivered: Sequence[str | None]
    delivered_unit: Sequence[str | None]
    bonus: Sequence[str | None]
    retail_price: Sequence[str | None]
    retail_unit: Sequence[str | None]
    operator_reference: Sequence[str | None]
    #: The `SECRET_FIELDS`. A placeholder where they are not revealed; None only where there is none.
    pin_code: Sequence[str | None] = field(repr=False)
    pin_serial: Sequence[str | None] = field(repr=False)
    esim_activation_code: Sequence[str | None] = field(repr=False)
    esim_apple_universal_link: Sequence[str | None] = field(repr=False)
    esim_android_universal_link: Sequence[str | None] = field(repr=False)
    esim_installation_url: Sequence[str | None] = field(repr=False)
    #: In ISO 8601, like `final_at`.
    creation_date: Sequence[str | None]
    final_at: Sequence[str | None]
    in_list: Sequence[bool]

    @classmethod
    def of(cls, rows: Iterable[Outcome]) -> Self:
        """Return rows as columns."""
        found = list(rows)
        columns = {name: [getattr(row, name) for row in found] for name in _FIELDS}
        columns["state"] = [state.value for state in columns["state"]]
        for name in _AMOUNTS:
            columns[name] = [None if amount is None else format_plain(amount) for amount in columns[name]]
        for name in _TIMES:
            columns[name] = [None if moment is None else moment.isoformat() for moment in columns[name]]
        return cls(**columns)

    def __len__(self) -> int:
        return len(self.line)

    def not_completed(self) -> list[int]:
        """Return the indexes of rows that are not completed, without those that need nothing."""
        return [
            index
            for index, state in enumerate(self.state)
            if state != RowState.COMPLETED.value
            and not (state == RowState.REFUSED.value and _is_set_aside(self.problems[index]))
        ]

    def row(self, index: int) -> Outcome:
        """Return one row, by its index from 0."""
        values = {name: getattr(self, name)[index] for name in _FIELDS}
        values["state"] = RowState(values["state"])
        values["cells"] = tuple(values["cells"])
        for name in _AMOUNTS:
            values[name] = None if values[name] is None else Decimal(values[name])
        for name in _TIMES:
            values[name] = None if values[name] is None else datetime.fromisoformat(values[name])
        return Outcome(**values)

    def rows(self) -> Iterator[Outcome]:
        """Yield the rows one by one."""
        return map(self.row, range(len(self)))


_FIELDS = tuple(each.name for each in fields(Outcomes))


def _is_set_aside(problems: Sequence[Problem]) -> bool:
    return is_nothing_due(problems) or is_left_out(problems)
