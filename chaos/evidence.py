"""What a scenario left behind, read from its folder: lists, report, books, outputs, exit codes; knows no bulk_topup."""

import csv
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What a scenario left behind, as read from its folder."""

    #: The lists as they were started, first to last, each a list of lines by column.
    lists: Sequence[Sequence[dict[str, str]]]
    #: The rows of the report's JSON lines, and of its CSV.
    rows: Sequence[Row]
    csv_rows: Sequence[dict[str, str]]
    summary: Row
    books: Row
    #: Texts that must not be shown, with what they are.
    secrets: dict[str, str]
    #: What was written where anybody may look: outputs and the report's files.
    texts: dict[str, str]
    #: Each start's exit code, with whether it was killed on purpose.
    exits: Sequence[Row]
    #: Files with personal data that others than their owner may read.
    public_files: Sequence[str]
    #: Whether transactions were held, and so may have been cancelled.
    holds: bool
    #: Whether the ledger was lost or went back in time, and with it what was paid for lines that had left the list.
    forgets: bool


def read_evidence(folder: Path) -> Evidence:
    """Read a scenario's folder."""
    told = json.loads((folder / "told.json").read_text())
    reports = folder / "work" / "reports"
    report = next(reports.iterdir())
    lines = (report / "results.jsonl").read_text().splitlines()
    secrets = dict.fromkeys(told["secrets"], "the API's secret")
    secrets |= dict.fromkeys(json.loads((folder / "pins.json").read_text()), "a PIN")
    texts = {str(path.relative_to(folder)): path.read_text(errors="replace") for path in folder.glob("outputs/*.txt")}
    texts["sandbox.txt"] = (folder / "provider" / "sandbox.txt").read_text(errors="replace")
    private = [*reports.rglob("*"), *(folder / "work" / "ledger").glob("*")]
    return Evidence(
        lists=[_table(path) for path in sorted(folder.glob("lists/*.csv"))],
        rows=[json.loads(line, parse_float=Decimal) for line in lines],
        csv_rows=_table(report / "results.csv"),
        summary=json.loads((report / "summary.json").read_text()),
        books=json.loads((folder / "books.json").read_text(), parse_float=Decimal),
        secrets=secrets,
        texts=texts | _report_texts(report),
        exits=[json.loads(line) for line in (folder / "exits.jsonl").read_text().splitlines()],
        public_files=[str(path) for path in private if path.is_file() and path.stat().st_mode & 0o077],
        holds=told["holds"],
        forgets=told["forgets"],
    )


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _report_texts(report: Path) -> dict[str, str]:
    texts = {}
    for path in filter(Path.is_file, report.rglob("*")):
        if path.name == "results.xlsx":
            with zipfile.ZipFile(path) as book:
                texts[path.name] = "\n".join(book.read(name).decode() for name in book.namelist())
        else:
            texts[path.name] = path.read_text(errors="replace")
    return texts
