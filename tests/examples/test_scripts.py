"""The examples that run without an orchestrator."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bulk_topup import Ledger, RowState


def test_the_script_plans_pays_and_shows_rows_that_are_not_completed(python: Callable[..., Any], folder: Path) -> None:
    (folder / "pay.csv").write_text("reference,phone,amount\nR-1,+6595123400,5\nR-2,+6595123102,5\n")
    (folder / "pay.toml").write_text('run_key = "may"\nlist = "pay.csv"\nproduct = 6418\n')
    result = python("examples/pay_rewards.py", "pay.toml")
    assert result.returncode == 1, result.stderr
    assert result.stdout.splitlines()[0] == "pay/may: rows to send: 2, expected cost 7.42 USD"
    assert result.stdout.splitlines()[1].startswith("line 3 is failed: ")
    assert result.stdout.splitlines()[2] == "pay/may: 1 completed, INCOMPLETE"
    assert "'completed': 1" in result.stderr


def test_the_script_shows_what_is_wrong_with_each_line_of_a_list(python: Callable[..., Any], folder: Path) -> None:
    (folder / "pay.csv").write_text("reference,phone,amount\nR-1,06595123400,5\n")
    (folder / "pay.toml").write_text('run_key = "may"\nlist = "pay.csv"\nproduct = 6418\n')
    result = python("examples/pay_rewards.py", "pay.toml")
    assert result.returncode == 3
    assert result.stdout.startswith("line 2 phone: ")
    assert "Nothing was sent." in result.stderr
    assert "Traceback" not in result.stderr


def test_the_notebook_runs_inside_its_event_loop(python: Callable[..., Any], folder: Path) -> None:
    cells = (
        "import asyncio, runpy\nasync def kernel():\n    runpy.run_path('examples/notebook.py')\nasyncio.run(kernel())"
    )
    result = python("-c", cells)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1].startswith(("ALL_COMPLETED", "INCOMPLETE"))
    counts = Ledger(folder / "ledger.db").status("campaign/spring").counts
    assert counts[RowState.COMPLETED] > 0
    assert not counts[RowState.PENDING] + counts[RowState.ACCEPTED]
