"""Days of a schedule that some months do not have; pure."""

from calendar import monthrange
from typing import Final

from bulk_topup.jobs.schedule import Schedule

#: A year without a 29th of February, as most are.
_COMMON_YEAR: Final = 2027
_MONTHS: Final = (
    "",
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def months_without(schedule: Schedule) -> str | None:
    """Return a warning about single days that some of a schedule's months lack; None if there are none.

    Ranges such as 28-31, and `*`, mean the days that a month has.

    Args:
        schedule: when the job is run.
    """
    parts = schedule.at.split()[2].split(",")
    singles = {int(part) for part in parts if part.isdigit()}
    months = schedule.times.months
    lacking = {day: [month for month in months if day > monthrange(_COMMON_YEAR, month)[1]] for day in sorted(singles)}
    found = [
        f"day {day} ({_list([_MONTHS[month] for month in without])})" for day, without in lacking.items() if without
    ]
    if not found:
        return None
    return (
        f"some months lack {_list(found)}, and the job is not run in them; use 28, or 1, the first of the next month, "
        "on which {today} is in that next month"
    )


def _list(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
