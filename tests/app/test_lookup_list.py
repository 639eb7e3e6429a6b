"""A list's numbers are looked up side by side, each once, and one that can't be looked up stops no other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.app.catalogue import Catalogue
from bulk_topup.app.lookup_list import NAMED_LINES, NAMED_REASONS, ListLookup, LookedUp, RowsOfReason
from bulk_topup.domain.auto_product import AutoProduct, Subservice
from bulk_topup.dvs import AsyncDVS, DVSError
from bulk_topup.dvs.models.base import CalculationMode
from bulk_topup.errors import MappingError
from bulk_topup.intake import Formats, ListReader, ListSource, read_list
from bulk_topup.system.clock import SystemClock

pytestmark = pytest.mark.anyio


def reader_of(tmp_path: Path, header: str, *rows: str) -> ListReader:
    path = tmp_path / "list.csv"
    path.write_text("\n".join((header, *rows)) + "\n")
    return read_list(ListSource(path=path), mapping={}, constants={}, formats=Formats())


@pytest.fixture
def look_up(sandbox: Any, credentials: tuple[str, str]) -> Any:
    """Return a function that looks up a list, and returns the counts, the rows by column and the paths asked for."""

    async def run(
        reader: ListReader, policy: AutoProduct | None = None
    ) -> tuple[LookedUp, list[dict[str, str]], list[str]]:
        asked: list[str] = []
        rows: list[Sequence[str]] = []
        async with AsyncDVS(sandbox.base_url, *credentials, rate=10_000) as dvs:
            dvs.on_try = lambda _method, path, _status, _seconds: asked.append(path)
            lookup = ListLookup(
                reader=reader,
                catalogue=Catalogue(dvs, clock=SystemClock()),
                policy=policy or AutoProduct(),
                mode=CalculationMode.DESTINATION_AMOUNT,
            )
            lookup.check()
            found = await lookup.look_up(rows.append)
        return found, [dict(zip(lookup.columns, row, strict=True)) for row in rows], asked

    return run


async def test_each_number_and_each_operator_is_asked_for_once(look_up: Any, tmp_path: Path) -> None:
    reader = reader_of(tmp_path, "phone,amount,currency", *["+6595123402,5,SGD", "+6595123404,10,SGD"] * 3)
    found, rows, asked = await look_up(reader)
    assert (found.rows, found.chosen, found.problems) == (6, 6, 0)
    assert sorted(asked) == ["/lookup/mobile-number", "/lookup/mobile-number", "/products"]
    assert [row["lookup_line"] for row in rows] == ["2", "3", "4", "5", "6", "7"]
    assert rows[0] == {
        "phone": "+6595123402",
        "amount": "5",
        "currency": "SGD",
        "lookup_line": "2",
        "lookup_number": "+6595123402",
        "lookup_country": "SGP",
        "lookup_operator_id": "1310",
        "lookup_operator": "Lionwave",
        "lookup_product_id": "6418",
        "lookup_amount": "5",
        "lookup_price": "3.71",
        "lookup_price_unit": "USD",
        "lookup_candidates": "5.00 SGD for 3.71 USD (product 6418, Lionwave airtime)",
        "lookup_reason": "",
    }
    assert rows[1]["lookup_amount"] == "10"


async def test_a_row_that_cannot_be_looked_up_has_the_reason_and_stops_no_other(look_up: Any, tmp_path: Path) -> None:
    rows_of_list = (
        "+6595123402,5,SGD",
        "123,5,SGD",
        ",5,SGD",
        "+6595123110,5,SGD",
        "+6595123112,5,SGD",
        "+6595123113,5,SGD",
        "+6595123402,many,SGD",
        "+6595123402,7.77,SGD",
        "+6595123402,5,SGD",
    )
    found, rows, _ = await look_up(reader_of(tmp_path, "phone,amount,currency", *rows_of_list))
    assert (found.rows, found.chosen, found.problems) == (9, 2, 7)
    reasons = [row["lookup_reason"] for row in rows]
    assert reasons[0] == reasons[8] == ""
    assert 'Column "phone": "123" is not an E.164 number.' in reasons[1]
    assert reasons[2] == "The row has no number."
    assert "(1005003)" in reasons[3]
    assert "DVS does not know the operator of +6595123112." in reasons[4]
    assert "DVS does not know the operator of +6595123113." in reasons[5]
    assert 'Column "amount": "many" is not an amount.' in reasons[6]
    assert rows[6]["lookup_operator"] == "Lionwave"
    assert "no airtime product of 7.77 SGD. Nearest: 8.00 SGD" in reasons[7]
    assert {why: rows.lines for why, rows in found.reasons.items()} == {
        reasons[each]: [each + 2] for each in range(1, 8)
    }


async def test_without_amounts_all_products_that_may_be_chosen_are_candidates(look_up: Any, tmp_path: Path) -> None:
    found, [row], _ = await look_up(reader_of(tmp_path, "phone", "+6595123402"))
    assert (found.chosen, found.problems) == (0, 0)
    assert row["lookup_candidates"].startswith("1 to 100 SGD in steps of 0.5 (product 6418, Lionwave airtime)")
    assert row["lookup_product_id"] == row["lookup_reason"] == ""
    found, [row], _ = await look_up(reader_of(tmp_path, "phone", "+6595123403"))
    assert (found.problems, row["lookup_reason"]) == (1, "Straits Mobile has no airtime product.")
    bundles = AutoProduct(subservices=(Subservice.BUNDLE,))
    found, [row], _ = await look_up(reader_of(tmp_path, "phone", "+6595123403"), bundles)
    assert (found.problems, row["lookup_candidates"]) == (0, "8 SGD (product 6430, Straits Mobile 60 minutes)")


async def test_problems_of_other_columns_are_for_the_plan(look_up: Any, tmp_path: Path) -> None:
    reader = reader_of(tmp_path, "phone,amount,product_id", "+6595123402,5,none")
    found, [row], _ = await look_up(reader)
    assert (found.problems, row["lookup_reason"], row["product_id"]) == (0, "", "none")


async def test_several_products_are_named_and_no_problem(look_up: Any, tmp_path: Path) -> None:
    everything = AutoProduct(subservices=tuple(Subservice))
    found, [row], _ = await look_up(reader_of(tmp_path, "phone,amount", "+6595123402,5"), everything)
    assert row["lookup_candidates"]
    assert found.problems == 0


async def test_the_lists_own_columns_keep_their_names(look_up: Any, tmp_path: Path) -> None:
    _, [row], _ = await look_up(reader_of(tmp_path, "phone,lookup_reason", "+6595123402,mine"))
    assert row["lookup_reason"] == "mine"
    assert "lookup_reason_2" in row


async def test_a_list_without_numbers_is_refused_before_anything_is_asked(look_up: Any, tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="No column of the list has mobile numbers"):
        await look_up(reader_of(tmp_path, "reference", "a"))


async def test_a_failure_of_dvs_ends_the_look_up(tmp_path: Path) -> None:
    async with AsyncDVS("http://127.0.0.1:9/v1", "key", "secret") as dvs:
        lookup = ListLookup(
            reader=reader_of(tmp_path, "phone", "+6595123402"),
            catalogue=Catalogue(dvs, clock=SystemClock()),
            policy=AutoProduct(),
            mode=CalculationMode.DESTINATION_AMOUNT,
        )
        with pytest.raises(DVSError):
            await lookup.look_up(lambda _cells: None)


def test_reasons_and_their_lines_are_named_up_to_a_number_and_all_are_counted() -> None:
    found = LookedUp()
    for line in range(2, 102):
        found.note_problem(line, f"Reason {line % 20}.")
    assert found.problems == 100
    assert len(found.reasons) == NAMED_REASONS
    assert found.reasons["Reason 2."] == RowsOfReason(number=5, lines=[2, 22, 42, 62, 82])
    found.note_problem(102, "Reason 2.")
    assert found.reasons["Reason 2."].number == 6
    assert len(found.reasons["Reason 2."].lines) == NAMED_LINES
