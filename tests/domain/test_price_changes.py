"""What products cost in a plan beside what they cost in an earlier run."""

from bulk_topup.domain.price_changes import PlannedPrice, PricedItem, price_changes

FIVE, TEN = PricedItem(6418, "5", "SGD"), PricedItem(6418, "10", "SGD")
OTHER, THIRD = PricedItem(4455, "10", "GBP"), PricedItem(4470, "7", "USD")


def test_each_product_whose_cost_changed_is_named_once() -> None:
    before = {
        TEN: PlannedPrice("7.41", "USD"),
        FIVE: PlannedPrice("3.71", "USD"),
        OTHER: PlannedPrice("13.05", "USD"),
        THIRD: PlannedPrice("7.00", "USD"),
    }
    now = {
        PricedItem(6418, "7", "SGD"): PlannedPrice("9", "USD"),
        FIVE: PlannedPrice("3.9", "USD"),
        TEN: PlannedPrice("8", "USD"),
        OTHER: PlannedPrice("11", "EUR"),
        THIRD: PlannedPrice("7", "USD"),
    }
    changes = price_changes("bonus/may", before, now)
    assert [str(change) for change in changes] == [
        "Product 4455, 10.00 GBP: 11.00 EUR, 13.05 USD in run bonus/may.",
        "Product 6418, 5.00 SGD: 3.90 USD, 3.71 USD in run bonus/may (+5.12 %).",
    ]
    assert changes[1].as_json() == {
        "run": "bonus/may",
        "product_id": 6418,
        "amount": "5",
        "unit": "SGD",
        "cost_before": "3.71",
        "cost_unit_before": "USD",
        "cost": "3.9",
        "cost_unit": "USD",
    }


def test_a_product_that_was_free_has_no_share() -> None:
    [change] = price_changes("bonus/may", {FIVE: PlannedPrice("0", "USD")}, {FIVE: PlannedPrice("1", "USD")})
    assert str(change) == "Product 6418, 5.00 SGD: 1.00 USD, 0.00 USD in run bonus/may."


def test_nothing_changed_where_nothing_was_planned_before() -> None:
    assert price_changes("bonus/may", {}, {FIVE: PlannedPrice("1", "USD")}) == ()
