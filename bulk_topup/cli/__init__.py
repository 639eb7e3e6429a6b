"""The command line: each command parses, calls one use case, and prints."""

import logging
from typing import Any

import click

from bulk_topup.__version__ import __version__
from bulk_topup.cli.lazy_group import CommandSpec, LazyGroup
from bulk_topup.cli.standard_streams import lasting_streams
from bulk_topup.security.redaction import install_redaction


def _specs(section: str, **commands: tuple[str, str, str]) -> dict[str, CommandSpec]:
    """Return the commands of a section: module, variable and line of help by name, `_` for `-`."""
    return {
        name.replace("_", "-"): CommandSpec(
            module=f"bulk_topup.cli.commands.{module}", name=variable, help=help_, section=section
        )
        for name, (module, variable, help_) in commands.items()
    }


COMMANDS = {
    **_specs(
        "Pay",
        run=("run", "run_command", "Check, plan, submit, track and report a list; run again to resume."),
        resume=("resume", "resume_command", "Resume a run without rereading its list."),
        retry=("retry", "retry_command", "Retry failed rows of a run."),
    ),
    **_specs(
        "Prepare",
        plan=("plan", "plan_command", "Check a list and show its costs; sends nothing."),
        approve=("approve", "approve_command", "Approve another person's plan."),
        template=("template", "template_command", "Write a template: the columns that products require, with checks."),
        job=("job", "job_group", "Check, create and describe job files."),
        schedule=("schedule", "schedule_group", "Print what runs a job automatically, for cron or systemd."),
    ),
    **_specs(
        "Look",
        status=("status", "status_command", "Show the ledger's runs, or one run and what to do next."),
        report=("report", "report_command", "Write a run's report again from the ledger, in any format."),
        pin_files=("pin_files", "pin_files_command", "Write a run's PINs and eSIMs as one file a beneficiary."),
        annotate=("annotate", "annotate_command", "Add outcomes to the rows of your own workbook."),
    ),
    **_specs(
        "Repair",
        reconcile=("reconcile", "reconcile_command", "Compare list, ledger, DVS and wallets."),
        close=("close", "close_command", "Close a run: what was not sent is never sent."),
        conflict=("conflict", "conflict_group", "List and resolve rows that need review."),
        ledger=("ledger", "ledger_group", "Purge personal data of finished runs."),
    ),
    **_specs(
        "Provider",
        products=("products", "products_command", "List the account's products, or show what one requires."),
        operators=("catalogue", "operators_command", "List the operators, or show one."),
        countries=("catalogue", "countries_command", "List the countries that have products, or show one."),
        services=("catalogue", "services_command", "List the services with their subservices, or show one."),
        promotions=("catalogue", "promotions_command", "List the operators' promotions, or show one."),
        campaigns=("catalogue", "campaigns_command", "List the campaigns, or show one."),
        balances=("catalogue", "balances_command", "Show the balances of the account's wallets."),
        lookup=("lookup", "lookup_group", "Look up a number, an account or an eSIM before paying."),
        transaction=("transaction", "transaction_group", "Show, confirm or cancel DVS transactions."),
        listen=("listen", "listen_command", "Receive callbacks for the ledger's runs."),
    ),
    **_specs(
        "Set up",
        doctor=("doctor", "doctor_command", "Check the installation, and show fixes."),
        sandbox=("sandbox", "sandbox_command", "Start a local simulator of the DVS API."),
        approval_key=("approve", "approval_key_group", "Create the keys that sign approvals."),
        pin_key=("pin_key", "pin_key_group", "Manage the keys that encrypt purchased PINs."),
        completion=("completion", "completion_command", "Print the shell completion script."),
    ),
}


class _Main(LazyGroup):
    """The root group, whose help ends with the exit codes, and whose streams never fail."""

    def main(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as click's own
        """Run the command line."""
        with lasting_streams():
            return super().main(*args, **kwargs)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the exit codes, each with its sentence."""
        from bulk_topup.domain.exit_codes import ExitCode

        del ctx
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code.value), code.sentence) for code in ExitCode])


@click.group(
    cls=_Main, specs=COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120}
)
@click.version_option(__version__, package_name="bulk-topup")
@click.option(
    "--log-level",
    "log_level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    envvar="BULK_TOPUP_LOG",
    default="warning",
    show_default=True,
    help="Level of the log on standard error; secrets and personal data are redacted.",
)
def main(log_level: str) -> None:
    """Pay long lists of people through the DT One DVS API: resumable, rate limited, nobody twice.

    \b
    Example:
      bulk-topup plan sample_files/rewards.csv --product 6418
      bulk-topup run sample_files/rewards.csv --product 6418
    """
    install_redaction(logging.getLevelNamesMapping()[log_level.upper()])
