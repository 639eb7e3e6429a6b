"""The command line: each command parses, calls one function of the library, and prints."""

import logging

import click

from bulk_topup.__version__ import __version__
from bulk_topup.cli.lazy_group import CommandSpec, LazyGroup
from bulk_topup.security.redaction import install_redaction


def _place(module: str, name: str, help_: str) -> CommandSpec:
    return CommandSpec(module=f"bulk_topup.cli.commands.{module}", name=name, help=help_)


COMMANDS = {
    "annotate": _place("annotate", "annotate_command", "Write outcomes beside the rows of your own workbook."),
    "approval-key": _place("approve", "approval_key_group", "Make the keys that plans are approved with."),
    "approve": _place("approve", "approve_command", "Approve a plan that somebody else made."),
    "balances": _place("catalogue", "balances_command", "Show what the account's wallets hold."),
    "campaigns": _place("catalogue", "campaigns_command", "List the campaigns, or show one."),
    "completion": _place("completion", "completion_command", "Print what makes a shell complete on the Tab key."),
    "conflict": _place("conflict", "conflict_group", "List rows that a person has to look at, and say what is true."),
    "countries": _place("catalogue", "countries_command", "List the countries that have products, or show one."),
    "doctor": _place("doctor", "doctor_command", "Check key pair, clock, disk and ledger, and say what to do."),
    "job": _place("job", "job_group", "Check job files, begin one, or print what they may hold."),
    "ledger": _place("ledger", "ledger_group", "Look after the ledger: forget the people of finished runs."),
    "listen": _place("listen", "listen_command", "Receive callbacks for the ledger's runs."),
    "lookup": _place("lookup", "lookup_group", "Ask about a number, an account or an eSIM before paying."),
    "operators": _place("catalogue", "operators_command", "List the operators, or show one."),
    "pin-key": _place("pin_key", "pin_key_group", "Manage the keys that purchased PINs are encrypted with."),
    "plan": _place("plan", "plan_command", "Say what a run would do, without sending anything."),
    "products": _place("catalogue", "products_command", "List the account's products, or show what one requires."),
    "promotions": _place("catalogue", "promotions_command", "List the operators' promotions, or show one."),
    "reconcile": _place("reconcile", "reconcile_command", "Compare list, ledger, the provider's list and the wallet."),
    "report": _place("report", "report_command", "Write a run's report again from the ledger, in any format."),
    "resume": _place("resume", "resume_command", "Go on with a run as the ledger knows it."),
    "retry": _place("retry", "retry_command", "Give failed rows a new attempt."),
    "run": _place("run", "run_command", "Check, plan, submit, track and report a list; started again, resume."),
    "sandbox": _place("sandbox", "sandbox_command", "Start a simulator of the DVS API on this machine."),
    "schedule": _place("schedule", "schedule_group", "Print what starts a job by itself, for cron or systemd."),
    "services": _place("catalogue", "services_command", "List the services with their subservices, or show one."),
    "status": _place("status", "status_command", "Show the ledger's runs and their progress, or one run's totals."),
    "template": _place("template", "template_command", "Write a list's template: what products require, with checks."),
    "transaction": _place(
        "transaction", "transaction_group", "Look at the provider's transactions, confirm or cancel them."
    ),
}


@click.group(
    cls=LazyGroup, places=COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120}
)
@click.version_option(__version__, package_name="bulk-topup")
@click.option(
    "--log-level",
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
    install_redaction(logging.getLevelNamesMapping()[log_level.upper()])
