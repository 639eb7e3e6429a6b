"""What DVS answers when a new run looks for payments of earlier versions, and when it does not answer."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bulk_topup.domain.exit_codes import ExitCode, exit_code_for
from bulk_topup.dvs import UnauthorizedError
from bulk_topup.errors import NotComparedError

pytestmark = pytest.mark.anyio

LISTING = "GET /v1/transactions?"
#: A reference that may have been written otherwise, so that DVS is asked for it.
ROWS = "E-1,+6595123410,5\nE-2,+6595123411,5\n"


def answering(answer: Any) -> Callable[[int, str, bytes], Any]:
    """Return a rule of the network that answers so for the list of transactions, and passes the rest on."""
    return lambda _number, line, _body: answer if line.startswith(LISTING) else "pass"


def sent(network: Any) -> int:
    return sum(line.startswith("POST") for line, _ in network.seen)


@pytest.mark.parametrize("answer", [(500, b""), (200, b"<html>"), (400, b"<html>"), (404, b""), "lose"])
async def test_no_answer_is_not_taken_for_no_payment(
    pay: Callable[..., Awaitable[Any]], network: Any, answer: Any
) -> None:
    network.rule = answering(answer)
    with pytest.raises(
        NotComparedError, match=r"unknown whether an earlier version has paid .* Nothing was sent"
    ) as raised:
        await pay(text=ROWS)
    assert exit_code_for(raised.value) is ExitCode.RESUMABLE
    assert not sent(network)


async def test_other_transactions_than_the_one_that_is_looked_up_are_no_answer(
    pay: Callable[..., Awaitable[Any]], network: Any, transaction: Any
) -> None:
    other = b"[" + transaction(external_id="other-1").model_dump_json(by_alias=True).encode() + b"]"
    network.rule = answering((200, other))
    with pytest.raises(NotComparedError, match="DVS listed other transactions than"):
        await pay(text=ROWS)
    assert not sent(network)


async def test_refused_credentials_stay_what_they_are(pay: Callable[..., Awaitable[Any]], network: Any) -> None:
    network.rule = answering((401, b""))
    with pytest.raises(UnauthorizedError):
        await pay(text=ROWS)


@pytest.mark.parametrize("entry", ['{"id": 7, "external_id": null}', '{"id": 7, "external_id": "other-1"}', "null"])
async def test_entries_of_other_programs_that_cannot_be_read_stop_nothing(
    pay: Callable[..., Awaitable[Any]], network: Any, entry: str
) -> None:
    def rule(_number: int, line: str, _body: bytes) -> Any:
        is_list = line.startswith(LISTING) and "external_id=" not in line and "credit_party" not in line
        return (200, f"[{entry}]".encode()) if is_list and not sent(network) else "pass"

    network.rule = rule
    _, outcomes = await pay(text=ROWS)
    assert {each.state.value for each in outcomes} == {"completed"}


async def test_an_entry_with_an_external_id_of_the_job_that_cannot_be_read_stops_the_start(
    pay: Callable[..., Awaitable[Any]], network: Any
) -> None:
    _, [first, *_] = await pay(text=ROWS)
    entry = f'[{{"id": 7, "external_id": "{first.external_id}"}}]'.encode()
    del network.seen[:]

    def rule(_number: int, line: str, _body: bytes) -> Any:
        if not line.startswith("GET /v1/transactions"):
            return "pass"
        return (200, b"[]" if "external_id=" in line or "credit_party" in line else entry)

    network.rule = rule
    with pytest.raises(NotComparedError, match="can't be read"):
        await pay(text="F-1,+6595123510,5\n", run_key="another")
    assert not sent(network)
