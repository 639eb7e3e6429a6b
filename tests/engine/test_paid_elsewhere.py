"""What DVS answers when it is asked for beneficiaries of a new run, and when it does not answer."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.app.paid_elsewhere import ask_elsewhere, find_elsewhere
from bulk_topup.domain.exit_codes import ExitCode, exit_code_for
from bulk_topup.domain.identity_version import RunIds
from bulk_topup.dvs import AsyncDVS, RetryPolicy, UnauthorizedError
from bulk_topup.errors import NotComparedError
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import SystemClock
from tests.helpers.checked_rows import CheckedRow, staged

pytestmark = pytest.mark.anyio

REFUSED = b'{"errors": [{"code": 1000400, "message": "filter not supported"}]}'


def row(number: int, party: str = "") -> CheckedRow:
    party = party or f"+65951235{number:02}"
    name = "mobile_number" if party.startswith("+") else "account_number"
    amount = {"unit_type": "CURRENCY", "unit": "SGD", "amount": 5}
    request = {
        "product_id": 6418,
        "calculation_mode": "DESTINATION_AMOUNT",
        "auto_confirm": True,
        "destination": amount,
        "credit_party_identifier": {name: party},
    }
    return CheckedRow(
        line=number + 2,
        identity=f"reference:{number}",
        cells=json.dumps([party]),
        problems=(),
        product_id=6418,
        credit_party=party,
        amount=Decimal(5),
        unit="SGD",
        request=json.dumps(request).encode(),
        cost=Decimal(1),
        cost_unit="USD",
    )


async def ask(network: Any, credentials: tuple[str, str], folder: Path, rows: int = 100, *, party: str = "") -> Any:
    job = Job.model_validate({"list": str(folder / "rewards.csv"), "product": 6418}).at(SystemClock().now(), folder)
    policy = RetryPolicy(tries=2, first_wait=0.01, throttled_tries=1)
    async with AsyncDVS(network.address, *credentials, rate=10_000, timeout=2, retries=policy) as dvs:
        with LedgerStore(folder / "ledger.db") as ledger:
            ledger.staging.clear()
            ledger.staging.add(staged([row(number, party) for number in range(rows)]))
            answers = await ask_elsewhere(dvs=dvs, ledger=ledger)
            return find_elsewhere(job, RunIds.of_name(job.name, str(job.run_key)), answers, ledger)


def parties(network: Any) -> list[str]:
    return [line.split("credit_party_mobile_number=%2B")[1][:10] for line, _ in network.seen if "credit_party" in line]


async def test_five_beneficiaries_across_the_list_are_asked_for(
    network: Any, credentials: tuple[str, str], tmp_path: Path
) -> None:
    found = await ask(network, credentials, tmp_path)
    assert (found.asked, found.payments, found.unanswerable) == (5, (), "")
    assert parties(network) == [f"65951235{number:02}" for number in (0, 19, 39, 59, 79)]


async def test_a_short_list_is_asked_for_whole_and_once(
    network: Any, credentials: tuple[str, str], tmp_path: Path
) -> None:
    assert (await ask(network, credentials, tmp_path, rows=2)).asked == 2


@pytest.mark.parametrize(
    ("name", "before", "now"),
    [("mobile_number", "+551187654321", "+5511987654321"), ("account_number", "4711", "47 11")],
)
async def test_a_beneficiary_is_asked_for_in_the_other_usual_spelling_too(
    network: Any, credentials: tuple[str, str], tmp_path: Path, transaction: Any, name: str, before: str, now: str
) -> None:
    paid = transaction(credit_party_identifier={name: before}, requested_values=None)
    content = b"[" + paid.model_dump_json(by_alias=True).encode() + b"]"
    network.rule = lambda _number, line, _body: (200, content if before.strip("+") in line else b"[]")
    found = await ask(network, credentials, tmp_path, rows=1, party=now)
    assert [each.external_id for each in found.payments] == [paid.external_id]


@pytest.mark.parametrize(
    "answer", [(500, b""), (200, b"<html>"), (400, b"<html>"), (429, REFUSED), (404, b""), "lose", "half"]
)
async def test_no_answer_is_not_taken_for_no_payment(
    network: Any, credentials: tuple[str, str], tmp_path: Path, answer: Any
) -> None:
    network.rule = lambda _number, _line, _body: answer
    with pytest.raises(NotComparedError, match=r"unknown whether another ledger has paid this list today") as raised:
        await ask(network, credentials, tmp_path)
    assert exit_code_for(raised.value) is ExitCode.RESUMABLE


async def test_an_answer_about_other_beneficiaries_is_no_answer(
    network: Any, credentials: tuple[str, str], tmp_path: Path, transaction: Any
) -> None:
    other = transaction(credit_party_identifier={"mobile_number": "+6595129999"})
    content = b"[" + other.model_dump_json(by_alias=True).encode() + b"]"
    network.rule = lambda _number, _line, _body: (200, content)
    with pytest.raises(NotComparedError, match="DVS listed other beneficiaries"):
        await ask(network, credentials, tmp_path)


async def test_a_question_that_dvs_does_not_take_is_named_and_stops_nothing(
    network: Any, credentials: tuple[str, str], tmp_path: Path
) -> None:
    network.rule = lambda _number, _line, _body: (400, REFUSED)
    found = await ask(network, credentials, tmp_path)
    assert found.asked == 0
    assert "filter not supported" in found.unanswerable


async def test_refused_credentials_stay_what_they_are(
    network: Any, credentials: tuple[str, str], tmp_path: Path
) -> None:
    network.rule = lambda _number, _line, _body: (401, b"")
    with pytest.raises(UnauthorizedError):
        await ask(network, credentials, tmp_path)


async def test_a_payment_without_an_external_id_is_one_of_another_program(
    network: Any, credentials: tuple[str, str], tmp_path: Path, transaction: Any
) -> None:
    payment = json.loads(
        transaction(
            credit_party_identifier={"mobile_number": "+6595123500"},
            requested_values={"destination": {"unit_type": "CURRENCY", "unit": "SGD", "amount": 5}},
        ).model_dump_json(by_alias=True)
    )
    content = json.dumps([{**payment, "external_id": None}]).encode()
    network.rule = lambda _number, _line, _body: (200, content)
    found = await ask(network, credentials, tmp_path, 1)
    assert [(each.external_id, each.line) for each in found.payments] == [("", 2)]


async def test_an_entry_that_cannot_be_read_may_be_a_payment_of_the_beneficiary(
    network: Any, credentials: tuple[str, str], tmp_path: Path
) -> None:
    network.rule = lambda _number, _line, _body: (200, b'[{"id": 77, "external_id": "other-1"}]')
    with pytest.raises(NotComparedError, match=r"Nothing was sent\. An entry of /transactions .*77"):
        await ask(network, credentials, tmp_path)
