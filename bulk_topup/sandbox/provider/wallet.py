"""One currency's wallet: amounts move between available, holding and spent, and none is ever lost; touches nothing."""

from decimal import Decimal


class Wallet:
    """The balance movements of the reference; `available + holding + spent` is always what it was opened with.

    Args:
        opening: what is available at first.
    """

    __slots__ = ("available", "holding", "opening", "spent")

    def __init__(self, opening: Decimal) -> None:
        self.opening = opening
        self.available = opening
        self.holding = Decimal(0)
        self.spent = Decimal(0)

    def can_authorize(self, amount: Decimal) -> bool:
        """Tell whether that much is available."""
        return amount <= self.available

    def authorize(self, amount: Decimal) -> None:
        """Set aside an amount that is available."""
        self.available -= amount
        self.holding += amount

    def void(self, amount: Decimal) -> None:
        """Give back what was set aside."""
        self.holding -= amount
        self.available += amount

    def capture(self, amount: Decimal) -> None:
        """Spend what was set aside."""
        self.holding -= amount
        self.spent += amount

    def reverse(self, amount: Decimal) -> None:
        """Give back what was spent."""
        self.spent -= amount
        self.available += amount
