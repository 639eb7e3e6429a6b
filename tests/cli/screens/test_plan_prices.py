"""The lines of a plan about changed prices."""

from bulk_topup.cli.screens.plan_prices import price_lines
from bulk_topup.domain.price_changes import PlannedPrice, PriceChange, PricedItem


def _change(product_id: int) -> PriceChange:
    item = PricedItem(product_id, "5", "SGD")
    return PriceChange(run="bonus/may", item=item, before=PlannedPrice("3", "USD"), now=PlannedPrice("3.3", "USD"))


def test_a_few_products_are_named_and_the_others_counted() -> None:
    assert [*price_lines(())] == []
    named = [*price_lines([_change(number) for number in range(5)])]
    assert len(named) == 5
    assert named[1] == (
        "  [yellow]Price changed. Product 1, 5.00 SGD: 3.30 USD, 3.00 USD in run bonus/may (+10.00 %).[/]"
    )
    assert [*price_lines([_change(number) for number in range(6)])][5:] == [
        "  [yellow]1 more product has other prices than in run bonus/may.[/]"
    ]
    assert "3 more products have" in [*price_lines([_change(number) for number in range(8)])][-1]
