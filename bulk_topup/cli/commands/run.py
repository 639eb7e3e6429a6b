"""The command that pays a list or a job."""

from pathlib import Path

import cloup

from bulk_topup.cli.options.approval import ApprovalOptions, approval_options
from bulk_topup.cli.options.list import JobOptions, corrections_option, job_options, list_argument
from bulk_topup.cli.options.pace import scheduled_option
from bulk_topup.cli.options.payment import PaymentOptions, payment_options


@cloup.command("run")
@list_argument
@job_options
@corrections_option
@scheduled_option
@approval_options
@payment_options
def run_command(
    list_or_job: Path,
    given: JobOptions,
    corrections: Path | None,
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

    pay_list(list_or_job, given, approval, payment, is_scheduled=is_scheduled, corrections=corrections)
