"""The command that pays a list or a job."""

from pathlib import Path

import cloup

from bulk_topup.cli.options.approval import ApprovalOptions, approval_options
from bulk_topup.cli.options.list import (
    JobOptions,
    add_option,
    corrections_option,
    job_options,
    leave_open_option,
    list_argument,
    pay_again_option,
)
from bulk_topup.cli.options.not_the_same import NotTheSameOptions, not_the_same_options
from bulk_topup.cli.options.pace import scheduled_option
from bulk_topup.cli.options.payment import PaymentOptions, payment_options
from bulk_topup.cli.options.repetition import repetition_of


@cloup.command("run")
@list_argument
@job_options
@corrections_option
@add_option
@pay_again_option
@leave_open_option
@not_the_same_options
@scheduled_option
@approval_options
@payment_options
def run_command(
    list_or_job: str,
    given: JobOptions,
    corrections: Path | None,
    add: bool,
    pay_again: str | None,
    leave_open: str | None,
    different: NotTheSameOptions,
    is_scheduled: bool,
    approval: ApprovalOptions,
    payment: PaymentOptions,
) -> None:
    """Check, plan, submit, track and report a list; run again to resume.

    LIST is a CSV or XLSX file, JOB a job file, which ends in .toml. A run that is run again continues and never pays a
    row twice; --run-key names a new run.

    \b
    Example:
      bulk-topup run sample_files/rewards.csv --product 6418
    """
    from bulk_topup.cli.payment import pay_list  # heavy: not for --help

    repetition = repetition_of(pay_again, leave_open, different, is_scheduled=is_scheduled, add=add)
    pay_list(list_or_job, given, approval, payment, repetition=repetition, corrections=corrections)
