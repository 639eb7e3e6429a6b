"""The commands of an approver: approve a plan, and create the key that signs it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import click
import cloup
from rich.console import Console

from bulk_topup.app.credentials import load_approval_secret
from bulk_topup.approvals.approval import VALID_FOR, approve, user_name
from bulk_topup.approvals.keys import Signer, load_signer, make_key, secret_signer
from bulk_topup.approvals.statement import PlanStatement, format_repetition, read_statement
from bulk_topup.cli.clock import command_clock
from bulk_topup.cli.confirmation import confirm
from bulk_topup.cli.errors import exit_on_error
from bulk_topup.cli.screens.style import escape_markup
from bulk_topup.cli.screens.tables import simple_table
from bulk_topup.domain.guards import Guards
from bulk_topup.domain.money import format_money
from bulk_topup.dvs import codec
from bulk_topup.errors import ApprovalError
from bulk_topup.system.files import atomic_write

_HOURS: Final = VALID_FOR / timedelta(hours=1)


@cloup.command("approve")
@cloup.argument("plan", metavar="PLAN", type=click.Path(dir_okay=False, path_type=Path))
@cloup.option("--key", "key_file", type=click.Path(dir_okay=False, path_type=Path), help="Sign with this private key.")
@cloup.option(
    "--hmac", "with_secret", is_flag=True, help="Sign with the secret in BULK_TOPUP_APPROVAL_SECRET (or .env)."
)
@cloup.option(
    "--hours",
    type=click.FloatRange(min=0, max=24 * 366, min_open=True),
    default=_HOURS,
    show_default=True,
    help="Hours that the approval is valid.",
)
@cloup.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of the approved plan.  [default: PLAN with .approved before its ending]",
)
@cloup.option("--yes", is_flag=True, help="Skip the confirmation prompt.")
@cloup.option("--json", "as_json", is_flag=True, help="Print the approved plan as JSON.")
def approve_command(
    plan: Path, key_file: Path | None, with_secret: bool, hours: float, output: Path | None, yes: bool, as_json: bool
) -> None:
    """Approve another person's plan, so that `run --approved` pays exactly that plan.

    PLAN is the file of `plan --output`. Check the list too: its SHA-256 is shown.

    \b
    Example:
      bulk-topup approve plan.json --key controller.key
    """
    if (key_file is None) == (not with_secret):
        raise click.UsageError("Choose --key FILE or --hmac.")
    with exit_on_error():
        statement = read_statement(plan)
        console = Console(stderr=as_json, emoji=False)
        _show(console, statement)
        approved = approve(
            statement,
            _signer(key_file),
            approver=user_name(),
            now=command_clock().now(),
            valid_for=timedelta(hours=hours),
        )
        if not yes:
            confirm("Approve this plan?", needs="Approving")
        file = output or plan.with_name(f"{plan.stem}.approved{plan.suffix}")
        try:
            with atomic_write(file) as temporary:
                temporary.write_bytes(codec.encode(approved.model_dump()) + b"\n")
        except OSError as error:
            raise ApprovalError(f"Can't write {file}: {error.strerror}. Choose another with --output.") from None
        console.print(
            f"Approved until {_time(approved.approval.valid_until)}: {escape_markup(file)}",
            highlight=False,
            soft_wrap=True,
        )
        if as_json:
            click.echo(codec.encode(approved.model_dump()))


@cloup.group("approval-key")
def approval_key_group() -> None:
    """Create the keys that sign approvals.

    \b
    Example:
      bulk-topup approval-key new --output controller.key
    """


@approval_key_group.command("new")
@cloup.option(
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of the private key; must not exist.",
)
@cloup.option("--json", "as_json", is_flag=True, help="Print JSON.")
def new_key_command(output: Path, as_json: bool) -> None:
    """Create a signing key: the private key stays with the approver, the public key goes into the job file.

    \b
    Example:
      bulk-topup approval-key new --output controller.key
    """
    with exit_on_error():
        public = make_key(output)
    if as_json:
        click.echo(codec.encode({"private_key": str(output), "public_key": public}))
        return
    click.echo(f"Private key, for the approver only: {output}")
    click.echo(f'Public key, for job files: [approval] keys = ["{public}"]')


def _signer(key_file: Path | None) -> Signer:
    return secret_signer(load_approval_secret()) if key_file is None else load_signer(key_file)


def _show(console: Console, statement: PlanStatement) -> None:
    rows = [
        ("run", f"{statement.job}/{statement.run_key}"),
        ("environment", statement.environment),
        ("account", statement.account),
        ("list", statement.list),
        ("SHA-256 of the list", statement.list_sha256),
        ("rows", statement.rows),
        *(("requested", _money(amount, unit)) for unit, amount in statement.amounts.items()),
        *(("cost", _money(cost, unit)) for unit, cost in statement.costs.items()),
        ("rows of unknown cost", statement.rows_without_known_cost),
        ("pairs not the same", statement.pairs_not_the_same),
        ("callbacks go to", statement.callback_url or "no other machine"),
        ("added to a run", "yes" if statement.is_added else "no"),
        ("corrected rows, not as in the file", statement.corrected),
        ("rows paid again", sum(each.rows for each in statement.paid_again)),
        *(("paid again", format_repetition(each)) for each in statement.paid_again),
        ("guards", Guards.model_validate_json(statement.guards).model_dump_json(exclude_defaults=True)),
        ("planned by", statement.planned_by),
        ("planned at", _time(statement.planned_at)),
    ]
    console.print(simple_table(("fact", "plan"), rows))


def _money(amount: str, unit: str) -> str:
    return format_money(Decimal(amount), unit)


def _time(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
