"""The command that checks the installation, and shows fixes."""

import secrets
from pathlib import Path

import click
import cloup
from rich.console import Console
from rich.text import Text

from bulk_topup.app.doctor import (
    CheckStatus,
    Finding,
    ProbeReport,
    check_may_probe,
    examine_environment,
    examine_folder,
    examine_ledger,
    examine_machine,
    examine_other_ledgers,
    examine_provider,
    places_of_machine,
    probe_provider,
)
from bulk_topup.app.provider import open_client, payer_of
from bulk_topup.cli.clock import command_clock
from bulk_topup.cli.crash import record_start
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.event_loop import run_async
from bulk_topup.cli.notices import show_notices
from bulk_topup.cli.options.provider import ProviderArguments, provider_options
from bulk_topup.cli.query import INTERRUPTED
from bulk_topup.cli.screens.probe import probe_json, show_probe
from bulk_topup.cli.screens.style import escape_markup, printable_cell
from bulk_topup.cli.screens.tables import simple_table
from bulk_topup.cli.whole_commands import with_whole_commands
from bulk_topup.domain.environment import ProviderOptions
from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.dvs import codec
from bulk_topup.errors import ConfigurationError, EnvironmentMismatchError, EnvironmentNotNamedError
from bulk_topup.security.redaction import redact_secrets
from bulk_topup.system.files import atomic_write

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
@cloup.option(
    "--probe",
    "is_probe",
    is_flag=True,
    help="Check what is believed of DVS instead, with transactions of test numbers; never in production.",
)
@cloup.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("probe-report.json"),
    show_default=True,
    help="File of the probe's report, to send to us: no secrets, no people.",
)
@provider_options
def doctor_command(report_dir: Path, as_json: bool, is_probe: bool, output: Path, provider: ProviderArguments) -> None:
    """Check what a run needs, and show fixes: credentials, connection, clock, rate limit, wallets, disk, ledger,
    and other ledgers that this user can see.

    Nothing is changed, and nothing costs money. The API credentials that are given are tested where --env says. The
    exit code is 0 without errors, 4 if DVS or the connection to it has one, 3 if the environment or credentials are
    missing, else 1. With --probe it is 1 if DVS is otherwise than believed; docs/probe.md lists each belief.

    \b
    Example:
      bulk-topup doctor --env sandbox
      bulk-topup doctor --probe --env preprod
    """
    if is_probe:
        _probe(provider, output, as_json=as_json)
        return
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


def _probe(provider: ProviderArguments, output: Path, *, as_json: bool) -> None:
    """Probe a test environment, write the report, and exit with 1 if a belief is contradicted."""
    with exit_on_error():
        options = provider.resolve()
        check_may_probe(options)
        report = run_async(_probe_provider(options), interrupted=INTERRUPTED)
        body = codec.encode(probe_json(report, options.environment))
        try:
            with atomic_write(output) as temporary:
                temporary.write_bytes(body + b"\n")
        except OSError as error:
            raise ConfigurationError(
                f"Can't write {output}: {error.strerror}. Choose another file with --output."
            ) from None
    console = Console(stderr=as_json, emoji=False)
    show_probe(console, report)
    console.print(f"Report written to {escape_markup(str(output))}", highlight=False, soft_wrap=True)
    if as_json:
        click.echo(body)
    if report.differences:
        raise click.exceptions.Exit(ExitCode.INCOMPLETE)


async def _probe_provider(provider: ProviderOptions) -> ProbeReport:
    clock = command_clock()
    async with open_client(provider, clock=clock) as dvs:
        show_notices(dvs, clock)
        record_start()
        return await probe_provider(dvs, clock, nonce=secrets.token_hex(6))


async def _check_provider(provider: ProviderOptions) -> list[Finding]:
    try:
        clock = command_clock()
        async with open_client(provider, clock=clock) as dvs:
            show_notices(dvs, clock)
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
    rows = []
    for finding in findings:
        text = Text(printable_cell(finding.message))
        if finding.fix:
            text.append(f"\n{printable_cell(with_whole_commands(finding.fix))}", style="bold")
        rows.append((finding.check, Text(finding.status, style=_STYLES[finding.status]), text))
    table = simple_table(("check", "status", "result and fix"), rows, unbroken=("check", "status"))
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
            {
                "check": each.check,
                "verdict": each.status,
                "message": each.message,
                "fix": with_whole_commands(each.fix),
            }
            for each in findings
        ],
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
