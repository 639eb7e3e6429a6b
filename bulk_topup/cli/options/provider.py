"""The options that say which provider a command talks to, and which ledger it opens."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from bulk_topup.domain.environment import Environment, ProviderOptions, default_ledger

F = TypeVar("F", bound=Callable[..., Any])


def provider_options(command: F) -> F:
    """Add the options that say which provider a command talks to."""
    for decorate in (
        click.option(
            "--ledger",
            type=click.Path(dir_okay=False, path_type=Path),
            envvar="BULK_TOPUP_LEDGER",
            help="The ledger file.  [default: one per environment in the user's data folder]",
        ),
        click.option(
            "--timeout",
            type=click.FloatRange(min=0.1),
            default=60.0,
            show_default=True,
            help="Seconds to wait for an answer.",
        ),
        click.option(
            "--credentials",
            type=click.Path(dir_okay=False, path_type=Path),
            help="File with DVS_API_KEY and DVS_API_SECRET, instead of the environment or .env.",
        ),
        click.option("--base-url", help="Another address of the API, up to and with /v1."),
        click.option(
            "--env",
            "environment",
            type=click.Choice([environment.value for environment in Environment]),
            help="Where to pay; production must be named.  [default: sandbox, or what the job file says]",
        ),
    ):
        command = decorate(command)
    return command


def provider_from(values: dict[str, Any], fallback: Environment = Environment.SANDBOX) -> ProviderOptions:
    """Take the provider options out of a command's values."""
    environment = Environment(values.pop("environment") or fallback)
    ledger = values.pop("ledger") or default_ledger(environment)
    if not ledger.name:
        raise click.UsageError("--ledger names no file; leave it out, or name one.")
    return ProviderOptions(
        environment=environment,
        base_url=values.pop("base_url"),
        credentials=values.pop("credentials"),
        timeout=values.pop("timeout"),
        ledger=ledger,
    )
