"""Whole runs whose provider accepts a payment but sends another response: nobody is paid twice, and no row is lost."""

import gzip
import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.report import ReportOptions
from bulk_topup.app.run import run_list
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS, RetryPolicy
from bulk_topup.dvs.transports.base import MAX_BODY_BYTES
from bulk_topup.engine import CircuitPolicy, PollPolicy, RunOptions
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import SystemClock

pytestmark = pytest.mark.anyio


class SilentWatcher:
    """A watcher that confirms, and ignores everything else."""

    def prepared(self, *_: object) -> None:
        pass

    def confirm(self, *_: object) -> None:
        pass

    def running(self, *_: object) -> Any:
        return nullcontext()


@pytest.fixture
def pay_through(provider: Any, tmp_path: Path, credentials: tuple[str, str]) -> Callable[..., Any]:
    """Return a function that pays one row through the hostile provider and returns its outcome."""

    async def start() -> Outcome:
        (tmp_path / "pay.csv").write_text("reference,phone,amount\nR-1,+6595123100,5\n")
        job = Job(list="pay.csv", product=6418).at(SystemClock().now(), tmp_path)
        options = RunOptions(
            polling=PollPolicy(shortest=0.02), circuit=CircuitPolicy(first_pause=0.05), tracking_timeout=0.3
        )
        retries = RetryPolicy(tries=2, first_wait=0.01)
        async with AsyncDVS(provider.base_url, *credentials, rate=10_000, timeout=0.5, retries=retries) as dvs:
            with LedgerStore(tmp_path / "ledger.db") as ledger:
                finished = await run_list(
                    job,
                    dvs=dvs,
                    payer=PayingAccount(environment=Environment.SANDBOX, account=dvs.account),
                    ledger=ledger,
                    options=options,
                    report=ReportOptions(folder=tmp_path / "report"),
                    watcher=SilentWatcher(),
                )
                [outcome] = ledger.outcomes.rows(finished.run)
                return outcome

    return start


def _once(provider: Any, content: Callable[[], bytes]) -> None:
    """Set the response to the first payment; the sandbox responds to everything else."""
    contents = iter([content])

    def rule(line: str) -> bytes | None:
        make = next(contents, None) if line.startswith("POST") else None
        return None if make is None else make()

    provider.rule = rule
    provider.forwards_all = True


UNKNOWN = {
    "a web page": (200, b"<html>Please log in</html>", {}),
    "a redirect": (302, b"", {"Location": "http://127.0.0.1/elsewhere"}),
    "another redirect": (307, b"", {"Location": "/v1/async/transactions"}),
    "nothing": (201, b"", {}),
    "a list": (201, b"[]", {}),
    "a bomb": (201, gzip.compress(b" " * (MAX_BODY_BYTES + 1)), {"Content_Encoding": "gzip"}),
    "deep JSON": (201, b"[" * 100_000, {}),
    "a number without bound": (201, b'{"id": 1e999999999}', {}),
    "a refusal with a server error": (500, b'{"errors":[{"code":1003001,"message":"no"}]}', {}),
    "an unknown status": (799, b"", {}),
}


@pytest.mark.parametrize("name", UNKNOWN)
async def test_an_accepted_payment_with_another_response_is_found_and_made_once(
    provider: Any,
    sandbox: Any,
    response: Callable[..., bytes],
    pay_through: Callable[..., Any],
    books: Callable[[], list[dict[str, Any]]],
    name: str,
) -> None:
    del sandbox
    status, body, headers = UNKNOWN[name]
    _once(provider, lambda: response(status, body, **headers))
    outcome = await pay_through()
    assert outcome.state is RowState.COMPLETED
    assert len(books()) == 1


async def test_an_accepted_payment_with_a_used_up_balance_and_a_server_error_is_found_at_the_next_start(
    provider: Any,
    sandbox: Any,
    response: Callable[..., bytes],
    pay_through: Callable[..., Any],
    books: Callable[[], list[dict[str, Any]]],
) -> None:
    del sandbox
    _once(provider, lambda: response(500, b'{"errors":[{"code":1006001,"message":"no"}]}'))
    states = [(await pay_through()).state for _ in range(2)]
    assert states == [RowState.IN_FLIGHT, RowState.COMPLETED]
    assert len(books()) == 1


def _other_transaction(sent: bytes, **changes: object) -> bytes:
    """Return the requested transaction, with changes."""
    request = json.loads(sent.split(b"\r\n\r\n", 1)[1])
    transaction = {
        "id": 77,
        "external_id": request["external_id"],
        "creation_date": "2026-11-24T20:05:05.883561000Z",
        "status": {"id": 70000, "message": "COMPLETED", "class": {"id": 7, "message": "COMPLETED"}},
        "product": {"id": request["product_id"]},
        "credit_party_identifier": request["credit_party_identifier"],
        "requested_values": {"destination": request["destination"]},
    }
    return json.dumps({**transaction, **changes}).encode()


OTHERS: dict[str, dict[str, object]] = {
    "another external ID": {"external_id": "somebody-1"},
    "another product": {"product": {"id": 1}},
    "another number": {"credit_party_identifier": {"mobile_number": "+6595123999"}},
    "another amount": {"requested_values": {"destination": {"unit_type": "CURRENCY", "unit": "SGD", "amount": 500}}},
    "another unit": {"requested_values": {"destination": {"unit_type": "CURRENCY", "unit": "USD", "amount": 5}}},
}


@pytest.mark.parametrize("name", OTHERS)
async def test_a_response_about_another_transaction_is_corrected_by_a_look_up_and_nothing_more_is_sent(
    provider: Any,
    sandbox: Any,
    response: Callable[..., bytes],
    pay_through: Callable[..., Any],
    books: Callable[[], list[dict[str, Any]]],
    name: str,
) -> None:
    del sandbox
    _once(provider, lambda: response(201, _other_transaction(provider.seen[-1], **OTHERS[name])))
    for _ in range(2):
        outcome = await pay_through()
        assert outcome.state is RowState.COMPLETED
    assert outcome.transaction_id == books()[0]["id"]
    assert len(books()) == 1
    assert sum(request.startswith(b"POST") for request in provider.seen) == 1


@pytest.mark.parametrize(
    "status",
    [
        {"id": 123456, "message": "LOST-IN-SPACE", "class": {"id": 42, "message": "LOST"}},
        {"id": 70000, "message": "COMPLETED", "class": {"id": 42, "message": "COMPLETED"}},
        {"id": 90000, "message": "DECLINED", "class": {"id": 7, "message": "DECLINED"}},
    ],
    ids=["an unknown class", "a class whose id is unknown", "a class whose id and name differ"],
)
async def test_an_unknown_status_is_never_final(
    provider: Any,
    sandbox: Any,
    response: Callable[..., bytes],
    pay_through: Callable[..., Any],
    books: Callable[[], list[dict[str, Any]]],
    status: dict[str, object],
) -> None:
    del sandbox
    provider.forwards_all = True
    provider.rule = lambda line: (
        response(201, _other_transaction(provider.seen[-1], status=status))
        if line.startswith("POST")
        else response(200, b"[]")
        if "/transactions" in line
        else None
    )
    outcome = await pay_through()
    assert outcome.state is RowState.ACCEPTED
    assert len(books()) == 1
