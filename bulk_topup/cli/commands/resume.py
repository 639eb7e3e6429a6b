"""The commands that go on with a run: resume, retry."""

from typing import Any

import click

from bulk_topup.cli.options.monitoring import monitoring_options
from bulk_topup.cli.options.pace import pace_options
from bulk_topup.cli.options.provider import provider_options
from bulk_topup.cli.options.report import report_options
from bulk_topup.cli.options.run_name import run_argument
from bulk_topup.cli.payment import continue_run


@click.command("resume")
@run_argument()
@provider_options
@report_options
@monitoring_options
@pace_options
def resume_command(run_name: str, **values: Any) -> None:
    """Go on with a run as the ledger knows it; the list is not read again.

    \b
    Example:
      bulk-topup resume list/rewards
    """
    continue_run(run_name, values)
