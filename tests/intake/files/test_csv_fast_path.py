"""CSV text split into columns: any file gives the same rows as record by record."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulk_topup.domain.problems import DO_NOT_PAY
from bulk_topup.errors import ListError
from bulk_topup.intake import Formats, ListSource, read_list
from bulk_topup.intake.files import csv_file
from bulk_topup.intake.files.csv_fast_path import MAX_SPLIT_COLUMNS, columns_of
from bulk_topup.intake.files.csv_file import CsvTable

HEADERS = st.sampled_from(
    ["phone{}note{}amount", "phone{}note{}amount{}{}", "{}phone{}note", "phone", '"the phone"{}"no""te"{}phone']
)
#: Whole cells, parts of cells, and characters that some reader treats as a line end, as nothing or as a mark.
CELLS = (
    st.sampled_from(["+6595123100", "5", "", " ", "x", "'=1", "'+1", "'", " a b", "a ", "é", "\\", ",", ";", "\t"])
    | st.sampled_from(['"', '""', '"a"', '"a, b"', '"; \t"', '"\n"', '"\r\n', '" x"', '"a""b"', 'a"'])
    | st.sampled_from(["\u2028", "\x85", "\x0b\x1c", "\ufeff", "x\x01", "\x1f\x8b", "N/A", "null", "#", DO_NOT_PAY])
)
LINES = st.lists(st.lists(CELLS, max_size=5), max_size=9)


class Records:
    """A list that is read record by record."""

    def __init__(self, table: CsvTable) -> None:
        self.header, self.header_line = table.header, table.header_line
        self._table = table

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        return self._table.rows()


def _read(path: Path, *, by_record: bool, **options: Any) -> list[dict[str, Any]] | str:
    source = ListSource(path=path, **options)
    try:
        table = CsvTable(source)
        reader = read_list(
            source,
            mapping={"credit_party_identifier.mobile_number": table.header[0], "amount": table.header[-1]}
            if len(table.header) == 2
            else {},
            constants={"product_id": "1"},
            formats=Formats(),
            table=Records(table) if by_record else table,
        )
        return [row for frame in reader.batches() for row in frame.iter_rows(named=True)]
    except ListError as error:
        return str(error)


@given(
    header=HEADERS,
    lines=LINES,
    ends=st.lists(st.sampled_from(["\n", "\r\n", "\r", "\n\n"]), min_size=1, max_size=3),
    delimiter=st.sampled_from([",", ";", "\t"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]),
    chunk=st.sampled_from([1, 7, 30, csv_file.CHUNK_CHARACTERS]),
    is_ended=st.booleans(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_columns_have_the_rows_of_records(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    header: str,
    lines: list[list[str]],
    ends: list[str],
    delimiter: str,
    encoding: str,
    chunk: int,
    *,
    is_ended: bool,
) -> None:
    text = header.replace("{}", delimiter) + "\n"
    for index, cells in enumerate(lines):
        text += delimiter.join(cells) + ends[index % len(ends)]
    path = tmp_path / "pay.csv"
    path.write_bytes((text if is_ended else text[:-1]).encode(encoding, "replace"))
    monkeypatch.setattr(csv_file, "CHUNK_CHARACTERS", chunk)
    options = {"encoding": encoding, "delimiter": delimiter}
    assert _read(path, by_record=False, **options) == _read(path, by_record=True, **options)


@pytest.mark.parametrize(
    "text",
    [
        "+6595123100,5\r\n,\n\n+6595123101\n",
        "'=1, \\\n",
        '"+6595123100","5"\n"Holt, Ada",""\n',
        '+6595123100,"Ada ""the first"""\n',
    ],
)
def test_text_without_quotes_or_with_whole_cells_in_quotes_is_split(text: str) -> None:
    assert columns_of(text, 2, ",", 2) is not None


@pytest.mark.parametrize("text", ['"a\nb",5\n', '+65, "5"\n', '"+65",5\n\n', '"+65"\n', f"{'x' * 131_073},5\n"])
def test_text_whose_lines_may_not_be_records_is_left_to_the_reader_of_records(text: str) -> None:
    assert columns_of(text, 2, ",", 2) is None


@pytest.mark.parametrize("columns", [MAX_SPLIT_COLUMNS, MAX_SPLIT_COLUMNS + 1, 20_000])
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_header_may_end_in_very_many_delimiters(tmp_path: Path, columns: int, quote: str) -> None:
    blank = "," * (columns - 2)
    path = tmp_path / "pay.csv"
    path.write_text(f"phone,amount{blank}\n{quote}+6595123100{quote},5{blank}\n", encoding="utf-8")
    rows = _read(path, by_record=False)
    assert isinstance(rows, list)
    [row] = rows
    assert (row["cells"], row["amount"], row["problems"]) == ('["+6595123100","5"]', "5", [])
