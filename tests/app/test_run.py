"""A run refuses a list that changes while it is read, and stays resumable when its ledger fails."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.app import execute as execute_module
from bulk_topup.app import merge
from bulk_topup.app.preflight import PayingAccount
from bulk_topup.app.report import ReportOptions
from bulk_topup.app.run import run_list
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import AsyncDVS
from bulk_topup.engine import RunOptions
from bulk_topup.errors import InterruptedRunError, LedgerError, LedgerWriteError, ListError
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import SystemClock

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("skipped_waits")]


class Writer:
    """A watcher that changes the list once it was read."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act

    def prepared(self, *_: object) -> None:
        self._act()

    def confirm(self, *_: object) -> None:
        pytest.fail("nothing of a list that is being written is to be sent")

    def running(self, *_: object) -> Any:
        return nullcontext()


async def run_with(watcher: Writer, job: Job, dvs: AsyncDVS, ledger: LedgerStore) -> None:
    await run_list(
        job,
        dvs=dvs,
        payer=PayingAccount(environment=Environment.SANDBOX, account=dvs.account),
        ledger=ledger,
        options=RunOptions(),
        report=ReportOptions(folder=ledger.path.parent / "report"),
        watcher=watcher,
    )


@pytest.mark.parametrize("how", ["written on", "replaced", "removed"])
async def test_a_list_that_is_written_while_it_is_read_starts_no_run(
    sandbox: Any, tmp_path: Path, credentials: tuple[str, str], how: str
) -> None:
    path = tmp_path / "pay.csv"
    path.write_text("reference,phone,amount\nA-1,+6595123001,5")

    def write() -> None:
        if how == "written on":
            with path.open("a") as file:
                file.write("0\nA-2,+6595123002,5\n")  # the first amount was cut off
        else:
            path.rename(tmp_path / "old.csv")
            if how == "replaced":
                path.write_text((tmp_path / "old.csv").read_text())

    job = Job(list="pay.csv", product=6418).at(SystemClock().now(), tmp_path)
    async with AsyncDVS(sandbox.base_url, *credentials) as dvs:
        with LedgerStore(tmp_path / "ledger.db") as ledger:
            with pytest.raises(ListError, match=r"changed while being read.*Run again once it is complete"):
                await run_with(Writer(write), job, dvs, ledger)
            assert list(ledger.runs.all()) == []


class Follower(Writer):
    """A watcher that lets rows be sent."""

    def __init__(self) -> None:
        super().__init__(lambda: None)

    def confirm(self, *_: object) -> None:
        """Allow every row."""


async def test_a_ledger_that_fails_after_sending_leaves_a_run_that_is_resumed(
    sandbox: Any, tmp_path: Path, credentials: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit code of an invalid ledger would say that nothing was sent."""

    def fail(*_: object, **__: object) -> None:
        raise LedgerError("Can't use the ledger.")

    monkeypatch.setattr(execute_module, "current_report", fail)
    (tmp_path / "pay.csv").write_text("reference,phone,amount\nA-1,+6595123001,5\n")
    job = Job(list="pay.csv", product=6418).at(SystemClock().now(), tmp_path)
    async with AsyncDVS(sandbox.base_url, *credentials) as dvs:
        with LedgerStore(tmp_path / "ledger.db") as ledger:
            with pytest.raises(InterruptedRunError, match=r"ended, and its report is missing\. Can't use the ledger\."):
                await run_with(Follower(), job, dvs, ledger)
            run = ledger.runs.find(job.name, str(job.run_key))
            assert run is not None
            assert ledger.rows.counts(run)[RowState.COMPLETED] == 1


@pytest.mark.parametrize(
    ("failure", "raised"),
    [
        (LedgerWriteError("Can't write the ledger."), InterruptedRunError),
        # Running again does not help: what the ledger's file needs is a person.
        (LedgerError("Can't use the ledger."), LedgerError),
    ],
)
async def test_a_list_that_cannot_be_merged_is_resumable_only_if_the_ledger_can_be_written_later(
    sandbox: Any,
    tmp_path: Path,
    credentials: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
    failure: LedgerError,
    raised: type[Exception],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(merge, "merge_list", fail)
    (tmp_path / "pay.csv").write_text("reference,phone,amount\nA-1,+6595123001,5\n")
    job = Job(list="pay.csv", product=6418).at(SystemClock().now(), tmp_path)
    async with AsyncDVS(sandbox.base_url, *credentials) as dvs:
        with LedgerStore(tmp_path / "ledger.db") as ledger:
            with pytest.raises(raised) as error:
                await run_with(Follower(), job, dvs, ledger)
            assert type(error.value) is raised
            assert ledger.runs.all() == []
