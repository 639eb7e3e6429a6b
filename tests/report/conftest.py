"""A run and rows to report on; plainly invented persons and numbers."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from tests.reported import COMPLETED, RUN


@pytest.fixture(scope="session")
def run() -> Run:
    return RUN


@pytest.fixture(scope="session")
def outcome() -> Callable[..., Outcome]:
    """Give a function that makes a completed row, changed as its arguments say."""

    def make(**changes: object) -> Outcome:
        return replace(COMPLETED, **changes)  # type: ignore[arg-type]

    return make
