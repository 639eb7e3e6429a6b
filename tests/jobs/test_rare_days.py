"""Days of a schedule that some months lack are found; ranges and * mean the days that a month has."""

import pytest

from bulk_topup.jobs.rare_days import months_without
from bulk_topup.jobs.schedule import Schedule


@pytest.mark.parametrize(
    ("at", "named"),
    [
        ("0 17 31 * *", "lack day 31 (February, April, June, September and November)"),
        ("0 17 15,30 * *", "lack day 30 (February)"),
        ("0 17 29 * *", "lack day 29 (February)"),
        ("0 17 29,31 1,2,4 *", "lack day 29 (February) and day 31 (February and April)"),
    ],
)
def test_a_single_day_that_some_months_lack_is_named_with_them(at: str, named: str) -> None:
    found = months_without(Schedule(at=at))
    assert found is not None
    assert named in found
    assert "use 28, or 1, the first of the next month" in found


@pytest.mark.parametrize("at", ["0 17 28 * *", "0 17 28-31 * *", "0 17 * * *", "0 17 */2 * *", "0 17 31 1,3,12 *"])
def test_other_schedules_are_run_in_all_their_months(at: str) -> None:
    assert months_without(Schedule(at=at)) is None
