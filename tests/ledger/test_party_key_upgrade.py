"""Ledgers of earlier versions get the keys of their rows' beneficiaries, however often the upgrade is interrupted."""

import json
import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.domain.sameness import account_key, mobile_key, reference_key, renewed_account_key
from bulk_topup.ledger import LedgerStore, party_key_upgrade
from tests.helpers.checked_rows import CheckedRow
from tests.helpers.earlier_ledgers import (
    WITHOUT_DELIVERIES,
    WITHOUT_ESIMS,
    WITHOUT_KEPT_ANSWERS,
    WITHOUT_STATEMENTS,
)

KEYS = "SELECT party_key FROM rows ORDER BY id"
INDEX = "SELECT count(*) FROM sqlite_schema WHERE name = 'idx_rows_party_key'"


@pytest.fixture
def old_ledger(path: Path, row: Callable[..., CheckedRow], start: Callable[..., Any]) -> Path:
    """A ledger whose rows have no keys yet: of a mobile number, of a bill, of a card, and of a refused row."""
    bill = {
        "product_id": 7,
        "credit_party_identifier": {"account_number": "0012 3", "account_qualifier": "PREPAID"},
        "statement_identifier": {"reference": "B-1"},
    }
    rows = [
        row(1),
        row(2, request=json.dumps(bill).encode()),
        row(3, identity="reference:GC-001", request=b'{"product_id":9}'),
        row(4, refused="no amount"),
    ]
    with LedgerStore(path) as ledger:
        start(ledger, rows)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE rows SET party_key = NULL")
        connection.execute("DROP INDEX idx_rows_party_key")
    return path


def _fetch(path: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute(statement)]


@pytest.mark.parametrize(
    "number", ["+6595123001", "+551187654321", "+5215512345678", "+5491155550000", "+541155550000", "+5255", "12"]
)
def test_sqlite_fills_in_only_numbers_that_are_their_own_keys(old_ledger: Path, number: str) -> None:
    with closing(sqlite3.connect(old_ledger)) as connection, connection:
        request = json.dumps({"credit_party_identifier": {"mobile_number": number}})
        connection.execute("UPDATE rows SET request = ? WHERE id = 1", [request])
    LedgerStore(old_ledger).close()
    assert _fetch(old_ledger, KEYS)[0] == mobile_key(number)


EXPECTED = [mobile_key("+6595123001"), account_key("00123", "prepaid", "b-1"), reference_key("gc-001"), None]


def test_rows_of_an_earlier_version_get_their_keys(old_ledger: Path) -> None:
    LedgerStore(old_ledger).close()
    assert _fetch(old_ledger, KEYS) == EXPECTED
    assert _fetch(old_ledger, INDEX) == [1]


def test_keys_of_references_are_renewed(old_ledger: Path) -> None:
    """In an earlier version, `GC-001` and `GC-1` were not near; pairs that are kept have to have today's keys."""
    LedgerStore(old_ledger).close()
    earlier = "reference:gc001\tgc-001"
    with closing(sqlite3.connect(old_ledger)) as connection, connection:
        connection.execute("UPDATE rows SET party_key = ? WHERE id = 3", [earlier])
        connection.execute("INSERT INTO not_the_same VALUES (?, 'reference:h01', 'two cards', 'ann', '')", [earlier])
        connection.execute("DROP TABLE corrections")
        connection.execute("DROP INDEX idx_repeated_payments_decided")
        for column in ("known_until", "more"):
            connection.execute(f"ALTER TABLE repeated_payments DROP COLUMN {column}")
        connection.execute("DELETE FROM _sqlite_migrations WHERE name = '0019_covered_payments'")
    with LedgerStore(old_ledger) as ledger:
        [pair] = ledger.not_the_same.find(reference_key("GC-001"))
        assert (pair.key, pair.other, pair.reason) == (reference_key("GC-001"), reference_key("H01"), "two cards")
    assert _fetch(old_ledger, KEYS) == EXPECTED
    assert EXPECTED[2] == "reference:gc1\tgc-001"


def test_an_upgrade_continues_where_it_was_interrupted(old_ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(party_key_upgrade, "_LAST", party_key_upgrade._LAST.replace(str(party_key_upgrade.BATCH), "1"))
    key_of = party_key_upgrade._key_of

    def interrupt(identity: str, *party: str | None) -> str:
        if identity == "party:2" and not _fetch(old_ledger, INDEX)[0]:
            raise KeyboardInterrupt
        return key_of(identity, *party)

    monkeypatch.setattr(party_key_upgrade, "_key_of", interrupt)
    with pytest.raises(KeyboardInterrupt):
        LedgerStore(old_ledger)
    assert _fetch(old_ledger, KEYS) == [EXPECTED[0], None, None, None]
    monkeypatch.setattr(party_key_upgrade, "_key_of", key_of)
    LedgerStore(old_ledger).close()
    assert _fetch(old_ledger, KEYS) == EXPECTED


def test_a_long_upgrade_logs_its_progress(
    old_ledger: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(party_key_upgrade, "PROGRESS_INTERVAL", -1.0)
    with caplog.at_level(logging.WARNING):
        LedgerStore(old_ledger).close()
    assert caplog.messages == ["Upgrading the ledger once: 3 of 3 rows."]


def test_the_upgrade_leaves_a_current_report_current(old_ledger: Path) -> None:
    with closing(sqlite3.connect(old_ledger)) as connection, connection:
        connection.execute("INSERT INTO reports (run_id, version, mark, files) VALUES (1, 'v', 'm', '[]')")
    LedgerStore(old_ledger).close()
    assert _fetch(old_ledger, "SELECT mark FROM reports") == ["m"]
    with closing(sqlite3.connect(old_ledger)) as connection, connection:
        connection.execute("UPDATE rows SET note = 'x'")
    assert _fetch(old_ledger, "SELECT mark FROM reports") == []


def test_keys_with_rare_characters_are_computed_again(
    path: Path, row: Callable[..., CheckedRow], start: Callable[..., Any]
) -> None:
    request = json.dumps({"product_id": 7, "credit_party_identifier": {"account_number": "47\u02d711\u2800"}})
    with LedgerStore(path) as ledger:
        start(ledger, [row(1), row(2, request=request.encode())])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE rows SET party_key = ? WHERE id = 2", ["account:4711\t47\u02d711\u2800"])
        connection.execute("DELETE FROM _sqlite_migrations WHERE name = '0018_party_keys_of_rare_characters'")
    LedgerStore(path).close()
    assert _fetch(path, KEYS)[1] == account_key("47-11")


def test_keys_with_rare_characters_are_renewed_in_pairs_and_absences(old_ledger: Path) -> None:
    """Otherwise a decision is asked for again, and a request that may arrive is of nobody that the ledger knows."""
    LedgerStore(old_ledger).close()
    odd, same, other = "account:4711 pre\t47\u02d711 pre", "account:4711 pre\t47-11 pre", "account:4711 pre"
    cards = ["reference:gc001\tgc\u2053001", "reference:gc001\tgc-001", "reference:h01"]
    with closing(sqlite3.connect(old_ledger)) as connection, connection:
        for keys in ((other, odd), (odd, same), (cards[0], cards[2]), (cards[1], cards[2])):
            connection.execute("INSERT INTO not_the_same VALUES (?, ?, 'two meters', 'ann', '')", sorted(keys))
        connection.execute(
            "INSERT INTO absences (row_id, attempt, sent_at, looks, after, message, party_key) "
            "VALUES (2, 1, '2026', 2, 'failed', '', ?)",
            [odd],
        )
        connection.execute("DROP TABLE corrections")
        connection.execute("DROP INDEX idx_repeated_payments_decided")
        for column in ("known_until", "more"):
            connection.execute(f"ALTER TABLE repeated_payments DROP COLUMN {column}")
        later = (*WITHOUT_STATEMENTS, *WITHOUT_DELIVERIES, *WITHOUT_KEPT_ANSWERS, *WITHOUT_ESIMS)
        for statement in ("ALTER TABLE runs DROP COLUMN parts", *later):
            connection.execute(statement)
        connection.execute("DELETE FROM _sqlite_migrations WHERE name >= '0018'")
    with LedgerStore(old_ledger) as ledger:
        [pair] = ledger.not_the_same.find(account_key("47-11", "pre"))
        [of_cards] = ledger.not_the_same.find(reference_key("h01"))
    assert {pair.key, pair.other} == {other, account_key("47-11", "pre")}
    assert {of_cards.key, of_cards.other} == {reference_key("gc-001"), reference_key("h01")}
    assert _fetch(old_ledger, "SELECT count(*) FROM not_the_same") == [2]
    assert _fetch(old_ledger, "SELECT party_key FROM absences") == [account_key("47-11", "pre")]


@given(st.text(), st.text(), st.text())
def test_a_key_of_today_is_its_own_renewed_key(number: str, qualifier: str, bill: str) -> None:
    assert renewed_account_key(account_key(number, qualifier, bill)) == account_key(number, qualifier, bill)
