"""Runs every benchmark beside this module, one after the other, and writes RESULTS.md from what they print.

python benchmarks/all.py
"""

import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

FOLDER = Path(__file__).parent
#: In the order in which they run.
SCRIPTS = (
    "startup.py",
    "intake.py",
    "plan.py",
    "run.py",
    "commits.py",
    "requests_per_row.py",
    "rate.py",
    "ledger.py",
    "memory.py",
    "reports.py",
    "sandbox.py",
)


def main() -> None:
    """Measure and write."""
    began = time.perf_counter()
    sections = []
    for script in SCRIPTS:
        print(f"{script} ...", file=sys.stderr, flush=True)
        finished = subprocess.run([sys.executable, FOLDER / script], stdout=subprocess.PIPE, text=True, check=True)
        print(finished.stdout, flush=True)
        sections.append(finished.stdout.strip())
    minutes = (time.perf_counter() - began) / 60
    head = (
        f"# Results\n\nWritten by `make bench` on {datetime.now(UTC):%Y-%m-%d}, in {minutes:.0f} minutes. "
        "The machine is shared: compare ratios."
    )
    FOLDER.joinpath("RESULTS.md").write_text("\n\n".join([head, *sections]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
