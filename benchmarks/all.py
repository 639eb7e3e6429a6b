"""Runs the benchmarks in this folder, one after the other, and writes RESULTS.md from their output.

    python benchmarks/all.py ["SCRIPT [ARGUMENT ...]" ...]

With arguments, only the named ones run; the last output of the others comes from build/bench.
"""

import shlex
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

FOLDER = Path(__file__).parent
OUTPUTS = FOLDER.parent / "build" / "bench"
HEAD = "# Results\n\nWritten by `make bench`. The machine is shared: compare ratios.\n"
#: In the order in which they run.
SCRIPTS = (
    "startup.py",
    "intake.py",
    "plan.py",
    "first_payment.py",
    "questions.py",
    "reconcile.py",
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
    """Run the benchmarks, and write the last results of all of them."""
    OUTPUTS.mkdir(parents=True, exist_ok=True)
    for command_line in sys.argv[1:] or SCRIPTS:
        print(f"{command_line} ...", file=sys.stderr, flush=True)
        started = time.perf_counter()
        script, *arguments = shlex.split(command_line)
        command = [sys.executable, FOLDER / script, *arguments]
        finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        print(finished.stdout, flush=True)
        title, _, rest = finished.stdout.strip().partition("\n")
        how = f" by `benchmarks/{command_line}`" if arguments else ""
        measured = f"Measured on {datetime.now(UTC):%Y-%m-%d}{how}, in {time.perf_counter() - started:.0f} s."
        OUTPUTS.joinpath(f"{script}.md").write_text(f"{title}\n\n{measured}\n{rest}\n", encoding="utf-8")
    outputs = [OUTPUTS / f"{script}.md" for script in SCRIPTS]
    sections = [output.read_text(encoding="utf-8") for output in outputs if output.exists()]
    FOLDER.joinpath("RESULTS.md").write_text("\n".join([HEAD, *sections]), encoding="utf-8")


if __name__ == "__main__":
    main()
