"""The options that several commands share, and the values that they make of them."""

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import click

from bulk_topup.cli.options.guards import guard_options, guards_from
from bulk_topup.cli.options.stops import stop_options, stops_from
from bulk_topup.cli.options.times import day
from bulk_topup.domain.guards import Guards
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.errors import JobError
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.list_pattern import escape_pattern
from bulk_topup.jobs.load import load_job, make_job
from bulk_topup.jobs.schedule import Schedule
from bulk_topup.system.clock import SystemClock

F = TypeVar("F", bound=Callable[..., Any])

#: Lines that one command names at most.
MAX_LINES = 1_000_000

#: An example of each option that states a value for a field.
_PAIRS: dict[str | None, str] = {"columns": "amount=Salary", "constants": "product_id=6418"}

_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}


def list_options(command: F) -> F:
    """Add the argument and the options that say what a list is, how it is meant, and what a run is allowed."""
    for decorate in (
        click.option(
            "--corrections",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Rows of the run that did not complete, corrected in the file that its report wrote.",
        ),
        click.argument("list_or_job", metavar="LIST|JOB", type=click.Path(path_type=Path)),
    ):
        command = decorate(command)
    return list_settings(command)


def list_settings(command: F) -> F:
    """Add the options that say how a list is meant, and what a run is allowed."""
    command = guard_options(stop_options(command))
    for decorate in (
        click.option(
            "--today",
            callback=day,
            metavar="DATE",
            help="The day that {today} stands for in a job file, to make up for a start.  [default: today, here]",
        ),
        click.option(
            "--skip-refused", is_flag=True, default=None, help="Pay the accepted rows although others are refused."
        ),
        click.option(
            "--allow-duplicates", is_flag=True, default=None, help="Pay a credit party more than once with one product."
        ),
        click.option(
            "--calculation-mode",
            type=click.Choice([mode.value for mode in CalculationMode]),
            help="Whether amounts are what is received or what is charged.  [default: DESTINATION_AMOUNT]",
        ),
        click.option("--decimal-mark", type=click.Choice([".", ","]), help="Decimal mark of amounts.  [default: .]"),
        click.option("--default-country", metavar="CC", help="Country of numbers without +, e.g. SG."),
        click.option(
            "--delimiter",
            type=click.Choice(list(_DELIMITERS)),
            help="CSV: what separates cells.  [default: as the header shows]",
        ),
        click.option("--encoding", help="CSV: e.g. latin-1.  [default: UTF-8, or UTF-16 with a byte order mark]"),
        click.option("--sheet", help="XLSX: which sheet.  [default: the only one with cells]"),
        click.option(
            "--constant",
            "constants",
            metavar="FIELD=VALUE",
            multiple=True,
            callback=_pairs,
            help="The same value in every row; repeatable.",
        ),
        click.option(
            "--map",
            "columns",
            metavar="FIELD=COLUMN",
            multiple=True,
            callback=_pairs,
            help="The column of a field; repeatable.",
        ),
        click.option(
            "--product",
            type=click.IntRange(min=1),
            help="The product of every row; else the list needs a column product_id.",
        ),
        click.option(
            "--run-key", help="Name of the run; a new name pays again.  [default: the list's file name without ending]"
        ),
    ):
        command = decorate(command)
    return command


def job_from(values: dict[str, Any]) -> tuple[Job, Path]:
    """Take the list options out of a command's values: a job, and the folder where its list's path begins.

    A file that ends in .toml is a job; what the command line states wins over it.

    Raises:
        JobError: the job file is not acceptable.
    """
    path: Path = values.pop("list_or_job")
    delimiter = values.pop("delimiter")
    stated = {
        "run_key": values.pop("run_key"),
        "product": values.pop("product"),
        "sheet": values.pop("sheet"),
        "encoding": values.pop("encoding"),
        "delimiter": _DELIMITERS[delimiter] if delimiter else None,
        "default_country": values.pop("default_country"),
        "decimal_mark": values.pop("decimal_mark"),
        "calculation_mode": values.pop("calculation_mode"),
        "allow_duplicates": values.pop("allow_duplicates"),
        "skip_refused": values.pop("skip_refused"),
        "environment": values.get("environment"),
        "rate": values.pop("rate", None),
        "concurrency": values.pop("concurrency", None),
    }
    given = {name: value for name, value in stated.items() if value is not None}
    columns, constants = values.pop("columns"), values.pop("constants")
    guards = stops_from(values)
    if path.suffix.lower() == ".toml":
        job = load_job(path)
        guards |= guards_from(values, job)
        merged = _merge(job.model_dump(), {**given, **guards, "columns": columns, "constants": constants})
        return make_job(merged, f"The job file {path} with what the command line states"), path.parent
    guards |= guards_from(values, Guards())
    literal = {name: _escaped(value) if name == "run_key" else value for name, value in given.items()}
    bare = {
        "list": _escaped(escape_pattern(str(path))),
        "columns": columns,
        "constants": constants,
        **literal,
        **guards,
    }
    return make_job(bare, "What the command line states"), Path()


def start_of(values: dict[str, Any], schedule: Schedule | None) -> date:
    """Take the day that dates are filled in with out of a command's values: the one named, that of what is due, or now.

    Unless it is named, it is the machine's own: a start by hand and one by the schedule, which cron takes in that zone
    too, are for the same day, and so for the same run. What is due gives the command the deadline of its schedule,
    where it states none.

    Raises:
        JobError: nothing is due.
    """
    stated: date | None = values.pop("today", None)
    is_scheduled = values.pop("is_scheduled", False)
    if not is_scheduled:
        return stated or SystemClock().now().astimezone()
    if stated is not None:
        raise click.UsageError("--scheduled takes the day of the schedule; leave out --today.")
    if schedule is None:
        raise JobError("The job has no [schedule], so nothing says what is due; leave out --scheduled.")
    due = schedule.due(SystemClock().now())
    if schedule.deadline is not None:
        values["deadline"] = values["deadline"] or due.at + schedule.sending_window
    return due.wall


def _merge(job: dict[str, Any], stated: dict[str, Any]) -> dict[str, Any]:
    """Lay what the command line states over a job; of a table only the keys that it names are replaced."""
    merged = dict(job)
    for key, value in stated.items():
        below = merged.get(key)
        merged[key] = {**below, **value} if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def parse_lines(_context: click.Context, _option: click.Parameter, text: str | None) -> frozenset[int]:
    """Read line numbers and ranges: `5,7-9`."""
    lines: set[int] = set()
    for part in (text or "").replace(" ", "").split(","):
        match = re.fullmatch(r"([0-9]{1,8})(?:-([0-9]{1,8}))?", part)
        if part and not match:
            raise click.BadParameter(f'"{part}" is not a line or a range of lines; write it like 5,7-9.')
        if match:
            named = range(int(match[1]), int(match[2] or match[1]) + 1)
            if len(lines) + len(named) > MAX_LINES:
                raise click.BadParameter(f"More than {MAX_LINES} lines are named; choose by --status instead.")
            lines.update(named)
    return frozenset(lines)


def _pairs(_context: click.Context, option: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, mark, value = text.partition("=")
        if not mark or not name.strip() or not value:
            raise click.BadParameter(f'"{text}" is not {option.metavar}; write it like {_PAIRS[option.name]}.')
        pairs[name.strip()] = value
    return pairs


def _escaped(text: str) -> str:
    if "{" in text or "}" in text:
        raise click.UsageError(
            f'"{text}": braces are for the templates of job files; name the file or run without them.'
        )
    return text
