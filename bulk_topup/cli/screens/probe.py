"""A probe of a test environment on a terminal, and as the file that a user can send."""

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from bulk_topup.__version__ import __version__
from bulk_topup.app.doctor import ProbeReport
from bulk_topup.cli.screens.style import escape_markup
from bulk_topup.cli.screens.tables import simple_table
from bulk_topup.domain.environment import Environment

_AGREEMENT = {True: "[green]as believed[/]", False: "[bold red]otherwise[/]", None: "[yellow]not checked[/]"}


def probe_json(report: ProbeReport, environment: Environment) -> dict[str, object]:
    """Return a probe as plain JSON values: nothing of the account, of people or of credentials."""
    return {
        "version": __version__,
        "environment": environment.value,
        "findings": [each.as_json() for each in report.findings],
        "shapes": report.shapes,
    }


def show_probe(console: Console, report: ProbeReport) -> None:
    """Show a probe as a table, the beliefs that were contradicted first."""
    findings = sorted(report.findings, key=lambda each: each.agrees is not False)
    rows = [(each.belief.sentence, Text.from_markup(_AGREEMENT[each.agrees]), each.seen) for each in findings]
    table = simple_table(("belief", "agreement", "what was seen"), rows)
    console.print(table, highlight=False)
    for line in _stops(report):
        console.print(line, highlight=False, soft_wrap=True)
    number, beliefs = report.differences, len(report.findings)
    verb = "differs" if number == 1 else "differ"
    text = f"{number} of {beliefs} beliefs {verb}." if number else "No checked belief differs."
    console.print(text, highlight=False)


def _stops(report: ProbeReport) -> Iterator[str]:
    for name, text in report.shapes.items():
        if name.startswith("stopped"):
            yield f"[bold yellow]{escape_markup(name.capitalize())}:[/] {escape_markup(str(text))}"
