"""A run whose ledger is an old copy: nothing is sent before the ledger has what DVS has of the run."""

import shutil
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.app import restored_ledger
from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.rebuild import rebuild, rebuild_run
from bulk_topup.app.reconcile import reconcile
from bulk_topup.app.report import ReportOptions
from bulk_topup.app.resume import resume_run
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.exit_codes import ExitCode, exit_code_for
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS, BadRequestError, RetryPolicy, UnauthorizedError
from bulk_topup.engine import RunOptions
from bulk_topup.errors import LedgerBehindError, NotComparedError, RunNotRebuiltError
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore, RetryChoice
from bulk_topup.report import ReportFormat
from bulk_topup.system.clock import SystemClock
from tests.helpers.hand_clock import SkippingClock

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
Books = Callable[[], list[dict[str, Any]]]

CREATION = "POST /v1/async/transactions HTTP/1.1"
LISTING = "GET /v1/transactions?"
#: Rows of a list, the last of which are declined by the sandbox.
DECLINED = "".join(f"1000{row},+6595123{400 + row},5\n" for row in range(4)) + "R-D,+6595123106,5\nR-E,+6595123206,5\n"
ACCOUNT = "the account"
#: The body of a creation that DVS refuses.
REFUSED = b'{"errors": [{"code": 1003001, "message": "Credit party mobile number is invalid"}]}'


@pytest.fixture
def copy(tmp_path: Path) -> Callable[[], None]:
    """Return a function that copies the ledger as a backup."""

    def save() -> None:
        shutil.copy(tmp_path / "ledger.db", tmp_path / "backup.db")

    return save


@pytest.fixture
def restore(tmp_path: Path) -> Callable[[], None]:
    """Return a function that puts the backup in place of the ledger."""

    def put_back() -> None:
        for suffix in ("", "-wal", "-shm"):
            (tmp_path / f"ledger.db{suffix}").unlink(missing_ok=True)
        shutil.copy(tmp_path / "backup.db", tmp_path / "ledger.db")

    return put_back


@pytest.fixture
def go_on(
    network: Any, tmp_path: Path, credentials: tuple[str, str], watcher: Any, skipping_clock: SkippingClock
) -> Callable[..., Awaitable[Any]]:
    """Return a function that calls resume, retry or the rebuild for the ledger's only run, and returns its outcomes."""

    async def call(*, retry: RetryChoice | None = None, rebuild: bool = False, same: bool = True) -> Any:
        policy = RetryPolicy(tries=2, first_wait=0.01)
        clock = skipping_clock
        async with AsyncDVS(network.address, *credentials, rate=10_000, timeout=2, retries=policy, clock=clock) as dvs:
            with LedgerStore(tmp_path / "ledger.db", clock=clock) as ledger:
                run = ledger.runs.all()[0]
                payer = PayingAccount(environment=Environment.SANDBOX, account=dvs.account, same_account=same)
                if rebuild:
                    return await rebuild_run(run, dvs=dvs, payer=payer, ledger=ledger, clock=clock)
                options = RunOptions(concurrency=4)
                report = ReportOptions(folder=tmp_path / "report", formats=(ReportFormat.JSONL,))
                finished = await resume_run(
                    run,
                    dvs=dvs,
                    payer=payer,
                    ledger=ledger,
                    options=options,
                    report=report,
                    watcher=watcher,
                    clock=clock,
                    retry=retry,
                )
                return finished, list(ledger.outcomes.rows(run))

    return call


def stop_at(number: int, watcher: Any) -> Callable[[int, str, bytes], str]:
    """Return a rule of the network by which the run is stopped when so many creations were received."""
    creations = 0

    def rule(_number: int, line: str, _body: bytes) -> str:
        nonlocal creations
        creations += line == CREATION
        if line == CREATION and creations == number:
            watcher.runner.stop()
        return "pass"

    return rule


async def interrupted_copied_and_finished(pay: Pay, network: Any, watcher: Any, copy: Callable[[], None]) -> None:
    """Interrupt a run of twelve rows, copy its ledger, and finish the run."""
    network.rule = stop_at(3, watcher)
    await pay(12)
    copy()
    network.rule = lambda *_: "pass"
    _, rows = await pay(12)
    assert {row.state for row in rows} == {RowState.COMPLETED}


async def test_a_start_on_an_old_copy_sends_nothing_until_the_run_is_rebuilt(
    pay: Pay,
    go_on: Pay,
    network: Any,
    watcher: Any,
    books: Books,
    copy: Callable[[], None],
    restore: Callable[[], None],
    tmp_path: Path,
) -> None:
    await interrupted_copied_and_finished(pay, network, watcher, copy)
    restore()
    del network.seen[:]
    with pytest.raises(LedgerBehindError) as raised:
        await pay(12)
    assert not any(line.startswith("POST") for line, _ in network.seen)
    assert "`bulk-topup reconcile --rebuild list/bonus --env sandbox --base-url http" in str(raised.value)
    assert f" --ledger {tmp_path / 'ledger.db'}`" in str(raised.value)
    assert exit_code_for(raised.value) is ExitCode.RESUMABLE
    before = books()
    assert await go_on(rebuild=True) > 0
    finished, rows = await pay(12)
    assert {row.state for row in rows} == {RowState.COMPLETED}
    assert finished.result.reason is None
    assert [entry["external_id"] for entry in books()] == [entry["external_id"] for entry in before]
    assert len(before) == 12


async def test_resume_on_an_old_copy_is_stopped_too(
    pay: Pay, go_on: Pay, network: Any, watcher: Any, copy: Callable[[], None], restore: Callable[[], None]
) -> None:
    await interrupted_copied_and_finished(pay, network, watcher, copy)
    restore()
    with pytest.raises(LedgerBehindError, match=r"DVS has \d+ transactions of its rows that the ledger lacks"):
        await go_on()


async def test_a_list_with_more_pages_than_are_read_is_made_up_for_by_the_rows_that_come_next(
    pay: Pay,
    go_on: Pay,
    network: Any,
    watcher: Any,
    copy: Callable[[], None],
    restore: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await interrupted_copied_and_finished(pay, network, watcher, copy)
    restore()
    monkeypatch.setattr(restored_ledger, "MAX_LISTED", 0)
    with pytest.raises(LedgerBehindError):
        await go_on()
    await go_on(rebuild=True)
    await go_on()


async def test_a_retry_on_an_old_copy_is_stopped_and_rebuilt_with_its_later_attempts(
    pay: Pay, go_on: Pay, books: Books, copy: Callable[[], None], restore: Callable[[], None]
) -> None:
    await pay(text=DECLINED)
    copy()
    await go_on(retry=RetryChoice())
    restore()
    with pytest.raises(LedgerBehindError, match=r"DVS has 2 transactions of its rows"):
        await go_on(retry=RetryChoice())
    assert await go_on(rebuild=True) == 2
    _, rows = await go_on(retry=RetryChoice())
    # The third attempts, not the second ones under their own IDs again.
    assert Counter(row.attempt for row in rows) == {1: 4, 3: 2}
    assert len(books()) == 6 + 2 + 2


@pytest.fixture
async def refused_and_replaced(pay: Pay, network: Any, copy: Callable[[], None], restore: Callable[[], None]) -> None:
    """Restore a copy with a row that DVS refused without a transaction, and that was corrected and paid since."""
    refusal = (400, REFUSED)
    network.rule = lambda _, line, body: refusal if line == CREATION and b"+6595123402" in body else "pass"
    header = "phone,amount"
    _, rows = await pay(text="+6595123400,5\n+6595123402,7\n", header=header)
    assert Counter(row.state for row in rows) == {RowState.COMPLETED: 1, RowState.FAILED: 1}
    copy()
    await pay(text="+6595123400,5\n+6595123403,7\n", header=header, add=True)
    restore()
    network.rule = lambda *_: "pass"


@pytest.mark.usefixtures("refused_and_replaced")
@pytest.mark.parametrize("state", ["failed", "pending"])
async def test_a_retry_of_rows_that_dvs_refused_is_stopped_by_payments_of_no_row_too(
    go_on: Pay, books: Books, tmp_path: Path, state: str
) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection, connection:
        connection.execute("UPDATE rows SET state = ? WHERE state = 'failed'", [state])
    sent = books()
    assert len(sent) == 2
    with pytest.raises(LedgerBehindError, match="1 payment of it for rows that the ledger does not have"):
        await go_on(retry=RetryChoice() if state == "failed" else None)
    assert books() == sent


@pytest.mark.usefixtures("refused_and_replaced")
async def test_rows_that_were_withdrawn_before_they_were_sent_stop_for_no_payment_of_no_row(
    go_on: Pay, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection, connection:
        connection.execute("UPDATE rows SET state = 'pending' WHERE state = 'failed'")
        connection.execute("DELETE FROM events WHERE after = 'failed'")
    _, rows = await go_on()
    assert {row.state for row in rows} == {RowState.COMPLETED}


async def test_days_without_transactions_hide_no_payments_of_no_row(
    pay: Pay, go_on: Pay, books: Books, tmp_path: Path, copy: Callable[[], None], restore: Callable[[], None]
) -> None:
    header = "phone,amount"
    await pay(text="+6595123400,5\n+6595123106,7\n", header=header)
    copy()
    await pay(text="+6595123400,5\n+6595123403,7\n", header=header, add=True)
    restore()
    # DVS lists a day at once, so that the payment is on the page of the last of many days.
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection, connection:
        earlier = "strftime('%Y-%m-%dT%H:%M:%S+00:00', creation_date, '-20 days')"
        connection.execute(f"UPDATE attempts SET creation_date = {earlier}")  # noqa: S608 - a constant
    sent = books()
    with pytest.raises(LedgerBehindError, match="1 payment of it for rows that the ledger does not have"):
        await go_on(retry=RetryChoice())
    assert books() == sent


@pytest.mark.parametrize("state", ["accepted", "in_flight"])
async def test_open_rows_that_a_policy_retries_are_not_sent_again_beside_payments_of_no_row(
    pay: Pay,
    go_on: Pay,
    books: Books,
    tmp_path: Path,
    copy: Callable[[], None],
    restore: Callable[[], None],
    state: str,
) -> None:
    header, policy = "phone,amount", {"retry": {"attempts": 2, "wait": 0}}
    await pay(text="+6595123400,5\n+6595123104,7\n", header=header, **policy)
    copy()
    await pay(text="+6595123400,5\n+6595123403,7\n", header=header, add=True, **policy)
    restore()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection, connection:
        connection.execute("UPDATE rows SET state = ? WHERE state = 'failed'", [state])
    sent = books()
    with pytest.raises(LedgerBehindError, match="1 payment of it for rows that the ledger does not have"):
        await go_on()
    assert books() == sent


@pytest.mark.parametrize("state", ["accepted", "in_flight", "pending"])
async def test_a_row_that_was_open_in_the_copy_gets_its_end_and_the_attempts_after_it(
    pay: Pay, go_on: Pay, tmp_path: Path, copy: Callable[[], None], restore: Callable[[], None], state: str
) -> None:
    await pay(text=DECLINED)
    copy()
    await go_on(retry=RetryChoice())
    restore()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection, connection:
        connection.execute("UPDATE rows SET state = ? WHERE state = 'failed'", [state])
    if state != "accepted":  # nothing is sent for those
        with pytest.raises(LedgerBehindError):
            await go_on()
    assert await go_on(rebuild=True) == 2
    _, rows = await go_on()
    assert Counter((row.state, row.attempt) for row in rows) == {(RowState.COMPLETED, 1): 4, (RowState.FAILED, 2): 2}


async def test_an_open_row_whose_attempt_did_not_fail_but_has_a_later_one_needs_review(
    pay: Pay,
    go_on: Pay,
    tmp_path: Path,
    copy: Callable[[], None],
    restore: Callable[[], None],
    sandbox: Any,
    credentials: tuple[str, str],
    skipping_clock: SkippingClock,
) -> None:
    _, rows = await pay(3)
    copy()
    id_ = str(rows[0].external_id)
    async with AsyncDVS(sandbox.base_url, *credentials) as dvs:
        found = next(each for each in [each async for each in dvs.transactions.list(external_id=id_)])
        body = {
            "external_id": f"{id_[:-2]}-2",
            "product_id": found.product.id,
            "auto_confirm": True,
            "calculation_mode": "DESTINATION_AMOUNT",
            "destination": {"unit_type": "CURRENCY", "unit": "SGD", "amount": 5},
            "credit_party_identifier": {"mobile_number": "+6595123400"},
        }
        await dvs.transactions.create_async(body)
    restore()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection, connection:
        connection.execute("UPDATE rows SET state = 'in_flight' WHERE line = 2")
    with pytest.raises(LedgerBehindError, match=r"DVS has 1 transaction of its rows"):
        await go_on()
    await go_on(rebuild=True)
    finished, after = await go_on()
    assert after[0].state is RowState.CONFLICT
    assert "may be paid more than once" in after[0].message
    assert finished.result.reason is None
    # Each of the two transactions by itself is as requested.
    payer = PayingAccount(environment=Environment.SANDBOX, account=finished.run.account)
    with LedgerStore(tmp_path / "ledger.db") as ledger:
        async with AsyncDVS(sandbox.base_url, *credentials) as dvs:
            reconciled = await reconcile(
                dvs=dvs, payer=payer, ledger=ledger, run=finished.run, is_applied=True, clock=skipping_clock
            )
        counts = ledger.rows.counts(finished.run)
    assert (reconciled.applied, counts[RowState.CONFLICT]) == ((), 1)


@pytest.mark.parametrize("answer", [(500, b""), (400, b'{"errors": [{"code": 1000400, "message": "no"}]}')])
async def test_a_list_that_cannot_be_read_is_not_taken_for_an_empty_one(
    pay: Pay, go_on: Pay, network: Any, watcher: Any, answer: tuple[int, bytes]
) -> None:
    network.rule = stop_at(3, watcher)
    await pay(12)
    del network.seen[:]
    network.rule = lambda _number, line, _body: answer if line.startswith(LISTING) else "pass"
    with pytest.raises(NotComparedError, match=r"Nothing was sent\. .* Run again once DVS responds") as raised:
        await go_on()
    assert exit_code_for(raised.value) is ExitCode.RESUMABLE
    assert not any(line.startswith("POST") for line, _ in network.seen)


async def test_an_entry_that_cannot_be_read_still_shows_that_the_ledger_lacks_it(
    pay: Pay, go_on: Pay, network: Any, watcher: Any, copy: Any, restore: Any
) -> None:
    network.rule = stop_at(3, watcher)
    await pay(12)
    copy()
    network.rule = lambda *_: "pass"
    await go_on()
    restore()
    del network.seen[:]

    def spoil(content: list[dict[str, Any]]) -> None:
        content[:] = [{"external_id": each["external_id"]} for each in content] + [{}, {"external_id": None}]

    network.rule = lambda _number, line, _body: spoil if line.startswith(LISTING) else "pass"
    with pytest.raises(LedgerBehindError, match="that the ledger lacks"):
        await go_on()
    assert not any(line.startswith("POST") for line, _ in network.seen)


async def test_refused_credentials_stay_what_they_are(pay: Pay, go_on: Pay, network: Any, watcher: Any) -> None:
    network.rule = stop_at(3, watcher)
    await pay(12)
    network.rule = lambda _number, line, _body: (401, b"") if line.startswith(LISTING) else "pass"
    with pytest.raises(UnauthorizedError):
        await go_on()


async def test_nothing_of_a_list_is_sent_after_its_rebuild_ended_with_an_error(
    pay: Pay, network: Any, tmp_path: Path, credentials: tuple[str, str]
) -> None:
    """DVS may have rows under the IDs of the name as it is written, which only the rebuild looks up."""
    list_ = tmp_path / "bonus.csv"
    list_.write_text("reference,phone,amount\n10000,+6595123400,5\n")
    settings = {"list": str(list_), "product": 6418, "run_key": "Bonus – 1"}
    job = Job.model_validate(settings).at(SystemClock().now(), tmp_path)
    refusal = (400, b'{"errors": [{"code": 1000400, "message": "no"}]}')
    network.rule = lambda _number, line, _body: refusal if "from_date=" in line else "pass"
    async with AsyncDVS(network.address, *credentials, rate=10_000, timeout=2) as dvs:
        payer = PayingAccount(environment=Environment.SANDBOX, account=dvs.account)
        with LedgerStore(tmp_path / "ledger.db") as ledger, pytest.raises(BadRequestError):
            await rebuild(job, dvs=dvs, payer=payer, ledger=ledger)
    network.rule = lambda *_: "pass"
    with pytest.raises(RunNotRebuiltError):
        await pay(1, run_key="Bonus – 1")
    assert not any(line == CREATION for line, _ in network.seen)


async def test_transactions_of_another_ledger_are_counted_and_stop_nothing(
    pay: Pay, go_on: Pay, network: Any, watcher: Any, tmp_path: Path
) -> None:
    network.rule = stop_at(3, watcher)
    await pay(12)
    network.rule = lambda *_: "pass"
    (tmp_path / "ledger.db").rename(tmp_path / "mine.db")
    await pay(2, run_key="elsewhere", text="E-1,+6595123700,7\nE-2,+6595123701,7\n")
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"ledger.db{suffix}").unlink(missing_ok=True)
    (tmp_path / "mine.db").rename(tmp_path / "ledger.db")
    finished, rows = await go_on()
    assert finished.others == 2
    assert {row.state for row in rows} == {RowState.COMPLETED}


async def test_a_new_run_and_one_with_nothing_left_to_send_do_not_read_the_list(
    pay: Pay, network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> int:
        raise AssertionError("the list was read")

    monkeypatch.setattr("bulk_topup.app.run.check_not_restored", fail)
    await pay(3)
    await pay(3)
    assert sum(line == CREATION for line, _ in network.seen) == 3
