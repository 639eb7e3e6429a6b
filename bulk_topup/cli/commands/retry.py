"""The command that retries failed rows of a run."""

from datetime import datetime
from difflib import get_close_matches
from pathlib import Path

import click
import cloup

from bulk_topup.cli.options.list import parse_lines
from bulk_topup.cli.options.pace import scheduled_option
from bulk_topup.cli.options.payment import PaymentOptions, payment_options
from bulk_topup.cli.options.run_name import run_argument
from bulk_topup.cli.options.times import parse_time_or_duration
from bulk_topup.dvs.statuses import STATUSES


def _check_statuses(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        near = get_close_matches(text, STATUSES, n=1, cutoff=0.9)
        # Unknown statuses are allowed: DVS may add some without notice.
        if near and near[0] != text:
            raise click.BadParameter(f'"{text}" is not a status. Did you mean {near[0]}?')
    return texts


ROWS = cloup.OptionGroup("Rows")


@cloup.command("retry")
@run_argument(metavar="RUN|JOB")
@cloup.option(
    "--status",
    "statuses",
    group=ROWS,
    multiple=True,
    metavar="STATUS",
    callback=_check_statuses,
    help="Only rows that failed with this status or class; repeatable.",
)
@cloup.option(
    "--rows",
    "lines",
    group=ROWS,
    callback=parse_lines,
    metavar="LINES",
    help="Only these lines of the list, e.g. 5,7-9.",
)
@cloup.option(
    "--all-failed",
    group=ROWS,
    is_flag=True,
    help="Every failed row, also those that can't succeed without a correction.",
)
@cloup.option(
    "--not-before",
    "not_before",
    group=ROWS,
    callback=parse_time_or_duration,
    metavar="TIME",
    help="Earliest send time: a duration such as 30m, or a time in UTC such as 2026-11-24T22:00.",
)
@scheduled_option
@payment_options
def retry_command(
    run_name: str,
    statuses: tuple[str, ...],
    lines: frozenset[int],
    all_failed: bool,
    not_before: datetime | None,
    is_scheduled: bool,
    payment: PaymentOptions,
) -> None:
    """Retry failed rows: those that may succeed, or those of a status, on some lines, or all.

    A row may succeed if it failed for a transient reason, or was corrected in the list since. So may a row that was
    refused when it was to be sent because another run may have paid it: that payment may have failed since. JOB is a
    job file that names the run and the rows; if none of them may succeed, the exit code is 0.

    \b
    Example:
      bulk-topup retry list/rewards --status DECLINED-OPERATOR-CURRENTLY-UNAVAILABLE
      bulk-topup retry jobs/retry-payroll.toml
    """
    if all_failed and (statuses or lines):
        raise click.UsageError("--all-failed can't be combined with --status and --rows. Choose one.")
    is_job_file = run_name.lower().endswith(".toml")
    if is_job_file and (all_failed or statuses or lines):
        raise click.UsageError("The job file selects the rows. Remove --status, --rows and --all-failed.")
    if is_scheduled and not is_job_file:
        raise click.UsageError("--scheduled needs a job file with a [schedule].")
    from bulk_topup.cli.payment import continue_run, retry_choice  # heavy: not for --help

    if is_job_file:
        continue_run(run_name, payment, not_before=not_before, job_file=Path(run_name), is_scheduled=is_scheduled)
        return
    choice = retry_choice(statuses, lines, is_every_failed=all_failed)
    continue_run(run_name, payment, retry=choice, not_before=not_before)
