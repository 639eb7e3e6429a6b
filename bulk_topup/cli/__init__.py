"""The command line: each command parses, calls one function of the library, and prints."""

import logging

import click

from bulk_topup import __version__
from bulk_topup.cli.api import (
    balances_command,
    campaigns_command,
    countries_command,
    operators_command,
    products_command,
    promotions_command,
    services_command,
)
from bulk_topup.cli.approve import approval_key_group, approve_command
from bulk_topup.cli.conflicts import conflict_group
from bulk_topup.cli.ledger import ledger_group
from bulk_topup.cli.listen import listen_command
from bulk_topup.cli.lookup import lookup_group
from bulk_topup.cli.pay import resume_command, retry_command, run_command
from bulk_topup.cli.pin_key import pin_key_group
from bulk_topup.cli.reconcile import reconcile_command
from bulk_topup.cli.runs import plan_command, report_command, status_command
from bulk_topup.cli.sandbox import sandbox_command
from bulk_topup.cli.transactions import transaction_group
from bulk_topup.redaction import install


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, package_name="bulk-topup")
@click.option(
    "--log",
    "log_level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    envvar="BULK_TOPUP_LOG",
    default="warning",
    show_default=True,
    help="What is logged to standard error, for whoever looks for a fault; secrets and people are left out.",
)
def main(log_level: str) -> None:
    """Pay long lists of people through the DT One DVS API: resumable, within its rate limit, nobody twice.

    Exit codes: 0 all rows completed, 1 some did not, 2 usage, 3 the list or job file is not acceptable, a guard is
    broken or an approval is missing (nothing sent), 4 stopped by the provider (credentials, balance, no answer),
    5 another process holds the run, 75 interrupted (start again to resume).

    \b
    Example:
      bulk-topup plan sample_files/rewards.csv --product 6418
      bulk-topup run sample_files/rewards.csv --product 6418
    """
    install(logging.getLevelNamesMapping()[log_level.upper()])


for command in (
    run_command,
    plan_command,
    approve_command,
    approval_key_group,
    resume_command,
    retry_command,
    status_command,
    report_command,
    reconcile_command,
    conflict_group,
    services_command,
    countries_command,
    operators_command,
    products_command,
    promotions_command,
    campaigns_command,
    balances_command,
    lookup_group,
    transaction_group,
    sandbox_command,
    listen_command,
    ledger_group,
    pin_key_group,
):
    main.add_command(command)
