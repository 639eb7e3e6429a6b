"""The query plans of every statement of the ledger: none reads a whole table, with statistics or without."""

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

#: Statements that read all rows of a run, or all in one state, and when. Every other one must find its rows by an
#: index, because it runs again and again during a run.
ONCE_FOR_A_LIST = "once when a list is compared with its run or merged into it"
ONCE_FOR_AN_INVOCATION = "once when an invocation starts or ends, or when a run is displayed"
WHILE_OPEN = "reads pending or open rows only, at most once a second or a poll"
ON_REQUEST = "when a person requests it"
WHOLE_RUN = {
    "attempt_statements.ACCEPTED_SECONDS": WHILE_OPEN,
    "attempt_statements.CLAIMABLE": WHILE_OPEN,
    "attempt_statements.CLAIMABLE_CANARIES": WHILE_OPEN,
    "attempts._COUNT_PENDING": WHILE_OPEN,
    "attempts._COUNT_OUTDATED": "reads pending rows when nothing else of a run may be sent",
    "closed_runs._EARLIER": "reads open rows by index alone, once when a run is started",
    "closed_runs._EVENTS_OF_CLOSED": ON_REQUEST,
    "closed_runs._REFUSE_PENDING": ON_REQUEST,
    "conflicting_equals._CONFLICTS": ONCE_FOR_A_LIST,
    "conflicts._ATTEMPTS": ONCE_FOR_AN_INVOCATION,
    "conflicts._CONFLICTS": ON_REQUEST,
    "conflicts._COUNT": ONCE_FOR_AN_INVOCATION,
    "kept_rows._FIND": "once when one of several lists is compared with its run",
    "lacking_ids._FIRST_FAILURE": ONCE_FOR_AN_INVOCATION,
    "lacking_ids._NEVER_SENT": "when DVS lists external IDs that no ledger's row has, once when a run is resumed",
    "lacking_ids._NEWEST_OLDER": ONCE_FOR_AN_INVOCATION,
    "lacking_ids._NEXT": "reads the first pending rows alone",
    "list_comparison._COUNT_LISTED": ONCE_FOR_A_LIST,
    "other_transactions._UNCREDITED": "once for each product of rows that credit nobody, when a run is rebuilt",
    "outcomes.OUTCOMES": ONCE_FOR_AN_INVOCATION,
    "outcomes.OUTCOME_GROUPS": ONCE_FOR_AN_INVOCATION,
    "purge._ACTIVITY": ON_REQUEST,
    "purge._PURGE_ABSENCES": ON_REQUEST,
    "purge._PURGE_ATTEMPTS": ON_REQUEST,
    "purge._PURGE_EVENTS": ON_REQUEST,
    "purge._PURGE_ROWS": ON_REQUEST,
    "purge._PURGE_RUN": ON_REQUEST,
    "rebuild._FORGET_AMOUNTS": "reads pending rows once when a run is rebuilt",
    "rebuild._IDENTITIES": ONCE_FOR_A_LIST,
    "rebuild._REACHED": ONCE_FOR_A_LIST,
    "retries._CHOOSE_ANY": ONCE_FOR_AN_INVOCATION,
    "rows._COUNT_SET_ASIDE": "reads refused rows, once when a run starts or is shown",
    "rows._COUNT_SENT": ONCE_FOR_AN_INVOCATION,
    "rows._COUNT_STATES": ONCE_FOR_AN_INVOCATION,
    "rows._TOTALS": ON_REQUEST,
    "runs._IS_SENT": ONCE_FOR_AN_INVOCATION,
    "runs._SPAN": ON_REQUEST,
    "runs._UNKNOWN_UNTIL": ON_REQUEST,
    "spending._PLANNED_PRICES": "reads its first rows in list order, up to a limit",
    "spending._PENDING_COSTS": ONCE_FOR_AN_INVOCATION,
    "spending._PRICES_IN_CONFLICT": ONCE_FOR_AN_INVOCATION,
    "spending._PRICES_MET": ONCE_FOR_AN_INVOCATION,
    "spending._SPENT": ONCE_FOR_AN_INVOCATION,
    "spending._STORED": ONCE_FOR_AN_INVOCATION,
    "staged_list_statements.EVENTS_OF_CHANGED": ONCE_FOR_A_LIST,
    "staged_list_statements.EVENTS_OF_NEW": ONCE_FOR_A_LIST,
    "staged_list_statements.FIND_REMOVED": ONCE_FOR_A_LIST,
    "staged_list_statements.FIND_UNLISTED": ONCE_FOR_A_LIST,
    "staged_list_statements.HAS_ROWS": "reads the first row alone",
    "staged_list_statements.REFUSE_FAILED": ONCE_FOR_A_LIST,
    "staged_list_statements.UPDATE_FAILED": ONCE_FOR_A_LIST,
    "staged_list_statements.UPDATE_SENT": ONCE_FOR_A_LIST,
    "staged_list_statements.UPDATE_UNSENT": ONCE_FOR_A_LIST,
    "unconfirmed._SUMMARY": WHILE_OPEN,
    "uncredited_rows._LEFT": "once when a list with rows that credit nobody is compared with its run",
}
#: Statements that sort, and why that is little or necessary.
SORTING = {
    "lacking_ids._NEXT_REPLACED": "sorts rows that were corrected alone",
    "attempt_statements.ACCEPTED_SECONDS": "open rows by second and operator, once a poll",
    "attempt_statements.CLAIMABLE_CANARIES": "canaries come from all operators in turn; once before the other rows",
    "bills._ALL_ACCOUNTS": "rows of a list with bills that were asked for, once for a list",
    "bills._PAYMENTS": "payments of one account",
    "bills._SENT_BILLS": "rows of one run that pay the accounts of one batch",
    "bills._STAGED_NAMED": "rows of a list that pay accounts of which another bill was asked for, once for a list",
    "closed_runs._EARLIER": "open runs of one job are few",
    "conflicts._ATTEMPTS": ONCE_FOR_AN_INVOCATION,
    "conflicts._CONFLICTS": "conflicts are few",
    "corrections._KEEP": "rows that this invocation corrects, once for a merge",
    "corrections._KEPT": "corrections of one run, once for a list",
    "corrections._LATEST": "one entry for each run of a job that keeps corrections, once for a list",
    "corrections._UNCORRECTED": "rows of a list that were corrected before, once for a list",
    "earlier_payments._CHOSEN_CLAIMED": "the rows of one claim that other runs have paid",
    "equal_rows._NUMBER_NEW": "new rows of groups of equal rows that changed, once for a list",
    "equal_rows._PAIR_AMOUNTS": "rows of groups of equal rows that changed, once for a list",
    "equal_rows._PAIR_CELLS": "rows of groups of equal rows that changed, once for a list",
    "equal_rows._PAIR_LEFT": "rows of groups of equal rows that changed, once for a list",
    "equal_rows._PAIR_LINES": "rows of groups of equal rows that changed, once for a list",
    "equal_rows._PAIR_REQUESTS": "rows of groups of equal rows that changed, once for a list",
    "kept_rows._BESIDE": "new rows beside equal or near rows of other lists of their run, once for a list",
    "list_parts._KNOWN": "a count for each part of a run, once for a list",
    "list_parts._SHARED": "a count for each part of a run, once for a list",
    "near_rows._MEMBERS": "staged rows whose near part is repeated, once for a list",
    "observations._LATEST": "one entry for each wallet",
    "other_transactions._CREDITED": "rows of one run that pay one beneficiary the same product",
    "other_transactions._UNCREDITED": "rows of one product that credit nobody, when a run is rebuilt",
    "other_transactions._UNKNOWN": "transactions that no row's ID gives, once when a run is rebuilt",
    "payment_search._CLAIMED": "the rows of one claim",
    "payment_search._STAGED": "staged rows of one group, which share near part, amount and unit",
    "rebuild._EXPECT_SPELLED": "rows of one run that pay one beneficiary the same product",
    "repeated_payments._NEW": "one entry for each run whose payments are repeated, once for a merge",
    "repeated_payments._REPEATED": "rows of the list that are paid again on purpose, once for a list",
    "report_digests._LAST_CHANGE": "the newest events, of which it reads a bounded number",
    "respelled_rows._LEFT_PARTIES": "rows that left the list and share their near part",
    "respelled_rows._NEW_PARTIES": "new rows near to rows that left the list, once for a list",
    "respelled_rows._RESPELL_REFERENCES": "new references that equal some that left the list, once for a list",
    "staged_list_statements.REQUESTS": "staged rows in list order, once for an approval",
    "staged_list_statements.INSERT_NEW": "new rows are added in list order, once for a list",
    "staged_list_statements.VALID_GROUPS": "staged rows, once for a list of which the ledger refused some",
    "staged_list_statements.REFUSALS": "staged rows that the ledger refused, once for a list",
    "staged_list_statements.UNDECIDED_LINES": "staged rows that the ledger refused, once for a list",
    "velocity._CLAIMED": "the rows of one claim and earlier payments to their credit parties",
    "velocity._STAGED": "staged rows and earlier payments to their credit parties, once for a list",
}
#: Statements that read a whole big table after all.
WHOLE_TABLE = {
    "pin_encryption._OTHER_PINS": "after a change of the key, which has to find every PIN",
    "party_key_upgrade._COUNT_LEFT": "a partial index, empty but for rows of an earlier version",
    "party_key_upgrade._IS_LEFT": "the same",
    "party_key_upgrade._LAST": "the same",
    "party_key_upgrade._LEFT": "the same",
    "report_digests._LAST_CHANGE": "no more than the newest events, by their IDs",
    "bills._REPEAT": "SQLite reads the last event alone",
    "earlier_payments._LAST_EVENT": "SQLite reads the last event alone",
    "staged_list_statements.LAST_ROW_ID": "SQLite reads the last row alone",
}

#: SQLite's statistics of a ledger with ten runs of a million rows: entries, and entries that share the first columns.
STATISTICS = {
    "idx_rows_run_id_identity": ("rows", "10000000 1000000 1"),
    "idx_rows_run_id_line_id": ("rows", "10000000 1000000 1 1"),
    "idx_rows_run_id_state_id_in_list_attempt": ("rows", "10000000 1000000 500000 1 1 1"),
    "idx_rows_credit_party": ("rows", "10000000 10"),
    "idx_rows_party_key": ("rows", "10000000 10 10 10 1"),
    "idx_rows_without_party_key": ("rows", "1 1"),
    "idx_rows_noted": ("rows", "100 50 1"),
    "idx_rows_in_flight": ("rows", "32 1"),
    "idx_attempts_row_id_number": ("attempts", "10000000 1 1"),
    "idx_attempts_external_id": ("attempts", "10000000 1"),
    "idx_attempts_created": ("attempts", "10000000 30"),
    "idx_events_row_id_id": ("events", "40000000 4 1"),
    "idx_hints_received_at": ("hints", "100 1"),
    "idx_runs_job_run_key": ("runs", "10 5 1"),
    "idx_runs_folded_job_folded_key": ("runs", "10 5 1"),
    "idx_former_names_folded_job_folded_key": ("former_names", "10 5 1"),
    "idx_not_the_same_other": ("not_the_same", "1000 1"),
    "idx_corrections_run_id_identity": ("corrections", "1000 100 1"),
    "idx_corrections_run_id_replaced": ("corrections", "1000 100 1"),
    "idx_corrections_party_key": ("corrections", "1000 1"),
    "idx_observations_account_id": ("observations", "100 100 1"),
    "idx_repeated_payments_decided": ("repeated_payments", "1000000 100000 1 1"),
}


def _statements() -> tuple[dict[str, str], list[str]]:
    """Return the ledger's statements by module and name, and those that create the temporary tables they need."""
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
    """Yield a connection to a ledger whose query planner has these statistics."""
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
    opened.create_function("reference_key", 1, str)
    for statement in sorted(TEMPORARY, key=lambda text: "INDEX" in text.split("(")[0]):
        opened.execute(statement)
    yield opened
    opened.close()


def _tables(statement: str) -> dict[str, str]:
    """Return the tables that a statement reads by their aliases."""
    pattern = r"(?:FROM|JOIN|UPDATE|INTO)\s+((?:temp\.)?\w+)(?:\s+AS\s+(\w+))?"
    return {alias or table.removeprefix("temp."): table for table, alias in re.findall(pattern, statement)}


def _big_steps(connection: sqlite3.Connection, statement: str) -> list[tuple[str, str, str]]:
    """Return how SQLite reads big tables: scan or search, the table, and the columns of the index."""
    values: object = dict.fromkeys(re.findall(r":(\w+)", statement)) or [None] * statement.count("?")
    steps = [line[3] for line in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]  # type: ignore[arg-type]
    tables, big = _tables(statement), []
    for step in steps:
        if found := re.match(r"(SCAN|SEARCH) (\w+)\b(?! VIRTUAL)(?:.*\((.*)\))?", step):
            kind, name, by = found.groups()
            kind = "SCAN" if "AUTOMATIC" in step else kind  # such an index is built of the whole table
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
                if (
                    name in {"execute", "executemany", "executescript", "fetch_all", "iterate"}
                    and module.name != "schema"
                ):
                    text = ast.unparse(first).strip("f'\"")
                    if isinstance(first, ast.Constant | ast.JoinedStr) and not re.match(
                        r"(PRAGMA|BEGIN|COMMIT|ROLLBACK|VACUUM|SELECT count\(\*\) FROM sqlite_schema)", text
                    ):
                        inline.append(f"{module.name}: {text}")
    assert inline == []
    assert len(STATEMENTS) > 80


def test_every_index_has_statistics_here(ledger: LedgerStore) -> None:
    indexes = ledger.file.connection.execute(
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


def test_only_named_statements_read_a_whole_run(connection: sqlite3.Connection) -> None:
    found = {}
    for name, statement in STATEMENTS.items():
        steps = _big_steps(connection, statement)
        passes = [step for step in steps if step[2] in {"run_id=?", "run_id=? AND state=?"}]
        # Rows that differ from the list have a short index of their own.
        if passes and name not in WHOLE_RUN and "note <> ''" not in statement:
            found[name] = passes
    assert found == {}


def test_only_named_statements_sort(connection: sqlite3.Connection) -> None:
    sorting = {name for name, statement in STATEMENTS.items() if ("SORT", "", "") in _big_steps(connection, statement)}
    assert sorting <= set(SORTING)


def test_every_exception_here_names_a_statement() -> None:
    assert {*WHOLE_RUN, *SORTING, *WHOLE_TABLE} <= set(STATEMENTS)
