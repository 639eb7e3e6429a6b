"""Help and documentation show the one table of exit codes."""

from click.testing import CliRunner

from bulk_topup.cli import main
from bulk_topup.domain.exit_codes import ExitCode
from checks.exit_codes import BEGIN, PAGES, table, with_table


def test_the_pages_have_the_table_as_it_is_written() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert text.count(BEGIN) == 1
        assert with_table(text) == text, "Write it again: python -m checks.exit_codes"


def test_another_table_is_replaced() -> None:
    page = PAGES[0].read_text(encoding="utf-8")
    assert with_table(page.replace("| 75 |", "| 76 |")) == page


def test_the_table_has_every_code_with_its_sentence() -> None:
    for code in ExitCode:
        assert f"| {code.value} | `{code.name}` | {code.sentence} | {code.next_step} |" in table().splitlines()


def test_the_help_has_every_code_with_its_sentence() -> None:
    help_ = " ".join(CliRunner().invoke(main, ["--help"], terminal_width=120).stdout.split())
    for code in ExitCode:
        assert f" {code.value} {code.sentence}" in help_
