"""The wallet follows the transactions, and no money is created or lost."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx2
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from pydantic import SecretStr

from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.dvs.statuses import ErrorCode, StatusClass
from bulk_topup.sandbox.config import SandboxConfig
from bulk_topup.sandbox.errors import ErrorResponse
from bulk_topup.sandbox.provider.provider import Provider
from bulk_topup.sandbox.provider.requests import CreateRequest, Party, RequestedAmount

OPENING = {"USD": Decimal("75.50"), "EUR": Decimal(40)}


def test_the_wallet_follows_each_status(
    running: Any, api: httpx2.Client, create: Callable[..., Any], post: Callable[..., httpx2.Response], time: Any
) -> None:
    def wallet() -> list[float]:
        books = api.get(running.books_url).json()["wallets"]["USD"]
        return [round(books[name] * 100) for name in ("available", "holding", "spent")]

    def moved() -> list[int]:
        return [int(now - then) for now, then in zip(wallet(), before, strict=True)]

    time.advance(300)
    before = wallet()
    declined = create(3411, credit_party_identifier={"mobile_number": "+6595123106"})
    assert moved() == [-360, 360, 0]
    post(f"/async/transactions/{declined.id}/confirm")
    assert moved() == [-360, 360, 0]
    time.advance(3)
    assert moved() == [0, 0, 0]
    cancelled = create(3411)
    assert moved() == [-360, 360, 0]
    post(f"/transactions/{cancelled.id}/cancel")
    assert moved() == [0, 0, 0]
    completed = create(5021, auto_confirm=True)
    assert moved() == [-200, 200, 0]  # 1.95 and a fee of 0.05
    time.advance(1)
    assert moved() == [-200, 0, 200]
    api.post(f"{running.address}/sandbox/transactions/{completed.id}/reverse")
    assert moved() == [0, 0, 0]


def test_balances_are_listed_by_unit(
    api: httpx2.Client, read: Callable[..., Any], refused: Callable[..., None]
) -> None:
    balances = read("balance", api.get("/balances"))
    assert [balance.unit for balance in balances] == ["USD", "EUR", "SGD"]
    assert {balance.credit_limit for balance in balances} == {Decimal(0)}
    [euro] = read("balance", api.get("/balances?unit=EUR&unit_type=CURRENCY"))
    assert euro == balances[1]
    assert api.get("/balances?per_page=2").headers["x-total-pages"] == "2"
    refused(api.get("/balances?unit=JPY"), 404, 1006009)
    refused(api.get("/balances?unit_type=POINTS"), 400, 1000400)


def test_the_whole_balance_can_be_spent_and_not_a_cent_more(open_provider: Callable[..., Provider]) -> None:
    card = CreateRequest(external_id="a", product_id=8803, auto_confirm=True)
    open_provider(balances={"USD": Decimal("23.75")}, books=None).create(card)
    with pytest.raises(ErrorResponse) as caught:
        open_provider(balances={"USD": Decimal("23.74")}, books=None).create(card)
    assert caught.value.code is ErrorCode.INSUFFICIENT_BALANCE
    with pytest.raises(ErrorResponse):
        open_provider(balances={"EUR": Decimal(1000)}, books=None).create(card)


class _Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 11, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError


class Account(RuleBasedStateMachine):
    """Whatever the requests, their order, and the jumps of the clock, the money adds up."""

    ids = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self.clock = _Clock()
        config = SandboxConfig(api_key="k", api_secret=SecretStr("s"), time_scale=1, balances=OPENING)
        self.provider = Provider(config, self.clock)
        self.external_ids: set[str] = set()

    @rule(
        target=ids,
        external_id=st.sampled_from("abcdefghij"),
        product_id=st.sampled_from([3411, 5021, 6418, 8803, 8810]),
        suffix=st.sampled_from(["100", "102", "206", "307", "555"]),
        steps=st.integers(0, 18),
        auto_confirm=st.booleans(),
    )
    def create(self, external_id: str, product_id: int, suffix: str, steps: int, auto_confirm: bool) -> int:
        amount = RequestedAmount(
            unit_type="CURRENCY", unit="EUR" if product_id == 8810 else "SGD", amount=10 + 5 * steps
        )
        request = CreateRequest(
            external_id=external_id,
            product_id=product_id,
            calculation_mode=CalculationMode.DESTINATION_AMOUNT,
            destination=amount,
            auto_confirm=auto_confirm,
            credit_party_identifier=Party(mobile_number=f"+6595123{suffix}"),
        )
        try:
            transaction = self.provider.create(request)
        except ErrorResponse as error:
            refusal = error
        else:
            assert external_id not in self.external_ids
            self.external_ids.add(external_id)
            return transaction.id
        used = external_id in self.external_ids
        assert refusal.code is (ErrorCode.EXTERNAL_ID_ALREADY_USED if used else ErrorCode.INSUFFICIENT_BALANCE)
        return 0

    @rule(id_=ids)
    def confirm(self, id_: int) -> None:
        self._ask(self.provider.confirm, id_, StatusClass.CONFIRMED)

    @rule(id_=ids)
    def cancel(self, id_: int) -> None:
        self._ask(self.provider.cancel, id_, StatusClass.CANCELLED)

    @rule(id_=ids)
    def reverse(self, id_: int) -> None:
        self._ask(self.provider.reverse, id_, StatusClass.REVERSED)

    def _ask(self, change: Callable[[int], Any], id_: int, after: StatusClass) -> None:
        try:
            transaction = change(id_)
        except ErrorResponse:
            return
        assert transaction.status(self.provider.now()).class_ is after

    @rule(seconds=st.sampled_from([-3600, -1, 0.5, 1, 3, 20, 300, 3600]))
    def time_passes(self, seconds: float) -> None:
        self.clock.time += timedelta(seconds=seconds)

    @invariant()
    def money_adds_up(self) -> None:
        now = self.provider.now()
        expected = {unit: [amount, Decimal(0), Decimal(0)] for unit, amount in OPENING.items()}
        for transaction in self.provider.transactions:
            cost, class_ = transaction.quote.cost, transaction.status(now).class_
            amounts = expected[transaction.quote.unit]
            if not class_.is_final:
                amounts[0] -= cost
                amounts[1] += cost
            elif class_ is StatusClass.COMPLETED:
                amounts[0] -= cost
                amounts[2] += cost
        for unit, wallet in self.provider.wallets.items():
            assert [wallet.available, wallet.holding, wallet.spent] == expected[unit]
            assert wallet.available + wallet.holding + wallet.spent == OPENING[unit]
            assert min(expected[unit]) >= 0


Account.TestCase.settings = settings(max_examples=40, stateful_step_count=40)
TestAccount = Account.TestCase
