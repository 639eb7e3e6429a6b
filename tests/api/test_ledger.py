"""The ledger as scripts and notebooks read it."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from bulk_topup import Job, Ledger, Progress, RowState, run_job
from bulk_topup.errors import ConfigurationError, LedgerError, RunNotFoundError


@pytest.fixture
def ledger(options: dict[str, Any], job_of: Callable[..., Job]) -> Ledger:
    """A ledger with a run of two paid rows and one that failed."""
    run_job(job_of(2, last="R-9,+6595123102,7.50\n"), poll_interval=0.05, **options)
    return Ledger(options["ledger"])


def test_runs_are_listed_and_found_by_name(ledger: Ledger) -> None:
    assert [run.name for run in ledger.runs()] == ["bonus/may"]
    assert ledger.run("bonus/may") == ledger.run("may") == ledger.runs()[0]
    with pytest.raises(RunNotFoundError, match=r"Did you mean bonus/may\?"):
        ledger.status("bonus/mai")


def test_status_counts_rows_and_money(ledger: Ledger) -> None:
    status = ledger.status("bonus/may")
    assert (status.counts[RowState.COMPLETED], status.counts[RowState.FAILED]) == (2, 1)
    assert status.charged == {"USD": Decimal("7.42")}
    assert ledger.status(ledger.run("may")) == status


def test_outcomes_come_one_at_a_time_and_two_can_be_read_side_by_side(ledger: Ledger) -> None:
    one, other = ledger.outcomes("may"), ledger.outcomes("may")
    pairs = list(zip(one, other, strict=True))
    assert [first.line for first, _ in pairs] == [2, 3, 4]
    assert all(first == second for first, second in pairs)


def test_a_frame_has_the_lists_columns_and_exact_results(ledger: Ledger) -> None:
    frame = ledger.frame("bonus/may")
    assert frame.columns[:4] == ["reference", "phone", "amount", "result_line"]
    assert frame["result_state"].to_list() == ["completed", "completed", "failed"]
    assert isinstance(frame.schema["result_price"], pl.Decimal)
    assert frame["result_amount"].to_list() == [Decimal(5), Decimal(5), Decimal("7.5")]
    assert isinstance(frame["result_created"][0], datetime)


def test_a_ledger_is_read_while_a_run_writes_to_it(options: dict[str, Any], job_of: Callable[..., Job]) -> None:
    row_counts = []

    def count_rows(_: Progress) -> None:
        row_counts.append(len(list(Ledger(options["ledger"]).outcomes("bonus/may"))))

    run_job(job_of(5), poll_interval=0.05, progress_interval=0.05, on_progress=count_rows, **options)
    assert set(row_counts) == {5}


def test_pins_are_masked_unless_they_are_revealed(options: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "cards.csv").write_text("reference,product_id\nG-1,8803\n")
    run_job("cards.csv", poll_interval=0.05, **options)
    ledger = Ledger(options["ledger"])
    [masked], [revealed] = ledger.outcomes("cards"), ledger.outcomes("cards", reveal_pins=True)
    assert masked.pin_code == masked.pin_serial == "••••"
    assert revealed.pin_code is not None
    assert len(revealed.pin_code) > 10
    assert ledger.frame("cards")["result_pin_code"].to_list() == ["••••"]
    assert ledger.frame("cards", reveal_pins=True)["result_pin_code"].to_list() == [revealed.pin_code]


def test_reading_changes_nothing_and_creates_no_ledger(ledger: Ledger, tmp_path: Path) -> None:
    before = ledger.path.read_bytes()
    ledger.frame(ledger.runs()[0])
    assert ledger.path.read_bytes() == before
    with pytest.raises(LedgerError, match=r"No ledger at .*none\.db"):
        Ledger(tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()
    with pytest.raises(ConfigurationError, match="Unknown environment"):
        Ledger(environment="live")
