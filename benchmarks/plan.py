"""How fast a CSV list is read, checked and planned, beside polars reading the same file as text.

python benchmarks/plan.py [ROWS]
"""

import asyncio
import resource
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
from pydantic import SecretStr

from bulk_topup.clock import SystemClock
from bulk_topup.dvs import AsyncDVS
from bulk_topup.jobs import Job
from bulk_topup.ledger import Ledger
from bulk_topup.runs import open_job_list, plan_list
from bulk_topup.sandbox import EmbeddedSandbox, SandboxConfig

ROWS = 200_000
KEY, SECRET = "benchmark", SecretStr("benchmark")


def main() -> None:
    """Measure and print."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "list.csv"
        with path.open("w", encoding="utf-8") as file:
            file.write("reference,phone,amount\n")
            file.writelines(f"E-{row},+6595123{row % 1000:03d},{1 + row % 90}.5\n" for row in range(rows))
        job = Job(list=str(path), product=6418, allow_duplicates=True)
        began = time.perf_counter()
        frame = pl.read_csv(path, infer_schema=False)
        polars_alone = time.perf_counter() - began
        assert frame.height == rows
        began = time.perf_counter()
        read = sum(batch.height for batch in open_job_list(job).batches())
        intake = time.perf_counter() - began
        assert read == rows
        began = time.perf_counter()
        asyncio.run(_plan(job, folder, rows))
        whole = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{rows} rows, peak memory {peak:.0f} MB")
    for label, seconds in (
        ("baseline: polars reads the columns as text", polars_alone),
        ("read and normalised, with line numbers", intake),
        ("read, checked, staged and planned", whole),
    ):
        print(
            f"  {label:<45} {seconds:7.2f} s {rows / seconds:>12,.0f} rows/s  {seconds / polars_alone:8.1f} x baseline"
        )


async def _plan(job: Job, folder: Path, rows: int) -> None:
    with EmbeddedSandbox(SandboxConfig(api_key=KEY, api_secret=SECRET)) as sandbox:
        async with AsyncDVS(sandbox.base_url, KEY, SECRET) as dvs:
            with Ledger(folder / "ledger.db") as ledger:
                _, prepared = await plan_list(job.at(SystemClock().now(), Path()), dvs=dvs, ledger=ledger)
    assert prepared.plan.accepted == rows


if __name__ == "__main__":
    main()
