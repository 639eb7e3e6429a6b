"""Checked rows as values: what the checker returns and the ledger stages, one row at a time."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from bulk_topup.domain.money import format_plain
from bulk_topup.domain.problems import Problem, decode_problems, encode_problems
from bulk_topup.domain.row import StagedRow
from bulk_topup.domain.states import RowState
from bulk_topup.dvs.models.product import Product
from bulk_topup.plan import Checker, PlanOptions

_SCHEMA = {name: pl.Int64 if name in {"line", "product_id", "operator_id"} else pl.String for name in StagedRow._fields}


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedRow:
    """One row of the list after the checks: valid, or refused with every reason."""

    line: int
    identity: str
    #: The list's own cells as a JSON array of texts.
    cells: str
    #: Why it is refused; empty if it is valid.
    problems: tuple[Problem, ...]
    product_id: int | None
    credit_party: str | None
    amount: Decimal | None
    unit: str | None
    #: The request's JSON body without `external_id`; None if the row is refused.
    request: bytes | None
    #: The expected cost with its fee, in `cost_unit`; None if it is not known.
    cost: Decimal | None
    cost_unit: str | None
    operator_id: int | None = None
    party_key: str | None = None
    #: Its identity as the list writes it, if that is another.
    written: str | None = None
    #: Until when its amount may be sent that DVS was asked for, in UTC.
    amount_until: str | None = None

    def staged(self) -> StagedRow:
        """Return the row as the ledger stages it."""
        return StagedRow(
            line=self.line,
            identity=self.identity,
            party=None,
            state=RowState.REFUSED if self.problems else RowState.PENDING,
            cells=self.cells,
            problems=encode_problems(self.problems),
            product_id=self.product_id,
            credit_party=self.credit_party,
            amount=None if self.amount is None else format_plain(self.amount),
            unit=self.unit,
            request=None if self.request is None else self.request.decode(),
            cost=None if self.cost is None else format_plain(self.cost),
            cost_unit=self.cost_unit,
            operator_id=self.operator_id,
            party_key=self.party_key,
            written=self.written,
            amount_until=self.amount_until,
        )


def frame_of(rows: Iterable[CheckedRow]) -> pl.DataFrame:
    """Return rows as a batch."""
    return pl.DataFrame([row.staged() for row in rows], schema=_SCHEMA, orient="row")


def row_of(staged: StagedRow) -> CheckedRow:
    """Read a row of a batch."""
    row = CheckedRow(
        line=staged.line,
        identity=staged.identity,
        cells=staged.cells,
        problems=decode_problems(staged.problems),
        product_id=staged.product_id,
        credit_party=staged.credit_party,
        amount=None if staged.amount is None else Decimal(staged.amount),
        unit=staged.unit,
        request=None if staged.request is None else staged.request.encode(),
        cost=None if staged.cost is None else Decimal(staged.cost),
        cost_unit=staged.cost_unit,
        operator_id=staged.operator_id,
        party_key=staged.party_key,
        written=staged.written,
        amount_until=staged.amount_until,
    )
    assert row.staged() == staged._replace(party=None)
    return row


class RowChecker:
    """A checker that returns rows, and recalls earlier ones as the ledger does."""

    def __init__(
        self, products: Mapping[int, Product | None], columns: Mapping[str, str], options: PlanOptions
    ) -> None:
        self._staged: dict[int, StagedRow] = {}
        self._checker = Checker(products, columns, options, self._recall)

    def check(self, frame: pl.DataFrame) -> list[CheckedRow]:
        """Check one batch."""
        staged = [StagedRow(*values) for values in self._checker.check(frame).rows()]
        self._staged |= {row.line: row for row in staged}
        return [row_of(row) for row in staged]

    def _recall(self, lines: Collection[int]) -> dict[int, tuple[str, str | None]]:
        return {line: (self._staged[line].identity, self._staged[line].party) for line in lines}


def staged(rows: Iterable[CheckedRow]) -> list[StagedRow]:
    """Return rows as the ledger stages them."""
    return [row.staged() for row in rows]
