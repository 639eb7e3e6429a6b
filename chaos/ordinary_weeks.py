"""The campaign of false alarms: ordinary weeks, in which nothing may stop that should go.

    python -m chaos.ordinary_weeks

Every payment that is due has to be made once, with the exit code of an ordinary end, without a question. Offices on
several continents play the weeks by a clock that is set by hand, against a sandbox, in a process each.
"""

import heapq
import multiprocessing
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import click

from chaos.office import Office, Start
from chaos.stories import STORIES, Story

#: The machines' time zones, and the first days of the offices' weeks, all of them Mondays.
ZONES: Final = ("Europe/Berlin", "America/New_York", "Asia/Singapore", "Australia/Lord_Howe")
FIRST_DAYS: Final = (date(2026, 10, 5), date(2027, 2, 1), date(2027, 8, 2), date(2028, 1, 3))
_WEEK: Final = timedelta(days=7)


@dataclass(frozen=True, kw_only=True, slots=True)
class Weeks:
    """Weeks of one office."""

    seed: int
    zone: str
    first_day: date
    weeks: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Lived:
    """How weeks went."""

    weeks: Weeks
    starts: int
    payments: int
    #: The starts that did not end as they should; a story ends with its first.
    complaints: Sequence[str]


def live(weeks: Weeks, folder: Path, stories: Sequence[type[Story]] = STORIES) -> Lived:
    """Play the weeks of an office in this process; its folder and time zone are the office's meanwhile.

    Args:
        weeks: the weeks.
        folder: where its files go; created if it does not exist.
        stories: what happens in them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    zone = ZoneInfo(weeks.zone)
    told = [story(weeks.seed, zone) for story in stories]
    complaints: list[str] = []
    starts = payments = 0
    begin = datetime.combine(weeks.first_day, datetime.min.time(), zone).astimezone(UTC)
    with Office(folder, weeks.zone, begin) as office:
        for story, start in in_order(told, weeks, zone):
            if story not in told:
                continue
            starts += 1
            payments += len(start.pays)
            if complaint := office.play(start):
                complaints.append(f"{type(story).__name__}, seed {weeks.seed}: {complaint}")
                told.remove(story)
    return Lived(weeks=weeks, starts=starts, payments=payments, complaints=complaints)


def in_order(stories: Iterable[Story], weeks: Weeks, zone: ZoneInfo) -> Iterator[tuple[Story, Start]]:
    """Yield the starts of all stories in the order of their times; some begin days after the day that causes them."""
    waiting: list[tuple[datetime, int, Story, Start]] = []
    numbers = count()
    for each in range(weeks.weeks * 7):
        day = weeks.first_day + timedelta(days=each)
        for story in stories:
            for start in story.starts(day):
                heapq.heappush(waiting, (start.at.replace(tzinfo=zone).astimezone(UTC), next(numbers), story, start))
        next_day = datetime.combine(day + timedelta(days=1), datetime.min.time(), zone)
        while waiting and waiting[0][0] < next_day:
            yield heapq.heappop(waiting)[2:]
    while waiting:
        yield heapq.heappop(waiting)[2:]


def offices(weeks: int) -> list[Weeks]:
    """Return so many weeks, divided among the offices."""
    share, more = divmod(weeks, len(ZONES))
    return [
        Weeks(seed=seed, zone=zone, first_day=first_day, weeks=share + (seed < more))
        for seed, (zone, first_day) in enumerate(zip(ZONES, FIRST_DAYS, strict=True))
    ]


@click.command()
@click.option("--weeks", type=click.IntRange(min=1), default=200, show_default=True, help="Number of weeks.")
@click.option("--jobs", type=click.IntRange(min=1), default=2, show_default=True, help="Concurrent offices.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/ordinary-weeks"),
    show_default=True,
    help="Where to keep the offices' folders.",
)
def main(weeks: int, jobs: int, folder: Path) -> None:
    """Play ordinary weeks, and check that nothing stops that should go.

    \b
    Example:
      python -m chaos.ordinary_weeks --weeks 20
    """
    shutil.rmtree(folder, ignore_errors=True)
    began = time.monotonic()
    arguments = [(each, folder.resolve() / str(each.seed)) for each in offices(weeks)]
    with multiprocessing.get_context("spawn").Pool(jobs, maxtasksperchild=1) as pool:
        lived = pool.starmap(live, arguments, chunksize=1)
    for complaint in (each for office in lived for each in office.complaints):
        click.echo(complaint)
    wrong = sum(len(each.complaints) for each in lived)
    click.echo(
        f"{weeks} ordinary weeks, {sum(each.starts for each in lived)} starts, "
        f"{sum(each.payments for each in lived)} payments, {time.monotonic() - began:.0f} s: "
        + (f"{wrong} false alarms" if wrong else "nothing stopped that should go, and everybody was paid once")
    )
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
