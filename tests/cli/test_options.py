"""Options: their values in typed groups, and their help."""

import click
import pytest
from click.testing import CliRunner

from bulk_topup.cli import COMMANDS, main
from bulk_topup.cli.commands.run import run_command
from bulk_topup.cli.options import groups
from bulk_topup.cli.options.list import CALCULATION_MODES, JobOptions, job_options, list_argument
from bulk_topup.cli.options.payment import PaymentOptions, payment_options
from bulk_topup.cli.options.report import FORMATS
from bulk_topup.cli.options.stops import MODES
from bulk_topup.domain.callback_address import approved_address, is_safe_address, with_token
from bulk_topup.domain.environment import Environment
from bulk_topup.domain.guards import Mode
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.report import ReportFormat


def test_choices_equal_those_of_enumerations_that_are_too_heavy_to_import() -> None:
    assert set(MODES) == set(Mode)
    assert set(CALCULATION_MODES) == set(CalculationMode)
    assert tuple(ReportFormat) == FORMATS


def test_a_command_gets_typed_values_and_no_dictionary() -> None:
    seen: list[tuple[str, JobOptions, PaymentOptions]] = []

    @click.command()
    @list_argument
    @job_options
    @payment_options
    def command(list_or_job: str, given: JobOptions, payment: PaymentOptions) -> None:
        seen.append((list_or_job, given, payment))

    words = ["pay.csv", "--product", "6418", "--max-cost", "USD=5", "--canary", "3", "--rate", "7", "--env", "preprod"]
    assert CliRunner().invoke(command, words).exit_code == 0
    [(path, given, payment)] = seen
    assert (path, given.list_.product, given.stops.canary) == ("pay.csv", 6418, 3)
    assert given.stops.settings() == {"stops": {"canary": 3}}
    assert given.guards.max_cost == {"USD": 5}
    assert (payment.pace.rate, payment.provider.environment) == (7, Environment.PREPROD)


def test_the_options_of_run_are_in_named_groups_and_in_this_order() -> None:
    text = CliRunner().invoke(main, ["run", "--help"], terminal_width=120).output
    headings = [line.rstrip(":") for line in text.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert headings == [
        "List",
        "Columns",
        "Guards",
        "Pace",
        "Approval",
        "Provider",
        "Report",
        "Monitoring",
        "Other options",
    ]
    other = [option.name for option in run_command.params if getattr(option, "group", groups.LIST) is None]
    assert other == ["as_json"]


def test_a_callback_url_that_dvs_cannot_post_to_is_a_usage_error() -> None:
    result = CliRunner().invoke(main, ["run", "pay.csv", "--callback-url", "example.com/x"])
    assert result.exit_code == 2
    assert "is not a URL that DVS can post to safely" in result.stderr


@pytest.mark.parametrize(
    ("url", "is_safe"),
    [
        ("https://pay.example.com", True),
        ("https://user:pass@[2001:db8::1]:8443/dvs?a=b", True),
        ("HTTP://127.0.0.1:8443", True),
        ("http://[::1]/", True),
        ("http://localhost:80", True),
        ("http://pay.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("http://192.168.1.4", False),
        ("ftp://pay.example.com", False),
        ("https:///x", False),
        ("https://[2001:db8::1", False),
    ],
)
def test_callbacks_are_encrypted_where_they_leave_this_machine(url: str, is_safe: bool) -> None:
    assert is_safe_address(url) is is_safe


def test_an_approval_names_the_callback_address_without_its_secrets() -> None:
    assert with_token("https://pay.example.com/dvs/?a=b", "t") == "https://pay.example.com/dvs/t?a=b"
    assert approved_address("https://user:pass@pay.example.com/dvs?a=b") == "https://pay.example.com/dvs?a=b"
    assert approved_address("http://127.0.0.1:8443") == approved_address(None) == ""


@pytest.mark.parametrize("name", ["run", "resume", "retry", "plan", "reconcile"])
def test_a_command_with_many_options_groups_them(name: str) -> None:
    assert name in COMMANDS
    text = CliRunner().invoke(main, [name, "--help"]).output
    assert "\nProvider:\n" in text
    assert "\nOther options:\n" in text
