"""A number is paid once in a list, whatever products its rows get, and one that can't be looked up stops no other."""

import json
from pathlib import Path

import polars as pl
import pytest

from bulk_topup.app.catalogue import Catalogue
from bulk_topup.app.product_choice import Chooser
from bulk_topup.domain.auto_product import AutoProduct
from bulk_topup.domain.row import StagedRow
from bulk_topup.domain.sameness import mobile_key
from bulk_topup.dvs import AsyncDVS
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.clock import SystemClock


def _batch(*rows: tuple[int, str | None, str]) -> pl.DataFrame:
    staged = [
        StagedRow(
            line=line,
            identity=f"reference:{line}",
            party=None,
            state="pending" if problems == "[]" else "refused",
            cells="[]",
            problems=problems,
            product_id=line,
            credit_party=party,
            amount="1",
            unit="SGD",
            request="{}" if problems == "[]" else None,
            cost="1",
            cost_unit="USD",
            operator_id=1,
            party_key=None if party is None else mobile_key(party),
        )
        for line, party, problems in rows
    ]
    return pl.DataFrame(staged, schema=StagedRow._fields, orient="row")


@pytest.mark.anyio
@pytest.mark.parametrize("allow_duplicates", [False, True])
async def test_a_number_that_another_product_would_pay_again_is_refused_over_all_batches(
    allow_duplicates: bool, tmp_path: Path
) -> None:
    chooser = Chooser(
        catalogue=Catalogue(AsyncDVS("http://127.0.0.1:9/v1", "key", "secret"), clock=SystemClock()),
        ledger=LedgerStore(tmp_path / "ledger.db"),
        run=None,
        policy=AutoProduct(),
        mode=CalculationMode.DESTINATION_AMOUNT,
        allow_duplicates=allow_duplicates,
    )
    flagged, wrong = '[["","Line 4 already gives it.",1]]', '[["amount","Too much."]]'
    first = chooser.refuse_repeats(_batch((2, "+65", "[]"), (3, None, "[]"), (4, "+66", "[]")))
    second = chooser.refuse_repeats(
        _batch((5, None, "[]"), (6, "+65", "[]"), (7, "+66", flagged), (8, "+66", wrong), (9, "+67", "[]"))
    )
    assert first["state"].to_list() == ["pending"] * 3
    respelled = chooser.refuse_repeats(_batch((10, "+551187654321", "[]"), (11, "+5511987654321", "[]")))
    assert respelled["state"].to_list() == ["pending", "pending" if allow_duplicates else "refused"]
    refused = ["refused"] * (2 if allow_duplicates else 3)
    assert sorted(second["state"]) == ["pending"] * (5 - len(refused)) + refused
    if not allow_duplicates:
        text = "Line {} already pays {}. Remove one of them, or add --allow-duplicates."
        assert json.loads(second["problems"][1]) == [["", text.format(2, "+65"), 1]]
        assert second["problems"][2] == flagged
        assert json.loads(second["problems"][3]) == [["amount", "Too much."], ["", text.format(4, "+66"), 1]]
        assert second.row(1, named=True) | {"request": None, "cost": None, "cost_unit": None} == second.row(
            1, named=True
        )
        assert second["request"].to_list() == ["{}", None, None, None, "{}"]
