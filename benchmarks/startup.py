"""Measures how long read-only commands take, compared with a Python that does nothing.

python benchmarks/startup.py [REPETITIONS]
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from figures import Figures, reached

from bulk_topup.ledger import LedgerStore

REPETITIONS = 7

#: Seconds.
HELP_AIM, STATUS_AIM = 0.25, 0.4


def main() -> None:
    """Measure and print."""
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else REPETITIONS
    figures = Figures(
        title="Start-up",
        what=f"Whole processes, the best of {repetitions} starts: total time, and CPU time.",
        packages=("click", "rich"),
    )
    command = str(Path(sys.executable).with_name("bulk-topup"))
    with tempfile.TemporaryDirectory() as name:
        ledger = Path(name) / "ledger.db"
        LedgerStore(ledger).close()
        bare = _measured([sys.executable, "-c", "pass"], repetitions)
        click = _measured([sys.executable, "-c", "import click, sqlite3"], repetitions)
        help_ = _measured([command, "--help"], repetitions)
        status = _measured([command, "status", "--ledger", str(ledger)], repetitions)
    figures.add("baseline: `python -c pass`", _format(bare))
    figures.add("baseline: `python -c 'import click, sqlite3'`", _format(click))
    for what, measured, aim in (("--help", help_, HELP_AIM), ("status", status, STATUS_AIM)):
        figures.add(
            f"`bulk-topup {what}`",
            _format(measured),
            ratio=f"{measured[0] / click[0]:.1f} x click and sqlite3",
            aim=reached(measured[0] <= aim, f"{aim} s or less"),
        )
    figures.show()


def _measured(command: list[str], repetitions: int) -> tuple[float, float]:
    """Return the seconds and the CPU seconds of the best start."""
    return min(_once(command) for _ in range(repetitions))


def _once(command: list[str]) -> tuple[float, float]:
    before, started = os.times(), time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    seconds, after = time.perf_counter() - started, os.times()
    used = after.children_user - before.children_user + after.children_system - before.children_system
    return seconds, used


def _format(measured: tuple[float, float]) -> str:
    seconds, used = measured
    return f"{seconds:.3f} s, {used:.2f} s of CPU"


if __name__ == "__main__":
    main()
