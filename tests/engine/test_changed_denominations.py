"""A fixed product that is sold with another amount in mid-run is a conflict, and no success with the old one."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from bulk_topup.app.run_ending import exit_code
from bulk_topup.domain.states import RowState
from bulk_topup.engine import StopReason
from tests.engine.conftest import count_states

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
Books = Callable[[], list[dict[str, Any]]]

#: A fixed product of the sandbox.
FIXED = 4460
FACTOR = 2


def _doubled(after: int) -> Callable[[Any], None]:
    """Return what doubles the denomination of transactions after so many, at the same price, as DVS would state it."""
    known: list[int] = []

    def change(body: Any) -> None:
        for transaction in body if isinstance(body, list) else [body]:
            if "external_id" not in transaction:
                continue
            if transaction["id"] not in known:
                known.append(transaction["id"])
            if known.index(transaction["id"]) < after:
                continue
            for benefit in transaction["benefits"]:
                benefit["amount"]["base"] *= FACTOR
            for rate in transaction["rates"]:
                transaction["rates"][rate] = transaction["rates"][rate] and transaction["rates"][rate] * FACTOR

    return change


def _list(rows: int) -> str:
    return "".join(f"1000{row},+33612345{400 + row},{FIXED}\n" for row in range(rows))


async def test_rows_of_a_denomination_that_changed_need_review_and_sending_stops(
    pay: Pay, books: Books, network: Any
) -> None:
    change = _doubled(after=6)
    network.rule = lambda _number, line, _body: change if "transactions" in line else "pass"
    finished, outcomes = await pay(text=_list(40), header="reference,phone,product_id")
    assert finished.result.reason is StopReason.CONFLICTS
    assert exit_code(finished) == 75
    states = count_states(outcomes)
    assert states["completed"] == 6
    assert 3 <= states["conflict"] == len(books()) - 6 < 34
    completed = next(outcome for outcome in outcomes if outcome.state is RowState.COMPLETED)
    wrong = next(outcome for outcome in outcomes if outcome.state is RowState.CONFLICT)
    assert completed.amount is not None
    assert (completed.delivered, completed.delivered_unit) == (completed.amount, completed.unit)
    assert (wrong.amount, wrong.delivered) == (completed.amount, FACTOR * completed.amount)
    assert f"DVS sold a product of {FACTOR * completed.amount:f} {wrong.unit} instead of" in wrong.message
    # A later start finds the same transactions, and they are no proof that the payment was right.
    sent = len(books())
    finished, outcomes = await pay(text=_list(40), header="reference,phone,product_id")
    assert count_states(outcomes)["conflict"] >= states["conflict"]
    assert sum(outcome.state is RowState.COMPLETED for outcome in outcomes) == 6
    assert len(books()) >= sent


async def test_what_was_delivered_is_in_each_row(pay: Pay) -> None:
    _, ranged = await pay(2)
    assert {(row.delivered, row.delivered_unit, row.bonus) for row in ranged} == {(Decimal(5), "SGD", None)}
