"""From creation to the final status: suffixes and delays, confirming, cancelling, expiring, reversing, PINs."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from bulk_topup.dvs.models.transaction import Transaction

Refused = Callable[[httpx2.Response, int, int], None]
Create = Callable[..., Transaction]
Post = Callable[..., httpx2.Response]
See = Callable[[Transaction], Transaction]

ENDS = (
    "COMPLETED",
    "COMPLETED",
    "DECLINED-INVALID-CREDIT-PARTY",
    "DECLINED-BARRED-CREDIT-PARTY",
    "DECLINED-OPERATOR-CURRENTLY-UNAVAILABLE",
    "DECLINED-DUPLICATED-TRANSACTION",
    "DECLINED",
    "DECLINED-EXCEPTION",
)
DELAYS = {1: 3, 2: 20, 3: 300}
SUFFIXES = [
    pytest.param(f"{first}0{last}", end, delay, id=f"{first}0{last}")
    for first, delay in DELAYS.items()
    for last, end in enumerate(ENDS)
]


@pytest.fixture
def see(api: httpx2.Client, read: Callable[..., Any]) -> See:
    """Return a function that fetches a transaction again."""

    def fetch(transaction: Transaction) -> Transaction:
        seen: Transaction = read("transaction", api.get(f"/transactions/{transaction.id}"))
        return seen

    return fetch


def _to(suffix: str) -> dict[str, Any]:
    return {"credit_party_identifier": {"mobile_number": f"+6595123{suffix}"}, "auto_confirm": True}


def test_the_answer_to_a_change_tells_what_it_did_and_not_what_followed_while_it_was_written(
    create: Create, post: Post, time: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = time.now

    def now() -> Any:
        time.advance(400)
        return read()

    monkeypatch.setattr(time, "now", now)
    assert create(3411, **_to("100")).status.message == "CONFIRMED"
    held = create(3411, **_to("100") | {"auto_confirm": False})
    assert held.status.message == "CREATED"
    assert post(f"/async/transactions/{held.id}/confirm").json()["status"]["message"] == "CONFIRMED"


@pytest.mark.parametrize(("suffix", "end", "delay"), SUFFIXES)
def test_the_last_digits_decide_how_a_transaction_ends_and_when(
    create: Create, see: See, time: Any, suffix: str, end: str, delay: int
) -> None:
    transaction = create(3411, **_to(suffix))
    assert transaction.status.message == "CONFIRMED"
    time.advance(delay * 0.5)
    assert (see(transaction).status.id, see(transaction).status.message) == (50000, "SUBMITTED")
    time.advance(delay * 0.5 - 0.001)
    assert see(transaction).status.message == "SUBMITTED"
    time.advance(0.001)
    status = see(transaction).status
    assert status.message == end
    assert status.class_.message == end.partition("-")[0]
    assert status.class_.id == {"COMPLETED": 7, "DECLINED": 9}[status.class_.message]
    assert status.id // 10_000 == status.class_.id
    assert (status.id % 10_000 == 0) == (end == status.class_.message)


def test_an_account_number_decides_like_a_mobile_number(create: Create, see: See, time: Any) -> None:
    party = {"account_number": "30294429103", "account_qualifier": "PREPAID"}
    transaction = create(9105, credit_party_identifier=party, auto_confirm=True)
    time.advance(3)
    assert see(transaction).status.message == "DECLINED-BARRED-CREDIT-PARTY"


@pytest.mark.parametrize("suffix", ["099", "110", "208", "400", "555", "308"])
def test_any_other_number_completes_soon(create: Create, see: See, time: Any, suffix: str) -> None:
    transaction = create(3411, **_to(suffix))
    time.advance(1)
    completed = see(transaction)
    assert completed.status.message == "COMPLETED"
    assert completed.operator_reference
    assert completed.pin is None


def test_a_product_without_a_credit_party_always_completes(create: Create, see: See, time: Any) -> None:
    transaction = create(8803, **_to("102"))
    time.advance(3)
    assert see(transaction).status.message == "COMPLETED"


def test_a_pin_appears_when_its_transaction_completes_and_stays_the_same(create: Create, see: See, time: Any) -> None:
    transactions = [create(8803, auto_confirm=True) for _ in range(20)]
    assert {transaction.pin for transaction in transactions} == {None}
    time.advance(1)
    pins = [see(transaction).pin for transaction in transactions]
    assert pins == [see(transaction).pin for transaction in transactions]
    codes = {pin.code for pin in pins if pin}
    assert len(codes) == len({pin.serial for pin in pins if pin}) == 20
    assert None not in codes


@pytest.mark.parametrize(("suffix", "has_pin"), [("100", False), ("101", True), ("201", True), ("107", False)])
def test_with_suffixes_that_end_in_1_any_product_yields_a_pin(
    create: Create, see: See, time: Any, suffix: str, has_pin: bool
) -> None:
    transaction = create(3411, **_to(suffix))
    time.advance(20)
    assert (see(transaction).pin is not None) == has_pin


def test_a_created_transaction_waits_until_it_is_confirmed(
    create: Create, see: See, post: Post, read: Any, time: Any
) -> None:
    transaction = create(3411)
    time.advance(3599)
    assert see(transaction).status.message == "CREATED"
    answer = post(f"/async/transactions/{transaction.id}/confirm")
    assert answer.status_code == 202
    confirmed = read("transaction", answer)
    assert confirmed.status.message == "CONFIRMED"
    assert confirmed.confirmation_date == time.now()
    time.advance(1)
    assert see(transaction).status.message == "COMPLETED"


def test_an_expired_transaction_can_only_be_cancelled(
    create: Create, see: See, post: Post, read: Any, refused: Refused, time: Any
) -> None:
    transaction = create(3411)
    time.advance(3600)
    refused(post(f"/async/transactions/{transaction.id}/confirm"), 400, 1007004)
    assert see(transaction).status.message == "CREATED"
    answer = post(f"/transactions/{transaction.id}/cancel")
    assert answer.status_code == 202
    assert read("transaction", answer).status.message == "CANCELLED"


@pytest.mark.parametrize("wait", [0, 1.9, 3])
@pytest.mark.parametrize("suffix", ["100", "102"])
def test_a_confirmed_transaction_can_be_neither_confirmed_nor_cancelled(
    create: Create, post: Post, refused: Refused, time: Any, wait: float, suffix: str
) -> None:
    transaction = create(3411, **_to(suffix))
    time.advance(wait)
    refused(post(f"/async/transactions/{transaction.id}/confirm"), 400, 1007002)
    refused(post(f"/transactions/{transaction.id}/cancel"), 400, 1007007)


def test_a_cancelled_transaction_can_be_neither_confirmed_nor_cancelled(
    create: Create, post: Post, refused: Refused
) -> None:
    transaction = create(3411)
    assert post(f"/transactions/{transaction.id}/cancel").status_code == 202
    refused(post(f"/async/transactions/{transaction.id}/confirm"), 400, 1007004)
    refused(post(f"/transactions/{transaction.id}/cancel"), 400, 1007005)


@pytest.mark.parametrize("path", ["/transactions/{}/cancel", "/async/transactions/{}/confirm"])
@pytest.mark.parametrize("id_", [1, 9_223_372_036_854_775_807])
def test_an_unknown_transaction_is_not_found(
    api: httpx2.Client, post: Post, refused: Refused, path: str, id_: int
) -> None:
    refused(post(path.format(id_)), 404, 1008004)
    refused(api.get(f"/transactions/{id_}"), 404, 1008004)


def test_only_a_completed_transaction_can_be_reversed_and_only_once(
    running: Any, api: httpx2.Client, create: Create, see: See, refused: Refused, time: Any
) -> None:
    def reverse(transaction: Transaction) -> httpx2.Response:
        return api.post(f"{running.address}/sandbox/transactions/{transaction.id}/reverse")

    completed, declined, created = create(3411, **_to("100")), create(3411, **_to("102")), create(3411)
    time.advance(3)
    for transaction in (declined, created):
        refused(reverse(transaction), 400, 1000400)
    assert reverse(completed).status_code == 202
    status = see(completed).status
    assert (status.id, status.message, status.class_.id) == (80000, "REVERSED", 8)
    refused(reverse(completed), 400, 1000400)
    refused(api.post(f"{running.address}/sandbox/transactions/1/reverse"), 404, 1008004)


@pytest.mark.parametrize("hours", [-2, 0])
def test_time_passes_and_never_goes_back_when_the_wall_clock_is_set_back(
    create: Create, see: See, time: Any, hours: int
) -> None:
    first = create(3411, **_to("100"))
    time.set_forward(3600 * hours)
    try:
        second = create(3411, **_to("100"))
        assert second.creation_date >= first.creation_date
        time.advance(2.5)
        assert see(second).status.message == "SUBMITTED"
        time.advance(0.5)
        assert see(second).status.message == "COMPLETED"
    finally:
        time.set_forward(-3600 * hours)
