"""What a new run asks DVS before its first payment, at the same time where one question does not need another."""

from pathlib import Path
from typing import Any

import pytest

from bulk_topup.app.paid_elsewhere import MAX_ASKED
from bulk_topup.app.plan import plan_job
from bulk_topup.app.run_ids import FIRST_ROWS, SPREAD_ROWS
from bulk_topup.domain.environment import Environment
from bulk_topup.dvs import AsyncDVS, DVSError, RetryPolicy
from bulk_topup.errors import ListError, NotComparedError
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import SystemClock

pytestmark = pytest.mark.anyio

#: The product and the balances; the IDs that earlier versions give, DVS's list, and what other ledgers paid.
FIRST = 2
SECOND = FIRST_ROWS + SPREAD_ROWS + 1 + MAX_ASKED
#: So many that no row of the sample is in it twice.
ROWS = 300


async def plan(network: Any, credentials: tuple[str, str], folder: Path, *, last: str = "5") -> Any:
    path = folder / "rewards.csv"
    lines = [f"E-{row},+65951{row:05},5" for row in range(ROWS - 1)]
    path.write_text("\n".join(["reference,phone,amount", *lines, f"E-last,+6595199999,{last}"]))
    job = Job(list=str(path), product=6418).at(SystemClock().now(), folder)
    policy = RetryPolicy(tries=1)
    async with AsyncDVS(network.address, *credentials, rate=10_000, timeout=5, retries=policy) as dvs:
        with LedgerStore(folder / "ledger.db") as ledger:
            return await plan_job(job, dvs=dvs, ledger=ledger, environment=Environment.PREPROD)


async def test_a_new_run_waits_for_dvs_twice_however_much_it_asks(
    network: Any, credentials: tuple[str, str], tmp_path: Path
) -> None:
    network.together = (FIRST, FIRST + SECOND)
    _, prepared = await plan(network, credentials, tmp_path)
    assert len(network.seen) == FIRST + SECOND
    assert prepared.difference.new == ROWS
    assert prepared.elsewhere.asked == MAX_ASKED
    assert prepared.balances


@pytest.mark.parametrize("question", ["/balances", "external_id=", "credit_party_mobile_number=", "/transactions?page"])
async def test_no_answer_to_one_of_the_questions_is_an_error(
    network: Any, credentials: tuple[str, str], tmp_path: Path, question: str
) -> None:
    asked = []

    def rule(_number: int, line: str, _body: bytes) -> str:
        if question in line:
            asked.append(line)
            return "lose"
        return "pass"

    network.rule = rule
    with pytest.raises((DVSError, NotComparedError)):
        await plan(network, credentials, tmp_path)
    assert asked


async def test_an_unreadable_list_is_named_although_the_balances_are_missing(
    network: Any, credentials: tuple[str, str], tmp_path: Path
) -> None:
    network.rule = lambda _number, line, _body: "lose" if "/balances" in line else "pass"
    with pytest.raises(ListError):
        await plan(network, credentials, tmp_path, last='"5')
