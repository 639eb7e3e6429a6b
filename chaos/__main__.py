"""The campaign as a command: `python -m chaos`."""

import sys
from pathlib import Path

import click

from chaos.campaign import describe, run_campaign
from chaos.plan import Scenario, draw_scenario, long_scenario
from chaos.play import Played, play


@click.command()
@click.option("--scenarios", type=click.IntRange(min=0), default=500, show_default=True, help="How many to play.")
@click.option(
    "--rows",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="At the end, pay a list of so many rows under random kills.",
)
@click.option("--first", type=click.IntRange(min=0), default=1, show_default=True, help="The first one's seed.")
@click.option("--jobs", type=click.IntRange(min=1), default=2, show_default=True, help="Scenarios at the same time.")
@click.option("--seed", type=click.IntRange(min=0), help="Play the scenario of this seed alone, and keep its folder.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/chaos"),
    show_default=True,
    help="Where the folders of failed scenarios are kept.",
)
def main(scenarios: int, rows: int, first: int, jobs: int, seed: int | None, folder: Path) -> None:
    """Break runs in every way that is known, and check that nobody is paid twice and nobody is forgotten.

    \b
    Example:
      python -m chaos --scenarios 50
      python -m chaos --seed 17
    """
    folder = folder.resolve()
    if seed is not None:
        click.echo(describe(draw_scenario(seed)))
        sys.exit(not _goes_well(draw_scenario(seed), folder / str(seed)))
    well = True
    if scenarios:
        drawn = map(draw_scenario, range(first, first + scenarios))
        campaign = run_campaign(drawn, folder=folder, jobs=jobs, tell=_tell)
        click.echo(campaign.summary())
        for each in campaign.failed:
            click.echo(f"To play it again: python -m chaos --seed {each.seed}    (its folder: {each.folder})")
        well = not campaign.failed
    if rows and not _goes_well(long_scenario(rows, first), folder / "long"):
        click.echo(f"To play it again: python -m chaos --scenarios 0 --rows {rows} --first {first}")
        well = False
    sys.exit(not well)


def _goes_well(scenario: Scenario, folder: Path) -> bool:
    """Play one scenario here, tell of it, and keep its folder."""
    played = play(scenario, folder)
    _tell(played)
    click.echo(f"Its folder: {folder}")
    return not played.complaints


def _tell(played: Played) -> None:
    how = "failed" if played.complaints else "well"
    click.echo(f"seed {played.seed}: {how}, {played.rows} rows, {', '.join(played.ends)}, {played.seconds:.1f} s")
    for complaint in played.complaints:
        click.echo(f"  {complaint}")


if __name__ == "__main__":
    main()
