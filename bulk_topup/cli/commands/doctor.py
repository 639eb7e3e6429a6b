"""Checks an installation, and says what to do about what it finds."""

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bulk_topup.app.doctor import (
    CheckStatus,
    Finding,
    examine_folder,
    examine_ledger,
    examine_machine,
    examine_provider,
)
from bulk_topup.app.provider import open_client
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.event_loop import run_async
from bulk_topup.cli.options.provider import provider_from, provider_options
from bulk_topup.cli.screens.style import escape_markup
from bulk_topup.domain.environment import ProviderOptions
from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.dvs import codec
from bulk_topup.errors import ConfigurationError
from bulk_topup.security.redaction import redact_secrets
from bulk_topup.system.clock import SystemClock

_STYLES = {CheckStatus.OK: "green", CheckStatus.WARN: "yellow", CheckStatus.BAD: "bold red"}


@click.command("doctor")
@click.option(
    "--report-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("reports"),
    show_default=True,
    help="Where reports are to be written.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@provider_options
def doctor_command(report_dir: Path, as_json: bool, **values: Any) -> None:
    """Check what a run needs: key pair, connection, clock, rate limit, wallets, disk, ledger; and say what to do.

    Nothing is changed, and nothing is sent that costs. The exit code is 0 when nothing is bad, 4 when the provider or
    the way to it is, else 1.

    \b
    Example:
      bulk-topup doctor --env sandbox
    """
    with exit_on_error():
        provider = provider_from(values)
        findings = [
            *examine_machine(SystemClock().now()),
            *run_async(_of_provider(provider), interrupted="Interrupted before the provider's answer came."),
            examine_folder("ledger's folder", provider.ledger.parent, "--ledger"),
            *examine_ledger(provider.ledger),
            examine_folder("report's folder", report_dir, "--report-dir"),
        ]
    if as_json:
        click.echo(codec.encode(_described(findings)))
    else:
        _show(findings)
    bad = [finding for finding in findings if finding.status is CheckStatus.BAD]
    if bad:
        raise click.exceptions.Exit(ExitCode.STOPPED_BY_PROVIDER if any(each.is_providers for each in bad) else 1)


async def _of_provider(provider: ProviderOptions) -> list[Finding]:
    try:
        async with open_client(provider) as dvs:
            return [finding async for finding in examine_provider(dvs, SystemClock())]
    except ConfigurationError as error:
        return [
            Finding(check="credentials", status=CheckStatus.BAD, message=redact_secrets(str(error)), is_providers=True)
        ]


def _show(findings: list[Finding]) -> None:
    table = Table()
    table.add_column("check", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("what was found, and what to do", overflow="fold")
    for finding in findings:
        text = escape_markup(finding.message)
        if finding.fix:
            text += f"\n[bold]{escape_markup(finding.fix)}[/]"
        table.add_row(finding.check, f"[{_STYLES[finding.status]}]{finding.status}[/]", text)
    console = Console(emoji=False)
    console.print(table, highlight=False)
    counts = {verdict: sum(finding.status is verdict for finding in findings) for verdict in CheckStatus}
    if counts[CheckStatus.BAD] or counts[CheckStatus.WARN]:
        console.print(f"{counts[CheckStatus.BAD]} bad, {counts[CheckStatus.WARN]} worth a look.", highlight=False)
    else:
        console.print("All is well.", highlight=False)


def _described(findings: list[Finding]) -> dict[str, object]:
    return {
        "ok": all(finding.status is not CheckStatus.BAD for finding in findings),
        "checks": [
            {"check": each.check, "verdict": each.status, "message": each.message, "fix": each.fix} for each in findings
        ],
    }
