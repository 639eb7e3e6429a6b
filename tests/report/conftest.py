"""A run and rows to report on; plainly invented persons and numbers."""

from tests.helpers.sample_run import outcome, run

__all__ = ["outcome", "run"]
