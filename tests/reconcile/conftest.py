"""Fixtures: an attempt, and transactions of it."""

from tests.helpers.dvs_values import attempt, transaction

__all__ = ["attempt", "transaction"]
