"""Decides how far back a job's runs are compared with other runs: its period, stated or by schedule and key; pure."""

from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from bulk_topup.domain.earlier_payments import ComparisonPolicy
from bulk_topup.domain.period import Period
from bulk_topup.jobs.date_templates import render_dates, template_pattern
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.schedule import Schedule
from bulk_topup.system.time_zones import machine_zone_name

#: A leap year's days and those of the next two years: every gap between two days of a schedule occurs in them.
_DAYS: Final = tuple(date(2024, 1, 1) + timedelta(days=each) for each in range(3 * 365 + 1))
#: The longest time without a change of the key for each period, in days.
_LONGEST: Final = ((1, "day"), (7, "week"), (31, "month"), (92, "quarter"), (366, "year"))


def comparison_policy(job: Job, *, is_scheduled: bool, now: datetime) -> ComparisonPolicy:
    """Return how far back a run of a job is compared with other runs.

    Args:
        job: the job, its dates rendered.
        is_scheduled: whether its schedule starts it.
        now: when it is first started, in UTC.
    """
    template = job.run_key_template
    zone = job.time_zone or machine_zone_name()
    today = now.astimezone(None if zone is None else ZoneInfo(zone)).date()
    return ComparisonPolicy(
        period=(job.period or default_period(job.schedule, template)),
        period_keys=None if template is None else template_pattern(template),
        is_scheduled=is_scheduled,
        beside=job.beside,
        any_product=job.auto_product is not None,
        time_zone=zone,
        day=None if job.is_bare_list or job.day is None else min(job.day, today).isoformat(),
    )


def default_period(schedule: Schedule | None, run_key: str | None) -> str:
    """Return the period of a job that names none: the longer one of its schedule and of its run key, else once.

    Args:
        schedule: when it is due; None for a job without a schedule.
        run_key: its run key as a template; None for a job without one.
    """
    found = []
    if schedule is not None:
        # A little less, so that the last due time is in the period before.
        found.append(Period.of_length(_shortest_gap(schedule) * 9 / 10))
    keys = [render_dates(run_key or "", day) for day in _DAYS]
    changes = [index for index, (one, next_) in enumerate(pairwise(keys)) if one != next_]
    if changes:
        longest = max((after - before for before, after in pairwise(changes)), default=len(_DAYS))
        found += [Period(name) for limit, name in _LONGEST if longest <= limit][:1]
    return max(found, key=lambda period: period.length or timedelta.max, default=Period.once()).name


def _shortest_gap(schedule: Schedule) -> timedelta:
    times = schedule.times
    minutes = [hour * 60 + minute for hour in times.hours for minute in times.minutes]
    gaps = [later - earlier for earlier, later in pairwise(minutes)]
    days = [day for day in _DAYS if times.is_on(day)]
    over_night = 24 * 60 - minutes[-1] + minutes[0] - 24 * 60
    gaps += [(later - earlier).days * 24 * 60 + over_night for earlier, later in pairwise(days)]
    return timedelta(minutes=min(gaps, default=366 * 24 * 60))
