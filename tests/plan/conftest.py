"""Invented products and frames of normalised rows, as intake returns them."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl
import pytest

from bulk_topup.domain import fields
from bulk_topup.dvs.models.product import PRODUCT, Product
from bulk_topup.plan import PlanOptions
from tests.helpers.checked_rows import CheckedRow, RowChecker

FIXED_ID = 4520
RANGED_ID = 6418
PIN_ID = 7000

COMMON: dict[str, Any] = {
    "name": "Invented product",
    "service": {"id": 1, "name": "Mobile"},
    "operator": {"id": 1596, "name": "Invented operator", "country": {"name": "Singapore", "iso_code": "SGP"}},
    "required_credit_party_identifier_fields": [["mobile_number"]],
    "rates": {"base": "1.25", "wholesale": "1.3"},
}
FIXED: dict[str, Any] = {
    **COMMON,
    "id": FIXED_ID,
    "type": "FIXED_VALUE_RECHARGE",
    "source": {"unit_type": "CURRENCY", "unit": "USD", "amount": "3.6"},
    "destination": {"unit_type": "CURRENCY", "unit": "SGD", "amount": "5"},
    "prices": {"wholesale": {"unit_type": "CURRENCY", "unit": "USD", "amount": "3.6", "fee": "0.1"}},
}
RANGED: dict[str, Any] = {
    **COMMON,
    "id": RANGED_ID,
    "type": "RANGED_VALUE_RECHARGE",
    "source": {"unit_type": "CURRENCY", "unit": "USD", "amount": {"min": "1", "max": "80"}},
    "destination": {"unit_type": "CURRENCY", "unit": "SGD", "amount": {"min": "1", "max": "100"}},
    "prices": {"wholesale": {"unit_type": "CURRENCY", "unit": "USD", "fee": "0"}},
}

MakeProduct = Callable[..., Product]
MakeFrame = Callable[..., pl.DataFrame]
Check = Callable[..., list[CheckedRow]]


@pytest.fixture(scope="session")
def fixed() -> MakeProduct:
    """Return a function that creates a product of 5 SGD for 3.60 USD and a fee of 0.10 USD, with given changes."""
    return lambda **changes: PRODUCT.validate_python({**FIXED, **changes})


@pytest.fixture(scope="session")
def ranged() -> MakeProduct:
    """Return a function that creates a product of 1 to 100 SGD, with given changes."""
    return lambda **changes: PRODUCT.validate_python({**RANGED, **changes})


@pytest.fixture(scope="session")
def pin() -> Product:
    """A voucher without a credit party."""
    changes = {"id": PIN_ID, "type": "FIXED_VALUE_PIN_PURCHASE", "required_credit_party_identifier_fields": None}
    return PRODUCT.validate_python({**FIXED, **changes})


@pytest.fixture(scope="session")
def frame() -> MakeFrame:
    """Return a function that creates a frame of rows, the first on line 2, with a column for every field of any row."""

    def make(
        *rows: Mapping[str, str | None], first_line: int = 2, problems: Sequence[Any] | None = None
    ) -> pl.DataFrame:
        names = list(dict.fromkeys(name for row in rows for name in row))
        values: dict[str, Any] = {
            "line": list(range(first_line, first_line + len(rows))),
            "cells": [json.dumps(list(row.values())) for row in rows],
            "problems": problems or [[] for _ in rows],
            **{name: [row.get(name) for row in rows] for name in names},
        }
        problem = pl.List(pl.Struct({"column": pl.String, "message": pl.String}))
        schema: dict[str, Any] = {"line": pl.Int64, "cells": pl.String, "problems": problem}
        schema |= dict.fromkeys(names, pl.String)
        return pl.DataFrame(values, schema=schema)

    return make


@pytest.fixture(scope="session")
def check(frame: MakeFrame) -> Check:
    """Return a function that checks rows of one product, which they need not have, with columns named like fields."""

    def run(
        product: Product | None, *rows: Mapping[str, str | None], options: PlanOptions | None = None
    ) -> list[CheckedRow]:
        product_id = product.id if product else FIXED_ID
        filled = [{fields.PRODUCT_ID: str(product_id), **row} for row in rows]
        columns = {name: f"its {name}" for row in filled for name in row}
        checker = RowChecker({product_id: product}, columns, options or PlanOptions())
        return checker.check(frame(*filled))

    return run
