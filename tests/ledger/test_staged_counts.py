"""The counts of a new list are the same whether its rows are counted again or while they are staged."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulk_topup.domain.guards import Velocity
from bulk_topup.domain.run import Run
from bulk_topup.domain.sameness import account_key
from bulk_topup.domain.totals import ValidRows
from bulk_topup.ledger import LedgerStore
from tests.helpers.checked_rows import CheckedRow, staged

Row = Callable[..., CheckedRow]
Start = Callable[..., Run]

#: Of each row its account, its cost, and whether it is refused before it is staged.
entries = st.lists(
    st.tuples(st.sampled_from(["1", "01", "2", "3", "4", "5"]), st.sampled_from([None, "1.1", "2"]), st.booleans()),
    max_size=8,
)


def _rows(row: Row, listed: list[tuple[str, str | None, bool]]) -> list[CheckedRow]:
    return [
        row(
            line,
            line=line,
            party_key=account_key(account),
            credit_party=account,
            refused="No." if is_refused else "",
            **({} if is_refused else {"cost": None if cost is None else Decimal(cost)}),
        )
        for line, (account, cost, is_refused) in enumerate(listed, start=2)
    ]


def _valid(rows: list[CheckedRow]) -> ValidRows:
    costs = [each.cost for each in rows if not each.problems and each.cost is not None]
    return ValidRows(
        rows=sum(not each.problems for each in rows), costs={"USD": sum(costs, Decimal(0))} if costs else {}
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(listed=entries, velocity=st.sampled_from([None, Velocity(payments=1, days=20)]), is_known=st.booleans())
def test_valid_rows_need_not_be_counted_again(
    ledger: LedgerStore,
    row: Row,
    start: Start,
    listed: list[tuple[str, str | None, bool]],
    velocity: Velocity | None,
    is_known: bool,
) -> None:
    rows = _rows(row, listed)
    run = start(ledger, rows[:3], run_key="known") if is_known else None
    found = []
    for valid in (None, _valid(rows)):
        ledger.staging.clear()
        ledger.staging.add(staged(rows))
        found.append(ledger.staging.preview(run, velocity, valid=valid))
    assert found[0] == found[1]


@pytest.mark.parametrize("is_known", [False, True])
def test_a_new_list_is_not_read_again(ledger: LedgerStore, row: Row, start: Start, is_known: bool) -> None:
    rows = _rows(row, [("1", "1.1", False), ("2", "2", False)])
    run = start(ledger, rows) if is_known else None
    ledger.staging.clear()
    ledger.staging.add(staged(rows))
    statements: list[str] = []
    ledger.file.connection.set_trace_callback(statements.append)
    difference = ledger.staging.preview(run, valid=_valid(rows))
    ledger.file.connection.set_trace_callback(None)
    assert difference.costs == {"USD": Decimal("3.1")}
    reading = [each for each in statements if "FROM temp.staged AS s LEFT JOIN rows" in each]
    assert len(reading) == (2 if is_known else 0)
