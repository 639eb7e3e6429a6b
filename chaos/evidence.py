"""Reads the folder of a scenario: lists, report, books, outputs, exit codes; imports nothing of bulk_topup."""

import csv
import json
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """The results of a scenario."""

    #: All versions of the list, first to last, each a list of lines by column.
    lists: Sequence[Sequence[dict[str, str]]]
    #: The rows of results.jsonl and of results.csv, of all runs.
    rows: Sequence[Row]
    csv_rows: Sequence[dict[str, str]]
    summary: Row
    books: Row
    #: Texts that no output may contain, with what they are.
    secrets: dict[str, str]
    #: Outputs and the files of the report, by name.
    texts: dict[str, str]
    #: The exit code of each start, and whether it was killed on purpose.
    exits: Sequence[Row]
    #: Files with personal data that other users can read.
    public_files: Sequence[str]
    #: Whether the run is in hold mode, so that transactions may be cancelled.
    is_hold_mode: bool
    #: Whether the ledger was lost or restored, and with it the payments for lines removed from the list.
    is_ledger_lost: bool
    #: Whether several runs may have paid the list, so that one may have refused what another one paid.
    has_several_runs: bool


def read_evidence(folder: Path) -> Evidence:
    """Read the folder of a scenario."""
    facts = json.loads((folder / "facts.json").read_text())
    reports = folder / "work" / "reports"
    folders = sorted(path for path in reports.iterdir() if (path / "results.jsonl").exists())
    lines = [line for folder in folders for line in (folder / "results.jsonl").read_text().splitlines()]
    secrets = dict.fromkeys(facts["secrets"], "the API secret")
    secrets |= dict.fromkeys(json.loads((folder / "pins.json").read_text()), "a PIN")
    texts = {str(path.relative_to(folder)): path.read_text(errors="replace") for path in folder.glob("outputs/*.txt")}
    texts["sandbox.txt"] = (folder / "provider" / "sandbox.txt").read_text(errors="replace")
    private = [*reports.rglob("*"), *(folder / "work" / "ledger").glob("*")]
    return Evidence(
        lists=[_table(path) for path in sorted(folder.glob("lists/*.csv"))],
        rows=[json.loads(line, parse_float=Decimal) for line in lines],
        csv_rows=[row for folder in folders for row in _table(folder / "results.csv")],
        summary=_sum([json.loads((folder / "summary.json").read_text()) for folder in folders]),
        books=json.loads((folder / "books.json").read_text(), parse_float=Decimal),
        secrets=secrets,
        texts=texts | {name: text for folder in folders for name, text in _report_texts(folder).items()},
        exits=[json.loads(line) for line in (folder / "exits.jsonl").read_text().splitlines()],
        public_files=[str(path) for path in private if path.is_file() and path.stat().st_mode & 0o077],
        is_hold_mode=facts["is_hold_mode"],
        is_ledger_lost=facts["is_ledger_lost"],
        has_several_runs=facts["has_several_runs"],
    )


def _sum(summaries: Sequence[Row]) -> Row:
    """Return the summaries of runs as one: the counts of rows, and the money."""
    counts: Counter[str] = Counter()
    for summary in summaries:
        counts.update(summary["counts"])
    money: dict[str, dict[str, Decimal]] = {"charged": {}, "held": {}}
    for total, sums in money.items():
        for summary in summaries:
            for unit, amount in summary[total].items():
                sums[unit] = sums.get(unit, Decimal(0)) + Decimal(amount)
    return {"counts": dict(counts), **money}


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
    return {f"{report.name}/{name}": text for name, text in texts.items()}
