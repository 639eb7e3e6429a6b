"""The examples that run by themselves."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bulk_topup import Ledger, RowState


def test_the_script_plans_pays_and_tells_who_was_not_paid(python: Callable[..., Any], folder: Path) -> None:
    (folder / "pay.csv").write_text("reference,phone,amount\nR-1,+6595123400,5\nR-2,+6595123102,5\n")
    (folder / "pay.toml").write_text('run_key = "may"\nlist = "pay.csv"\nproduct = 6418\n')
    ended = python("examples/pay_rewards.py", "pay.toml")
    assert ended.returncode == 1, ended.stderr
    assert ended.stdout.splitlines()[0] == "pay/may: 2 rows to send, about 7.42 USD"
    assert ended.stdout.splitlines()[1].startswith("line 3 is failed: ")
    assert ended.stdout.splitlines()[2] == "pay/may: 1 completed, INCOMPLETE"
    assert "'completed': 1" in ended.stderr


def test_the_script_says_what_is_wrong_with_a_list_line_by_line(python: Callable[..., Any], folder: Path) -> None:
    (folder / "pay.csv").write_text("reference,phone,amount\nR-1,06595123400,5\n")
    (folder / "pay.toml").write_text('run_key = "may"\nlist = "pay.csv"\nproduct = 6418\n')
    ended = python("examples/pay_rewards.py", "pay.toml")
    assert ended.returncode == 3
    assert ended.stdout.startswith("line 2 phone: ")
    assert "nothing was sent" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_notebook_runs_inside_its_event_loop(python: Callable[..., Any], folder: Path) -> None:
    cells = (
        "import asyncio, runpy\nasync def kernel():\n    runpy.run_path('examples/notebook.py')\nasyncio.run(kernel())"
    )
    ended = python("-c", cells)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1].startswith(("ALL_COMPLETED", "INCOMPLETE"))
    counts = Ledger(folder / "ledger.db").status("campaign/spring").counts
    assert counts[RowState.COMPLETED] > 0
    assert not counts[RowState.PENDING] + counts[RowState.ACCEPTED]
