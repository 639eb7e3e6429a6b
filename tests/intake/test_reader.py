"""Lists as frames: batches, lines, problems, constants, and that each row is there once."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulk_topup.domain.currency_signs import AMOUNT_SIGN
from bulk_topup.domain.problems import DO_NOT_PAY
from bulk_topup.errors import ListError, MappingError
from bulk_topup.intake import BATCH_ROWS, CONSTANT, Formats, ListReader

Read = Callable[..., list[dict[str, Any]]]
OpenList = Callable[..., ListReader]

MOBILE = "credit_party_identifier.mobile_number"


def test_a_reader_has_the_lists_columns_and_their_fields(open_list: OpenList, tmp_path: Path) -> None:
    path = tmp_path / "pay.csv"
    path.write_text(" Employee ID ,Name,Tel,Amount,,\nE-1,Ada,+6595123100,5,,\n", encoding="utf-8")
    reader = open_list(path, mapping={MOBILE: "tel"}, constants={"product_id": "6418"})
    assert reader.columns == ("Employee ID", "Name", "Tel", "Amount")
    assert reader.mapped == ("reference", "product_id", "amount", MOBILE)
    assert [reader.column_of(field) for field in reader.mapped] == ["Employee ID", CONSTANT, "Amount", "Tel"]
    [frame] = reader.batches()
    assert dict(frame.schema) == {
        "line": pl.Int64,
        "cells": pl.String,
        "problems": pl.List(pl.Struct(dict.fromkeys(("column", "message", "kind", "instead"), pl.String))),
        **dict.fromkeys([*reader.mapped, AMOUNT_SIGN], pl.String),
    }
    assert frame.row(0, named=True) == {
        "line": 2,
        "cells": '["E-1","Ada","+6595123100","5"]',
        "problems": [],
        "reference": "E-1",
        "product_id": "6418",
        "amount": "5",
        AMOUNT_SIGN: None,
        MOBILE: "+6595123100",
    }


@pytest.mark.parametrize("rows", [1, BATCH_ROWS - 1, BATCH_ROWS, BATCH_ROWS + 1, 2 * BATCH_ROWS + 3])
def test_every_row_is_read_once_and_in_order_whatever_the_batches(
    open_list: OpenList, tmp_path: Path, rows: int
) -> None:
    path = tmp_path / "pay.csv"
    path.write_text("id,phone\n" + "".join(f"E-{row},+6595123100\n" for row in range(rows)), encoding="utf-8")
    reader = open_list(path)
    for _ in range(2):  # a reader can be read again
        frames = list(reader.batches())
        assert [frame.height for frame in frames[:-1]] == [BATCH_ROWS] * (len(frames) - 1)
        assert 0 < frames[-1].height <= BATCH_ROWS
        assert pl.concat(frames)["line"].to_list() == list(range(2, rows + 2))
        assert pl.concat(frames)["reference"].to_list() == [f"E-{row}" for row in range(rows)]


def test_problems_of_a_row_are_together_and_do_not_affect_other_rows(read: Read) -> None:
    rows = read("phone,amount,Sender phone\n+6595123100,5,\n6595123101,5 pounds,12\n+6595123102,,\n")
    assert [len(row["problems"]) for row in rows] == [0, 3, 0]
    assert [problem["column"] for problem in rows[1]["problems"]] == ["amount", "phone", "Sender phone"]
    assert (rows[1]["amount"], rows[1][MOBILE]) == (None, None)
    assert (rows[2]["amount"], rows[2][MOBILE]) == (None, "+6595123102")


def test_the_same_problem_in_many_rows_is_reported_for_each(read: Read) -> None:
    rows = read("phone,amount\n" + "6595123100,x\n+6595123100,5\n" * 3)
    assert [len(row["problems"]) for row in rows] == [2, 0] * 3


def test_cells_beyond_the_header_are_a_problem_and_kept(read: Read) -> None:
    rows = read("phone,amount\n+6595123100,12,50\n+6595123101,5,,\n+6595123102\n")
    assert [json.loads(row["cells"]) for row in rows] == [
        ["+6595123100", "12", "50"],
        ["+6595123101", "5"],
        ["+6595123102", ""],
    ]
    assert rows[0]["problems"] == [
        {
            "column": "",
            "message": "The row has 3 cells, but the header 2. "
            "Put quotes around cells that contain a delimiter or a decimal comma.",
            "kind": "row_shape",
            "instead": None,
        }
    ]
    assert [row["problems"] for row in rows[1:]] == [[], []]


@pytest.mark.parametrize("header", ["phone,,amount", "phone,amount,"])
def test_a_value_in_a_column_without_a_name_is_an_error(read: Read, header: str) -> None:
    index = header.split(",").index("")
    row = [["+6595123100", "5"], ["+6595123101", "5"]]
    row[0].insert(index, " ")
    row[1].insert(index, "here")
    text = "\n".join([header, *(",".join(cells) for cells in row)])
    with pytest.raises(ListError, match=rf"pay\.csv line 3: column {index + 1} has a value here, but no name"):
        read(text)


def test_an_empty_column_without_a_name_is_ignored(read: Read) -> None:
    [row] = read("phone,,amount,\n+6595123100, ,5,\n")
    assert (row["amount"], row["problems"]) == ("5", [])


@pytest.mark.parametrize("text", ["phone,amount", "phone,amount\n", "phone,amount\n\n,\n \t,\u00a0\u200b\n"])
def test_a_list_without_rows_is_an_error(read: Read, text: str) -> None:
    with pytest.raises(ListError, match=r"pay\.csv has a header, but no rows"):
        read(text)


def test_a_row_whose_reason_forbids_its_payment_is_refused(read: Read) -> None:
    rows = read(
        f"phone,reason\n+6595123100,Not paid. It was declined.\n+6595123101,{DO_NOT_PAY} it was not sent yet.\n"
    )
    assert rows[0]["problems"] == []
    assert rows[1]["problems"] == [
        {
            "column": "reason",
            "message": "This row must not be paid by a list, see its reason. Remove the row.",
            "kind": "duplicate",
            "instead": None,
        }
    ]


def test_constants_are_normalised_as_cells_are(read: Read) -> None:
    constants = {"product_id": " 06418 ", "amount": "5,50", "sender.mobile_number": "9512 3100"}
    formats = Formats(default_country="SG", decimal_mark=",")
    [row] = read("phone\n95123101\n", constants=constants, formats=formats)
    assert (row["product_id"], row["amount"], row["sender.mobile_number"]) == ("6418", "5.5", "+6595123100")
    assert row[MOBILE] == "+6595123101"


def test_each_field_is_normalised_in_its_own_way(read: Read) -> None:
    header = "phone;product;currency;amount;due date;sender nationality;beneficiary first name;purchaser id"
    [row, empty] = read(
        f"{header}\n0065 9512-3100;06418;sgd;05.50;2026-11-30; sgp ; Ada  Maria;AB-12345678\n;;;;;;;x\n"
    )
    assert {field: row[field] for field in row if field not in {"line", "cells", AMOUNT_SIGN}} == {
        "problems": [],
        "product_id": "6418",
        "amount": "5.5",
        "currency": "SGD",
        MOBILE: "+6595123100",
        "sender.nationality_country_iso_code": "SGP",
        "beneficiary.first_name": "Ada  Maria",
        "statement_identifier.due_date": "2026-11-30",
        "additional_identifier.purchaser_id": "AB-12345678",
    }
    assert [empty[field] for field in row if "." in field] == [None, None, None, None, "x"]


@pytest.mark.parametrize(
    ("constant", "expected"),
    [
        ("5 SGD", 'The constant of field amount is invalid: "5 SGD" is more than a number'),
        ("=2+3", 'The constant of field amount is invalid: "=2+3" is a formula'),
        (" ", "The constant of field amount is empty. Give it a value, or remove it."),
    ],
)
def test_an_invalid_constant_is_an_error_before_anything_is_read(
    open_list: OpenList, tmp_path: Path, constant: str, expected: str
) -> None:
    path = tmp_path / "pay.csv"
    path.write_text("phone\n+6595123100\n", encoding="utf-8")
    with pytest.raises(MappingError) as caught:
        open_list(path, constants={"amount": constant})
    assert expected in str(caught.value)


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["+6595123100", "6595123100", "", "x", "=1"]),
            st.sampled_from(["5", "5.50", "5,5", "", "#N/A", "0"]),
            st.lists(st.sampled_from(["", "z"]), max_size=2),
        ),
        min_size=1,
        max_size=12,
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_a_field_is_null_exactly_where_its_cell_is_empty_or_has_a_problem(
    read: Read, rows: list[tuple[str, str, list[str]]]
) -> None:
    text = "id;phone;amount\n"
    text += "".join(
        f"E-{index};{';'.join((phone, amount, *more))}\n" for index, (phone, amount, more) in enumerate(rows)
    )
    frame = read(text)
    assert [row["reference"] for row in frame] == [f"E-{index}" for index in range(len(rows))]
    for row, (phone, amount, more) in zip(frame, rows, strict=True):
        columns = {problem["column"] for problem in row["problems"]}
        assert (row[MOBILE] is None) == (not phone or "phone" in columns)
        assert (row["amount"] is None) == (not amount or "amount" in columns)
        assert ("" in columns) == any(more)


def test_a_mark_of_direction_hides_a_name_from_the_first_two_versions_alone(read: Read) -> None:
    text = "\u200eid,phone\n7,\u202a+6595123100\u202c\n"
    assert read(text)[0]["reference"] == "7"
    for version in (1, 2):
        [row] = read(text, formats=Formats(version=version))
        assert "reference" not in row
        assert row[MOBILE] == "+6595123100"
