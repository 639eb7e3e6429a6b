"""The types of the public names: mypy reads this module, nothing runs it."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import assert_type

import polars as pl

import bulk_topup
from bulk_topup import (
    BulkTopupError,
    ConfirmationRequiredError,
    Credentials,
    Environment,
    ExitCode,
    Job,
    JobResult,
    Ledger,
    ListPlan,
    Outcome,
    Progress,
    Refusal,
    RowState,
    Run,
    Summary,
    exit_code_for,
    install_redaction,
    plan_list,
    run_job,
)


def plans() -> None:
    plan = plan_list("jobs/rewards.toml", today=date(2026, 11, 1))
    assert_type(plan, ListPlan)
    assert_type(plan.accepted, int)
    assert_type(plan.costs, Mapping[str, Decimal])
    assert_type(plan.refusals(), Iterator[Refusal])
    assert_type(plan.refusals_frame(), pl.DataFrame)
    assert_type(plan.environment, Environment)


def pays(credentials: Credentials) -> None:
    def report(progress: Progress) -> None:
        assert_type(progress.counts, dict[RowState, int])

    result = run_job(
        Job(list="pay.csv", product=6418),
        environment="production",
        credentials=credentials,
        ledger=Path("ledger.db"),
        confirm="list/pay",
        on_progress=report,
    )
    assert_type(result, JobResult)
    assert_type(result.exit_code, ExitCode)
    assert_type(result.counts, Mapping[RowState, int])
    assert_type(result.charged, Mapping[str, Decimal])
    assert_type(result.files, tuple[Path, ...])
    assert_type(result.not_completed, Path | None)


def reads() -> None:
    ledger = Ledger("ledger.db")
    assert_type(ledger.runs(), list[Run])
    assert_type(ledger.status("list/pay"), Summary)
    for outcome in ledger.outcomes("list/pay"):
        assert_type(outcome, Outcome)
    assert_type(ledger.frame("list/pay"), pl.DataFrame)


def fails(error: BulkTopupError, unconfirmed: ConfirmationRequiredError) -> None:
    assert_type(exit_code_for(error), ExitCode)
    assert_type(exit_code_for(unconfirmed).is_transient, bool)
    assert_type(exit_code_for(unconfirmed).sentence, str)


def logs() -> None:
    install_redaction(level=20)
    assert_type(bulk_topup.__version__, str)
