"""The command that tries the tests: `python -m mutants`."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from mutants.campaign import draw_mutants, try_mutants
from mutants.results import Results, count_possible, describe, read_equivalents, table
from mutants.targets import TARGETS

ROOT = Path(__file__).parents[1]


@click.command()
@click.option(
    "--part", "parts", multiple=True, type=click.Choice([target.name for target in TARGETS]), help="Only that."
)
@click.option("--minutes", type=click.FloatRange(min=0), default=20, show_default=True, help="No error is begun later.")
@click.option("--all", "tries_all", is_flag=True, help="Try every error, however long it takes.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Draws the errors.")
@click.option("--jobs", type=click.IntRange(min=1), default=2, show_default=True, help="Errors at the same time.")
def main(parts: Sequence[str], minutes: float, tries_all: bool, seed: int, jobs: int) -> None:
    """Try whether the tests notice deliberate errors in copies of the safety core.

    \b
    Example:
      python -m mutants --part identity --all
    """
    targets = [target for target in TARGETS if not parts or target.name in parts]
    drawn = draw_mutants(ROOT, targets, seed)
    possible = count_possible(drawn)
    results = {target.name: Results(target=target, possible=possible[target.name]) for target in targets}
    equivalents = read_equivalents(Path(__file__).with_name("equivalent.toml"))
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        trials = try_mutants(
            ROOT,
            Path(folder),
            drawn,
            jobs=jobs,
            seconds=None if tries_all else minutes * 60,
            report=lambda text: click.echo(text, err=True),
        )
        try:
            for target, trial in trials:
                before = len(results[target.name].missed)
                results[target.name].add(trial, equivalents)
                if len(results[target.name].missed) > before:
                    click.echo(describe(trial))
        except subprocess.CalledProcessError as error:
            click.echo(error.stdout.decode(errors="replace"), err=True)
            raise click.ClickException("The tests can't be run. Mend them first.") from error
    click.echo(f"\n{table(results.values())}")
    if not all(each.is_reached for each in results.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
