"""Rows that are staged with shared values are the same as rows that are staged with all values."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulk_topup.domain.row import StagedRow
from bulk_topup.ledger import LedgerStore
from tests.helpers.checked_rows import CheckedRow, staged

texts = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(unit=texts, cost=st.none() | st.just("it's ''1"), operator=st.none() | st.integers(-(2**63), 2**63 - 1))
def test_shared_values_are_those_of_every_row(
    ledger: LedgerStore,
    row: Callable[..., CheckedRow],
    unit: str | None,
    cost: str | None,
    operator: int | None,
) -> None:
    shared: dict[str, Any] = {"unit": unit, "cost": cost, "operator_id": operator, "written": None}
    rows = [each._replace(**shared) for each in staged([row(1), row(2)])]
    found = []
    for given_once in ({}, shared):
        ledger.staging.clear()
        own = [tuple(v for n, v in zip(StagedRow._fields, each, strict=True) if n not in given_once) for each in rows]
        ledger.staging.add(own, given_once)
        found.append([tuple(each) for each in ledger.file.fetch_all("SELECT * FROM temp.staged ORDER BY line")])
    assert found[0] == found[1]
    assert [each[9] for each in found[1]] == [unit, unit]
