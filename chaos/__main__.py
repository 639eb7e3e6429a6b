"""The command that runs fault tests: `python -m chaos`."""

import sys
from pathlib import Path

import click

from bulk_topup.domain.verdict import format_rows
from chaos.campaign import describe, run_campaign
from chaos.histories.campaign import play_seed, run_histories
from chaos.plan import Scenario, draw_scenario, long_scenario
from chaos.play import Played, play


@click.command()
@click.option("--scenarios", type=click.IntRange(min=0), default=300, show_default=True, help="Number of scenarios.")
@click.option(
    "--rows",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="At the end, pay a list of this many rows under random kills.",
)
@click.option(
    "--histories",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Before them, play this many histories of edits, names, backups and late requests in this process.",
)
@click.option("--history", type=click.IntRange(min=0), help="Play only the history of this seed.")
@click.option(
    "--first", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of the first scenario and history."
)
@click.option(
    "--jobs", type=click.IntRange(min=1), default=2, show_default=True, help="Concurrent scenarios or histories."
)
@click.option("--seed", type=click.IntRange(min=0), help="Play only the scenario of this seed, and keep its folder.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/chaos"),
    show_default=True,
    help="Where to keep the folders of failed scenarios.",
)
def main(
    scenarios: int,
    rows: int,
    histories: int,
    history: int | None,
    first: int,
    jobs: int,
    seed: int | None,
    folder: Path,
) -> None:
    """Break runs in every known way, and check that no payment is repeated or lost.

    \b
    Example:
      python -m chaos --scenarios 50
      python -m chaos --seed 17
      python -m chaos --scenarios 0 --histories 1000
      python -m chaos --history 17
    """
    folder = folder.resolve()
    if history is not None:
        played = play_seed(history)
        click.echo(played.text())
        sys.exit(bool(played.complaints))
    if seed is not None:
        click.echo(describe(draw_scenario(seed)))
        sys.exit(not _passes(draw_scenario(seed), folder / str(seed)))
    passed = not histories or _histories_pass(first, histories, jobs)
    if scenarios:
        drawn = map(draw_scenario, range(first, first + scenarios))
        campaign = run_campaign(drawn, folder=folder, jobs=jobs, on_played=_print_played)
        click.echo(campaign.summary())
        for each in campaign.failed:
            click.echo(f"Replay: `python -m chaos --seed {each.seed}`. Folder: {each.folder}")
        passed = passed and not campaign.failed
    if rows and not _passes(long_scenario(rows, first), folder / "long"):
        click.echo(f"Replay: `python -m chaos --scenarios 0 --rows {rows} --first {first}`")
        passed = False
    sys.exit(not passed)


def _histories_pass(first: int, count: int, jobs: int) -> bool:
    """Play histories, print those that fail, and return True if none does."""
    campaign = run_histories(first, count, jobs=jobs, on_failed=lambda failed: click.echo(failed.text()))
    click.echo(campaign.summary())
    for each in campaign.failed:
        click.echo(f"Replay: `python -m chaos --history {each.history.seed}`")
    return not campaign.failed


def _passes(scenario: Scenario, folder: Path) -> bool:
    """Play one scenario in this process, keep its folder, and return True if nothing is wrong."""
    played = play(scenario, folder)
    _print_played(played)
    click.echo(f"Folder: {folder}")
    return not played.complaints


def _print_played(played: Played) -> None:
    result = "failed" if played.complaints else "passed"
    rows = format_rows(played.rows)
    click.echo(f"Seed {played.seed}: {result}, {rows}, {', '.join(played.ends)}, {played.seconds:.1f} s")
    for complaint in played.complaints:
        click.echo(f"  {complaint}")


if __name__ == "__main__":
    main()
