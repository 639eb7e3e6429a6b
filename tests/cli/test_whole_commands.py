"""Commands that a text proposes: whole, so that pasting one goes to the same place."""

from collections.abc import Callable
from pathlib import Path

import click
import pytest

from bulk_topup.cli import main
from bulk_topup.cli.options.provider import ProviderArguments
from bulk_topup.cli.whole_commands import whole_command, with_whole_commands
from bulk_topup.domain.environment import Environment

Resolve = Callable[..., None]


@pytest.fixture
def resolve() -> Resolve:
    """Return a function that resolves the provider options of a command."""

    def call(
        environment: Environment | None = None, *, of_job: Environment | None = None, **given: str | Path | None
    ) -> None:
        values = {"base_url": None, "credentials": None, "ledger": None, **given}
        ProviderArguments(environment=environment, timeout=60, max_wait=60, **values).resolve(of_job)  # type: ignore[arg-type]

    return call


@pytest.fixture(autouse=True)
def _context() -> object:
    with click.Context(main) as context:
        yield context


def test_a_command_gets_the_place_of_this_one(resolve: Resolve) -> None:
    resolve(None, of_job=Environment.PREPROD, credentials=Path("my account.env"), ledger=Path("l.db"))
    place = "--env preprod --credentials 'my account.env' --ledger l.db"
    assert with_whole_commands("Run `bulk-topup doctor`, or not.") == f"Run `bulk-topup doctor {place}`, or not."
    assert whole_command("bulk-topup reconcile --rebuild LIST") == f"bulk-topup reconcile --rebuild LIST {place}"


def test_a_command_gets_only_options_that_it_takes_and_lacks(resolve: Resolve) -> None:
    resolve(Environment.PREPROD, ledger=Path("l.db"))
    assert whole_command("bulk-topup pin-key rotate") == "bulk-topup pin-key rotate --ledger l.db"
    for text in (
        "bulk-topup approve plan.json",
        "bulk-topup --help",
        "bulk-topup pin-key new",
        "bulk-topup status 'no end",
        "bulk-topup resume a/b --env preprod",
        "bulk-topup resume a/b --env production --ledger other.db",
        "bulk-topup unknown",
    ):
        assert whole_command(text) == text
        assert with_whole_commands(f"`{text}`") == f"`{text}`"


def test_a_command_about_a_run_gets_the_credentials_of_its_environment(resolve: Resolve) -> None:
    resolve(Environment.PREPROD, credentials=Path("account.env"), base_url="https://dvs.example/v1")
    assert whole_command("bulk-topup retry a/b --env preprod").endswith("a/b --env preprod --credentials account.env")
    other = "bulk-topup retry a/b --env production"
    assert whole_command(other) == other


def test_an_environment_that_nobody_named_is_not_named(resolve: Resolve) -> None:
    assert whole_command("bulk-topup doctor") == "bulk-topup doctor"
    resolve()
    assert whole_command("bulk-topup doctor") == "bulk-topup doctor"
    resolve(Environment.SANDBOX)
    assert whole_command("bulk-topup doctor") == "bulk-topup doctor --env sandbox"
