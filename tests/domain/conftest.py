"""Values that the tests of the terms share."""

from tests.helpers.dvs_values import attempt, transaction
from tests.helpers.sample_run import outcome, run

__all__ = ["attempt", "outcome", "run", "transaction"]
