"""A list of several batches is read, checked and staged side by side, and nothing of that outlives a stop."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from openpyxl import Workbook

from bulk_topup.app.plan import plan_job
from bulk_topup.app.stage_batch import shared_values, stage_batch
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.row import StagedRow
from bulk_topup.dvs import AsyncDVS
from bulk_topup.errors import ListError
from bulk_topup.intake.files.batches import BATCH_ROWS
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import SystemClock

pytestmark = pytest.mark.anyio

ROWS = 2 * BATCH_ROWS + 10


@pytest.fixture
async def dvs(sandbox: Any, credentials: tuple[str, str]) -> AsyncIterator[AsyncDVS]:
    async with AsyncDVS(sandbox.base_url, *credentials) as client:
        yield client


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[LedgerStore]:
    with LedgerStore(tmp_path / "ledger.db") as opened:
        yield opened


def write(folder: Path, *more: str) -> Job:
    path = folder / "long.csv"
    lines = [f"+659{number:07},5" for number in range(ROWS)]
    path.write_text("\n".join(["phone,amount", *lines, *more]) + "\n")
    return Job(list=str(path), product=6418).at(SystemClock().now(), folder)


async def test_an_equal_of_a_row_is_found_batches_later(dvs: AsyncDVS, ledger: LedgerStore, tmp_path: Path) -> None:
    _, prepared = await plan_job(
        write(tmp_path, "+6590000003,7", "+6580000000,7"), dvs=dvs, ledger=ledger, environment=Environment.SANDBOX
    )
    assert (prepared.plan.rows, prepared.plan.accepted) == (ROWS + 2, ROWS + 1)
    [refused] = prepared.plan.refused_rows
    assert refused.line == ROWS + 2
    assert refused.problems[0].message == "Duplicate of line 5. Remove one, or add --allow-duplicates."


async def test_the_equal_of_a_row_in_a_workbook_is_named_by_its_row(
    dvs: AsyncDVS, ledger: LedgerStore, tmp_path: Path
) -> None:
    workbook = Workbook()
    sheet = workbook.worksheets[0]
    for row in (["phone", "amount"], ["+6590000003", "5"], ["+6590000003", "7"]):
        sheet.append(row)
    workbook.save(tmp_path / "pay.xlsx")
    job = Job(list=str(tmp_path / "pay.xlsx"), product=6418).at(SystemClock().now(), tmp_path)
    _, prepared = await plan_job(job, dvs=dvs, ledger=ledger, environment=Environment.SANDBOX)
    [refused] = prepared.plan.refused_rows
    assert refused.problems[0].message == "Duplicate of row 2. Remove one, or add --allow-duplicates."


async def test_a_list_that_breaks_off_is_refused_whatever_was_staged_of_it(
    dvs: AsyncDVS, ledger: LedgerStore, tmp_path: Path
) -> None:
    with pytest.raises(ListError, match="never closed"):
        await plan_job(write(tmp_path, '"+6590000003,7'), dvs=dvs, ledger=ledger, environment=Environment.SANDBOX)
    assert ledger.runs.all() == []


async def test_a_stop_ends_the_reading_and_the_staging_too(dvs: AsyncDVS, ledger: LedgerStore, tmp_path: Path) -> None:
    job = write(tmp_path)
    planning = asyncio.create_task(plan_job(job, dvs=dvs, ledger=ledger, environment=Environment.SANDBOX))
    while not any(thread.name.startswith("prepare") for thread in threading.enumerate()):  # noqa: ASYNC110
        await asyncio.sleep(0)
    planning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await planning
    assert not any(thread.name.startswith("prepare") for thread in threading.enumerate())
    _, prepared = await plan_job(job, dvs=dvs, ledger=ledger, environment=Environment.SANDBOX)
    assert prepared.plan.accepted == ROWS


def _staged(number: int, unit: str | None, **values: Any) -> StagedRow:
    request = f'{{"number": {number}}}'
    row = StagedRow(
        number, f"reference:{number}", None, "pending", "[]", "[]", 7, None, "5", unit, request, "1", "€", 3
    )
    return row._replace(**values)


def _frame(rows: list[StagedRow]) -> pl.DataFrame:
    numbers = {"line", "product_id", "operator_id"}
    schema = {name: pl.Int64 if name in numbers else pl.String for name in StagedRow._fields}
    return pl.DataFrame(rows, schema=schema, orient="row")


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [_staged(2, "it's", cells='["o\'k\0"]', problems="[]", party="party:2")],
        [_staged(2, "X\0Y"), _staged(3, "X\0Y")],
        [_staged(2, None, cost=None), _staged(3, None, cost=None, state="refused", request=None)],
        [_staged(2, None), _staged(3, "SGD")],
    ],
)
async def test_a_batch_is_staged_as_its_rows_are(ledger: LedgerStore, rows: list[StagedRow]) -> None:
    ledger.staging.clear()
    stage_batch(ledger, _frame(rows))
    found = ledger.file.fetch_all(f"SELECT {', '.join(StagedRow._fields)} FROM temp.staged ORDER BY line")  # noqa: S608
    assert [StagedRow(*each) for each in found] == rows


async def test_no_text_of_a_person_is_shared() -> None:
    names: dict[str, Any] = {"problems": '[["", "Ann"]]', "party": "party:Ann", "cells": '["Ann"]', "party_key": "Ann"}
    row = _staged(2, "SGD", **names, written="Ann", credit_party="Ann", state="refused", request=None)
    assert shared_values(_frame([row])) == {
        "state": "refused", "product_id": 7, "unit": "SGD", "request": None, "cost": "1", "cost_unit": "€",
        "operator_id": 3, "amount_until": None,
    }  # fmt: skip
