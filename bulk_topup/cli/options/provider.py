"""The options of the environment that a command talks to, and of the ledger that it opens."""

from dataclasses import dataclass
from pathlib import Path

import click
import cloup

from bulk_topup.cli.options.groups import PROVIDER, collect
from bulk_topup.cli.whole_commands import save_place
from bulk_topup.domain.environment import DEFAULT_ENVIRONMENT, Environment, ProviderOptions, default_ledger
from bulk_topup.dvs.waits import DEFAULT_MAX_WAIT


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderArguments:
    """The provider options as given; None for the job's own setting, or the default."""

    environment: Environment | None
    base_url: str | None
    #: A file with the API credentials.
    credentials: Path | None
    #: Seconds to wait for a response.
    timeout: float
    #: Most seconds of all waits after HTTP 429.
    max_wait: float
    ledger: Path | None

    def resolve(self, of_job: Environment | None = None) -> ProviderOptions:
        """Return the provider options, and save them for the commands that this one proposes.

        Args:
            of_job: the environment that a job names, where the command line names none; None for none.
        """
        named = self.environment or of_job
        environment = named or DEFAULT_ENVIRONMENT
        ledger = self.ledger or default_ledger(environment)
        if not ledger.name:
            raise click.UsageError("--ledger names no file. Remove it, or name a file.")
        options = ProviderOptions(
            environment=environment,
            base_url=self.base_url,
            credentials=self.credentials,
            timeout=self.timeout,
            max_wait=self.max_wait,
            ledger=ledger,
            is_named=named is not None,
        )
        save_place(options)
        return options


def _parse_environment(_context: click.Context, _option: click.Parameter, text: str | None) -> Environment | None:
    return None if text is None else Environment(text)


provider_options = collect(
    "provider",
    ProviderArguments,
    cloup.option(
        "--env",
        "environment",
        group=PROVIDER,
        type=click.Choice([environment.value for environment in Environment]),
        callback=_parse_environment,
        help="Environment; must be named where API credentials are set.  [default: the job file's setting, or sandbox]",
    ),
    cloup.option("--base-url", group=PROVIDER, help="Another URL of the API, up to and with /v1."),
    cloup.option(
        "--credentials",
        group=PROVIDER,
        type=click.Path(dir_okay=False, path_type=Path),
        help="File with DVS_API_KEY and DVS_API_SECRET, instead of environment variables or .env.",
    ),
    cloup.option(
        "--timeout",
        group=PROVIDER,
        type=click.FloatRange(min=0.1),
        default=60.0,
        show_default=True,
        help="Seconds to wait for a response.",
    ),
    cloup.option(
        "--max-wait",
        group=PROVIDER,
        type=click.FloatRange(min=0),
        default=DEFAULT_MAX_WAIT,
        show_default=True,
        help="Most seconds to wait in all while DVS throttles (HTTP 429); a run starts over after any other response.",
    ),
    cloup.option(
        "--ledger",
        group=PROVIDER,
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="BULK_TOPUP_LEDGER",
        help="Ledger file.  [default: one per environment in the user's data folder]",
    ),
)

#: Allows a run to continue with new credentials or another URL.
same_account_option = cloup.option(
    "--same-account",
    "is_same_account",
    group=PROVIDER,
    is_flag=True,
    help="The account is the same, only its credentials or URL changed since the run was created.",
)
