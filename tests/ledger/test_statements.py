"""How SQLite goes about every statement of the ledger: none reads a whole table, with statistics or without."""

import ast
import importlib
import pkgutil
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from bulk_topup import ledger as package
from bulk_topup.ledger import LedgerStore

#: Tables with a row for each row, attempt or event of every run.
BIG = {"rows", "attempts", "events"}

#: Statements that pass over all of a run's rows, or all in one state, and when. What is not here must find what it
#: wants, because it runs again and again while a run is on.
ONCE_FOR_A_LIST = "once when a list is compared with its run or merged into it"
ONCE_FOR_A_START = "once when a run starts, ends or is looked at"
WHILE_OPEN = "passes over what waits or is open only, at most once a second or a poll"
BY_A_PERSON = "when a person asks for it"
WHOLE_RUN = {
    "statements.CHOOSE_RETRIES": ONCE_FOR_A_START,
    "statements.COUNT_ATTEMPTED": ONCE_FOR_A_START,
    "statements.COUNT_STATES": ONCE_FOR_A_START,
    "statements.OUTCOMES": ONCE_FOR_A_START,
    "statements.OUTCOME_GROUPS": ONCE_FOR_A_START,
    "statements.PENDING_COSTS": ONCE_FOR_A_START,
    "statements.PRICES_MET": ONCE_FOR_A_START,
    "statements.HAS_ROWS": "looks at the first row alone",
    "statements.SPENT": ONCE_FOR_A_START,
    "totals._STORED": ONCE_FOR_A_START,
    "rebuild._IS_SENT": ONCE_FOR_A_START,
    "statements.EVENTS_OF_CHANGED": ONCE_FOR_A_LIST,
    "statements.EVENTS_OF_NEW": ONCE_FOR_A_LIST,
    "statements.FIND_GONE": ONCE_FOR_A_LIST,
    "statements.FIND_UNLISTED": ONCE_FOR_A_LIST,
    "statements.REFUSE_FAILED": ONCE_FOR_A_LIST,
    "statements.UPDATE_FAILED": ONCE_FOR_A_LIST,
    "statements.UPDATE_SENT": ONCE_FOR_A_LIST,
    "statements.UPDATE_UNSENT": ONCE_FOR_A_LIST,
    "rebuild._IDENTITIES": ONCE_FOR_A_LIST,
    "statements.ACCEPTED_SECONDS": WHILE_OPEN,
    "statements.CLAIMABLE": WHILE_OPEN,
    "statements.CLAIMABLE_CANARIES": WHILE_OPEN,
    "statements.HOLDING": WHILE_OPEN,
    "statements.WAITING": WHILE_OPEN,
    "comparison._ROWS": BY_A_PERSON,
    "comparison._SPAN": BY_A_PERSON,
    "purge._ACTIVITY": BY_A_PERSON,
    "purge._PURGE_ATTEMPTS": BY_A_PERSON,
    "purge._PURGE_EVENTS": BY_A_PERSON,
    "purge._PURGE_ROWS": BY_A_PERSON,
    "purge._PURGE_RUN": BY_A_PERSON,
    "conflicts._CONFLICTS": BY_A_PERSON,
}
#: Statements that sort, and why that is little or cannot be helped.
SORTING = {
    "comparison._OBSERVED": "one entry for each wallet",
    "report_digests._LAST_CHANGE": "the newest events, of which it reads a bounded number",
    "conflicts._CONFLICTS": "conflicts are few",
    "statements.CLAIMABLE_CANARIES": "canaries go by turns; once before the run goes on",
    "statements.ACCEPTED_SECONDS": "open rows by the second and operator, once a poll",
    "statements.HELD": "staged rows that are held, once for a list",
    "statements.INSERT_NEW": "new rows join in list order, once for a list",
    "totals._REQUESTS": "staged rows in list order, once for an approval",
    "velocity._CLAIMED": "the rows of one claim and the earlier payments to their people",
    "velocity._STAGED": "staged rows and the earlier payments to their people, once for a list",
}
#: Statements that read a whole big table after all.
WHOLE_TABLE = {
    "report_digests._LAST_CHANGE": "no more than the newest events, by their ids",
    "pin_encryption._OTHERWISE_SEALED": "after a change of the key, which has to find every PIN",
    "statements.LAST_ROW_ID": "SQLite looks at the last row alone",
}

#: What SQLite knows of a ledger with ten runs of a million rows: entries, and entries that share the first columns.
STATISTICS = {
    "idx_rows_run_id_identity": ("rows", "10000000 1000000 1"),
    "idx_rows_run_id_line_id": ("rows", "10000000 1000000 1 1"),
    "idx_rows_run_id_state_id_in_list_attempt": ("rows", "10000000 1000000 500000 1 1 1"),
    "idx_rows_credit_party": ("rows", "10000000 10"),
    "idx_rows_noted": ("rows", "100 50 1"),
    "idx_rows_in_flight": ("rows", "32 1"),
    "idx_attempts_row_id_number": ("attempts", "10000000 1 1"),
    "idx_attempts_external_id": ("attempts", "10000000 1"),
    "idx_attempts_created": ("attempts", "10000000 30"),
    "idx_events_row_id_id": ("events", "40000000 4 1"),
    "idx_hints_received_at": ("hints", "100 1"),
    "idx_runs_job_run_key": ("runs", "10 5 1"),
    "idx_observations_account_id": ("observations", "100 100 1"),
}


def _statements() -> tuple[dict[str, str], list[str]]:
    """Give the ledger's statements by module and name, and those that make the temporary tables they need."""
    texts: dict[str, str] = {}
    for module in pkgutil.iter_modules(package.__path__):
        for name, value in vars(importlib.import_module(f"{package.__name__}.{module.name}")).items():
            if isinstance(value, str):
                texts[f"{module.name}.{name}"] = value
    found = {key: text for key, text in texts.items() if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", text)}
    whole = {
        key: text
        for key, text in found.items()
        if not any(text in other and text != other for other in found.values())  # a part of other ones
    }
    return whole, [text for text in texts.values() if re.match(r"\s*CREATE (TEMP|INDEX)\b", text)]


STATEMENTS, TEMPORARY = _statements()


@pytest.fixture(params=["no statistics", "statistics of millions"])
def connection(request: pytest.FixtureRequest, ledger: LedgerStore, path: Path) -> Iterator[sqlite3.Connection]:
    """Open a ledger whose planner knows of its tables what it is told."""
    ledger.close()
    opened = sqlite3.connect(path)
    if request.param == "statistics of millions":
        opened.execute("ANALYZE")
        opened.execute("DELETE FROM sqlite_stat1")
        values = [(table, index, figures) for index, (table, figures) in STATISTICS.items()]
        opened.executemany("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", values)
        opened.commit()
        opened.close()
        opened = sqlite3.connect(path)
    for statement in TEMPORARY:
        opened.execute(statement)
    yield opened
    opened.close()


def _tables(statement: str) -> dict[str, str]:
    """Give the tables that a statement reads by the names that it calls them."""
    pattern = r"(?:FROM|JOIN|UPDATE|INTO)\s+((?:temp\.)?\w+)(?:\s+AS\s+(\w+))?"
    return {alias or table.removeprefix("temp."): table for table, alias in re.findall(pattern, statement)}


def _big_steps(connection: sqlite3.Connection, statement: str) -> list[tuple[str, str, str]]:
    """Give how SQLite reads big tables: whether it scans, the table, and what it finds entries by."""
    values: object = dict.fromkeys(re.findall(r":(\w+)", statement)) or [None] * statement.count("?")
    steps = [line[3] for line in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]  # type: ignore[arg-type]
    tables, big = _tables(statement), []
    for step in steps:
        if found := re.match(r"(SCAN|SEARCH) (\w+)\b(?! VIRTUAL)(?:.*\((.*)\))?", step):
            kind, name, by = found.groups()
            if (table := tables.get(name, name)) in BIG:
                big.append((kind, table, by or ""))
        elif "FOR ORDER BY" in step or "FOR RIGHT PART OF ORDER BY" in step:
            big.append(("SORT", "", ""))
    return big


def test_every_statement_has_a_name_so_that_none_escapes_this_test() -> None:
    inline = []
    for module in pkgutil.iter_modules(package.__path__):
        path = Path(str(package.__file__)).with_name(f"{module.name}.py")
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                first, name = node.args[0], node.func.attr
                if name in {"execute", "executemany", "executescript", "_all", "_each"} and module.name != "schema":
                    text = ast.unparse(first).strip("f'\"")
                    if isinstance(first, ast.Constant | ast.JoinedStr) and not re.match(
                        r"(PRAGMA|BEGIN|COMMIT|ROLLBACK|VACUUM|SELECT count\(\*\) FROM sqlite_schema)", text
                    ):
                        inline.append(f"{module.name}: {text}")
    assert inline == []
    assert len(STATEMENTS) > 80


def test_every_index_has_statistics_here(ledger: LedgerStore) -> None:
    indexes = ledger._connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND name NOT LIKE '%migrations%'"
    )
    assert {row["name"] for row in indexes} == set(STATISTICS)


def test_no_statement_reads_a_whole_table(connection: sqlite3.Connection) -> None:
    found = {}
    for name, statement in STATEMENTS.items():
        steps = _big_steps(connection, statement)
        scans = [step for step in steps if step[0] == "SCAN" or (step[0] == "SEARCH" and step[2] in {"", "rowid>?"})]
        if scans and name not in WHOLE_TABLE:
            found[name] = scans
    assert found == {}


def test_only_statements_that_are_named_pass_over_a_whole_run(connection: sqlite3.Connection) -> None:
    found = {}
    for name, statement in STATEMENTS.items():
        steps = _big_steps(connection, statement)
        passes = [step for step in steps if step[2] in {"run_id=?", "run_id=? AND state=?"}]
        # The rows that the list contradicts have an index of their own, which is short.
        if passes and name not in WHOLE_RUN and "note <> ''" not in statement:
            found[name] = passes
    assert found == {}


def test_only_statements_that_are_named_sort(connection: sqlite3.Connection) -> None:
    sorting = {name for name, statement in STATEMENTS.items() if ("SORT", "", "") in _big_steps(connection, statement)}
    assert sorting <= set(SORTING)


def test_what_is_allowed_here_is_still_there() -> None:
    assert {*WHOLE_RUN, *SORTING, *WHOLE_TABLE} <= set(STATEMENTS)
