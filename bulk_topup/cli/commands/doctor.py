"""The command that checks the installation, and shows fixes."""

from pathlib import Path

import click
import cloup
from rich.console import Console
from rich.table import Table

from bulk_topup.app.doctor import (
    CheckStatus,
    Finding,
    examine_environment,
    examine_folder,
    examine_ledger,
    examine_machine,
    examine_other_ledgers,
    examine_provider,
    places_of_machine,
)
from bulk_topup.app.provider import open_client, payer_of
from bulk_topup.cli.clock import command_clock
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.event_loop import run_async
from bulk_topup.cli.options.provider import ProviderArguments, provider_options
from bulk_topup.cli.query import INTERRUPTED
from bulk_topup.cli.screens.style import escape_markup
from bulk_topup.domain.environment import ProviderOptions
from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.dvs import codec
from bulk_topup.errors import ConfigurationError, EnvironmentMismatchError, EnvironmentNotNamedError
from bulk_topup.security.redaction import redact_secrets

_STYLES = {CheckStatus.OK: "green", CheckStatus.WARN: "yellow", CheckStatus.BAD: "bold red"}


@cloup.command("doctor")
@cloup.option(
    "--report-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("reports"),
    show_default=True,
    help="Folder of the reports.",
)
@cloup.option("--json", "as_json", is_flag=True, help="Print JSON.")
@provider_options
def doctor_command(report_dir: Path, as_json: bool, provider: ProviderArguments) -> None:
    """Check what a run needs, and show fixes: credentials, connection, clock, rate limit, wallets, disk, ledger,
    and other ledgers that this user can see.

    Nothing is changed, and nothing costs money. The API credentials that are given are tested where --env says. The
    exit code is 0 without errors, 4 if DVS or the connection to it has one, 3 if the environment or credentials are
    missing, else 1.

    \b
    Example:
      bulk-topup doctor --env sandbox
    """
    with exit_on_error():
        options = provider.resolve()
        findings = [
            *examine_machine(command_clock().now()),
            *run_async(_check_provider(options), interrupted=INTERRUPTED),
            examine_folder("ledger's folder", options.ledger.parent, "--ledger"),
            *examine_ledger(options.ledger),
            examine_folder("report's folder", report_dir, "--report-dir"),
            *examine_other_ledgers(options.ledger, options.environment, places_of_machine()),
        ]
    if as_json:
        click.echo(codec.encode(_as_json(findings)))
    else:
        _show(findings)
    bad = [finding for finding in findings if finding.status is CheckStatus.BAD]
    if bad:
        raise click.exceptions.Exit(_exit_code(bad))


async def _check_provider(provider: ProviderOptions) -> list[Finding]:
    try:
        clock = command_clock()
        async with open_client(provider, clock=clock) as dvs:
            account = payer_of(provider, dvs, same_account=False).account
            findings = examine_provider(dvs, clock, is_embedded=provider.is_embedded)
            return [examine_environment(provider, account), *[finding async for finding in findings]]
    except (ConfigurationError, EnvironmentNotNamedError, EnvironmentMismatchError) as error:
        return [
            Finding(
                check="credentials", status=CheckStatus.BAD, message=redact_secrets(str(error)), is_configuration=True
            )
        ]


def _exit_code(bad: list[Finding]) -> ExitCode:
    if any(each.is_providers for each in bad):
        return ExitCode.STOPPED_BY_PROVIDER
    return ExitCode.INVALID_INPUT if any(each.is_configuration for each in bad) else ExitCode.INCOMPLETE


def _show(findings: list[Finding]) -> None:
    table = Table()
    table.add_column("check", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("result and fix", overflow="fold")
    for finding in findings:
        text = escape_markup(finding.message)
        if finding.fix:
            text += f"\n[bold]{escape_markup(finding.fix)}[/]"
        table.add_row(finding.check, f"[{_STYLES[finding.status]}]{finding.status}[/]", text)
    console = Console(emoji=False)
    console.print(table, highlight=False)
    counts = {verdict: sum(finding.status is verdict for finding in findings) for verdict in CheckStatus}
    if counts[CheckStatus.BAD] or counts[CheckStatus.WARN]:
        console.print(
            f"{_count(counts[CheckStatus.BAD], 'error')}, {_count(counts[CheckStatus.WARN], 'warning')}.",
            highlight=False,
        )
    else:
        console.print("No problems found.", highlight=False)


def _as_json(findings: list[Finding]) -> dict[str, object]:
    return {
        "ok": all(finding.status is not CheckStatus.BAD for finding in findings),
        "checks": [
            {"check": each.check, "verdict": each.status, "message": each.message, "fix": each.fix} for each in findings
        ],
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
