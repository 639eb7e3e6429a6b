"""The list of transactions: its window, its filters and its pages."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from bulk_topup.dvs.models.transaction import Transaction

Refused = Callable[[httpx2.Response, int, int], None]
Create = Callable[..., Transaction]
DAY = 86_400


@pytest.fixture
def listed(api: httpx2.Client, read: Callable[..., Any]) -> Callable[..., list[int]]:
    """Return a function that lists transactions and returns their IDs."""

    def ids(**filters: Any) -> list[int]:
        answer = api.get("/transactions", params=filters)
        found = [transaction.id for transaction in read("transaction", answer)]
        assert answer.headers["x-total"] == str(len(found))
        return found

    return ids


@pytest.fixture
def alone(time: Any) -> None:
    """Advance the clock until the list is empty."""
    time.advance(2 * DAY)


@pytest.mark.usefixtures("alone")
def test_without_dates_the_last_24_hours_are_listed_oldest_first(create: Create, listed: Any, time: Any) -> None:
    assert listed() == []
    first = create().id
    time.advance(DAY)
    second = create().id
    assert listed() == [first, second]
    time.advance(0.000001)
    assert listed() == [second]


@pytest.mark.usefixtures("alone")
def test_both_ends_of_the_window_are_included(create: Create, listed: Any, time: Any) -> None:
    transaction = create()
    at, step = transaction.creation_date, timedelta(microseconds=1)
    time.advance(10)
    for first, last, seen in ((at, at, True), (at - step, at, True), (at + step, at + step, False)):
        assert (listed(from_date=first.isoformat(), to_date=last.isoformat()) == [transaction.id]) == seen
    assert listed(from_date=(at - step).isoformat(), to_date=(at - step).isoformat()) == []
    assert listed(from_date=f"{at:%Y-%m-%dT%H:%M:%S.%f}000Z") == [transaction.id]
    assert listed(from_date=f"{at:%Y-%m-%dt%H:%M:%S.%f}z") == [transaction.id]
    assert listed(to_date=f"{at + timedelta(hours=8):%Y-%m-%dT%H:%M:%S.%f}+08:00") == [transaction.id]


def test_a_window_is_24_hours_at_most(api: httpx2.Client, refused: Refused) -> None:
    def window(last: str) -> httpx2.Response:
        return api.get("/transactions", params={"from_date": "2026-11-01T00:00:00Z", "to_date": last})

    assert window("2026-11-02T00:00:00Z").status_code == 200
    refused(window("2026-11-02T00:00:00.000001Z"), 400, 1000400)
    refused(window("2026-10-31T23:59:59Z"), 400, 1000400)


@pytest.mark.parametrize("year", ["0001-01-01", "9999-12-31"])
@pytest.mark.parametrize("offset", ["Z", "-14:00", "+14:00"])
@pytest.mark.parametrize("dates", [("from_date",), ("to_date",), ("from_date", "to_date")])
def test_dates_at_the_ends_of_the_calendar_are_read(
    api: httpx2.Client, year: str, offset: str, dates: tuple[str, ...]
) -> None:
    answer = api.get("/transactions", params=dict.fromkeys(dates, f"{year}T00:01:01{offset}"))
    if answer.status_code == 400:  # An offset can lead out of the calendar.
        assert "24 hours" in answer.json()["errors"][0]["message"]
        assert offset != "Z"
    else:
        assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("from_date", "2026-11-01"),
        ("from_date", "2026-11-01T00:00:00"),
        ("to_date", "2026-02-30T00:00:00Z"),
        ("to_date", "yesterday"),
        ("external_id", ""),
        ("product_type", "AIRTIME"),
        ("service_id", "0"),
        ("status_id", "COMPLETED"),
        ("country_iso_code", "Singapore"),
        ("credit_party_mobile_number", "6595123555"),
        ("credit_party_account_number", "x" * 91),
    ],
)
def test_an_invalid_filter_is_a_bad_request(api: httpx2.Client, refused: Refused, name: str, value: str) -> None:
    refused(api.get("/transactions", params={name: value}), 400, 1000400)


@pytest.mark.usefixtures("alone")
def test_an_external_id_is_found_however_old_unless_dates_exclude_it(create: Create, listed: Any, time: Any) -> None:
    transaction = create()
    time.advance(30 * DAY)
    name = transaction.external_id
    assert listed(external_id=name) == [transaction.id]
    assert listed(external_id=name, from_date=time.now().isoformat()) == []
    assert listed(external_id=name, from_date=transaction.creation_date.isoformat()) == [transaction.id]
    assert listed(external_id="somebody-else") == []


@pytest.mark.usefixtures("alone")
def test_each_filter_selects_what_it_names(create: Create, listed: Any, time: Any) -> None:
    airtime = create(6418, auto_confirm=True).id
    declined = create(3411, credit_party_identifier={"mobile_number": "+6595123102"}, auto_confirm=True).id
    card = create(8803).id
    bill = create(9105).id
    time.advance(3)
    expectations: tuple[tuple[dict[str, Any], list[int]], ...] = (
        ({"product_type": "RANGED_VALUE_RECHARGE"}, [airtime]),
        ({"product_type": "RANGED_VALUE_PAYMENT"}, [bill]),
        ({"service_id": 1}, [airtime, declined]),
        ({"service_id": 4, "subservice_id": 41}, [card]),
        ({"subservice_id": 31}, [bill]),
        ({"country_iso_code": "ECU"}, [declined]),
        ({"operator_id": 2210}, [card]),
        ({"status_id": 70000}, [airtime]),
        ({"status_id": 10000}, [card, bill]),
        ({"status_id": 90050}, [declined]),
        ({"credit_party_mobile_number": "+6595123102"}, [declined]),
        ({"credit_party_account_number": "30294429610"}, [bill]),
        ({"service_id": 1, "status_id": 70000}, [airtime]),
        ({"service_id": 1, "country_iso_code": "KEN"}, []),
    )
    assert listed() == [airtime, declined, card, bill]
    for filters, ids in expectations:
        assert listed(**filters) == ids, filters


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("filters", [{}, {"service_id": 1}])
def test_pages_contain_each_transaction_once_while_others_are_created(
    api: httpx2.Client, create: Create, filters: dict[str, int]
) -> None:
    ids = [create(3411).id for _ in range(23)]
    seen = []
    for page in range(1, 6):
        answer = api.get("/transactions", params={"page": page, "per_page": 5, **filters})
        assert answer.headers["x-total"] == str(len(ids))
        seen += [item["id"] for item in answer.json()]
        ids.append(create(3411).id)
    assert seen == ids[:25]


@pytest.mark.usefixtures("alone")
def test_a_transaction_is_the_same_in_the_list_and_alone(api: httpx2.Client, create: Create) -> None:
    transaction = create(7350)
    assert api.get("/transactions").json() == [api.get(f"/transactions/{transaction.id}").json()]
