"""The wallet of one currency, whose amounts move between available, holding and spent; touches nothing."""

from decimal import Decimal


class Wallet:
    """The balance movements of the reference; `available + holding + spent` always equals the opening balance.

    Args:
        opening: the opening balance, all of it available.
    """

    __slots__ = ("available", "holding", "opening", "spent")

    def __init__(self, opening: Decimal) -> None:
        self.opening = opening
        self.available = opening
        self.holding = Decimal(0)
        self.spent = Decimal(0)

    def can_authorize(self, amount: Decimal) -> bool:
        """Return True if the amount is available."""
        return amount <= self.available

    def authorize(self, amount: Decimal) -> None:
        """Hold an available amount."""
        self.available -= amount
        self.holding += amount

    def void(self, amount: Decimal) -> None:
        """Release a held amount."""
        self.holding -= amount
        self.available += amount

    def capture(self, amount: Decimal) -> None:
        """Spend a held amount."""
        self.holding -= amount
        self.spent += amount

    def reverse(self, amount: Decimal) -> None:
        """Refund a spent amount."""
        self.spent -= amount
        self.available += amount
