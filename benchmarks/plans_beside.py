"""Measures plans of lists beside a large ledger, for the benchmark of ledgers."""

import gc
import os
import time
from dataclasses import dataclass
from pathlib import Path

from figures import Figures, reached
from processes import KEY, SECRET, sandbox

from bulk_topup.app.plan import plan_job
from bulk_topup.app.prepare import Prepared
from bulk_topup.domain.environment import Environment
from bulk_topup.dvs import AsyncDVS
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import SystemClock

#: Most seconds for a million rows, warm.
AIM = 15


@dataclass(frozen=True, kw_only=True, slots=True)
class List:
    """A list to plan."""

    what: str
    #: The phone prefix and the first amount; the ledger's are +659 and 1.
    prefix: str = "+659"
    amount: int = 1
    period: str | None = None
    #: Whether its rows repeat payments that count, and are refused.
    is_paid: bool = False


LISTS = (
    List(what="of other people", prefix="+658"),
    List(what="of the same people and other amounts", amount=51),
    List(what="of the same people and amounts a month later (`--period month`)", period="month"),
    List(what="whose rows all repeat payments", is_paid=True),
)


@dataclass(frozen=True, slots=True)
class Spent:
    """Time that a plan took."""

    seconds: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.cpu:.2f} s of CPU, {self.seconds:.2f} s"


async def measure_plans(ledger: Path, rows: int, folder: Path, figures: Figures) -> None:
    """Plan lists beside the ledger's payments and in an empty ledger.

    Args:
        ledger: the ledger.
        rows: the length of each list.
        folder: where the lists and the empty ledger are written.
        figures: the table.
    """
    with sandbox() as (base_url, _):
        async with AsyncDVS(base_url, KEY, SECRET) as dvs:

            async def plan(list_: List, path: Path, *, cold: bool = False) -> Spent:
                job = Job(list=str(_write(list_, rows, folder)), product=6418, period=list_.period)
                if cold:
                    _drop_from_cache(path)
                with LedgerStore(path) as store:
                    gc.collect()
                    started, used = time.perf_counter(), time.process_time()
                    _, prepared = await plan_job(
                        job.at(SystemClock().now(), Path()), dvs=dvs, ledger=store, environment=Environment.SANDBOX
                    )
                    spent = Spent(time.perf_counter() - started, time.process_time() - used)
                _check(prepared, list_, rows if path == ledger else 0)
                return spent

            for list_ in LISTS:
                alone, beside = [], []
                cold = await plan(list_, ledger, cold=True)
                for _ in range(1 if list_.is_paid else 2):
                    alone.append(await plan(list_, folder / "empty.db"))
                    beside.append(await plan(list_, ledger))
                base = min(alone, key=_cpu)
                best = min(beside, key=_cpu)
                figures.add(f"baseline: a plan of {rows:,} rows {list_.what}, in an empty ledger", str(base))
                aim = "" if list_.is_paid else reached(best.seconds * 1e6 / rows < AIM, f"{AIM} s for a million rows")
                ratio = f"{best.cpu / base.cpu:.2f} of the baseline"
                figures.add("the same beside this ledger, warm", str(best), ratio=ratio, aim=aim)
                figures.add(
                    "the same with no page of it in memory",
                    str(cold),
                    ratio=f"{cold.cpu / base.cpu:.2f} of the baseline",
                )


def _cpu(spent: Spent) -> float:
    return spent.cpu


def _check(prepared: Prepared, list_: List, rows_in_ledger: int) -> None:
    repeated = prepared.difference.earlier.refused
    assert bool(repeated) == (list_.is_paid and rows_in_ledger > 0), repeated


def _write(list_: List, rows: int, folder: Path) -> Path:
    path = folder / "planned.csv"
    numbers = (
        f"{row + 1},{list_.prefix}{1_000_000 + row * 7919 % 9_000_000},{list_.amount + row % 50}\n"
        for row in range(rows)
    )
    path.write_text("reference,phone,amount\n" + "".join(numbers))
    return path


def _drop_from_cache(path: Path) -> None:
    """Let the operating system forget the pages of a file."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
