"""PINs in the ledger's file: never in plain text, never lost without a key, and encrypted again on request."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bulk_topup.domain.attempt import Facts, Move
from bulk_topup.domain.purchase_secrets import SECRET_FIELDS
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.errors import LedgerError, PinKeyError
from bulk_topup.ledger import LedgerStore, connection, rotate_pins
from bulk_topup.ledger.pin_keys import FILE_VARIABLE, PinKey, add_pin_key
from tests.helpers.checked_rows import CheckedRow
from tests.helpers.earlier_ledgers import (
    WITHOUT_DELIVERIES,
    WITHOUT_ESIMS,
    WITHOUT_KEPT_ANSWERS,
    WITHOUT_STATEMENTS,
)

CODE, SERIAL = "4711-0815-9999", "SERIAL-20990101"
#: All that a purchase can yield.
SECRETS = {name: f"secret {name}" for name in SECRET_FIELDS} | {"pin_code": CODE, "pin_serial": SERIAL}

Buy = Callable[..., None]


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "keys" / "pin.key"
    monkeypatch.setenv(FILE_VARIABLE, str(file))
    return file


@pytest.fixture
def buy(
    path: Path,
    key_file: Path,
    start: Callable[..., Run],
    row: Callable[..., CheckedRow],
    facts: Callable[..., Facts],
    move: Callable[..., Move],
) -> Buy:
    """Return a function that creates a ledger with a purchased PIN for each row."""
    assert not key_file.exists()

    def run(people: int = 1) -> None:
        with LedgerStore(path) as ledger:
            begun = start(ledger, [row(who) for who in range(people)])
            known = facts(**SECRETS)
            ledger.attempts.record(
                [
                    move(each, RowState.IN_FLIGHT, RowState.COMPLETED, facts=known)
                    for each in ledger.attempts.claim(begun, people)
                ]
            )

    return run


def outcomes(path: Path, *, read_only: bool = True) -> list[Outcome]:
    with LedgerStore(path, read_only=read_only) as ledger:
        return list(ledger.outcomes.rows(ledger.runs.all()[0]))


def holds(path: Path, text: str) -> bool:
    return any(text.encode() in file.read_bytes() for file in path.parent.glob(f"{path.name}*"))


def as_an_older_version_left_it(path: Path) -> None:
    """Store PINs in plain text, and revert the migration that added keys."""
    connection = sqlite3.connect(path)
    connection.execute("UPDATE attempts SET pin_code = ?, pin_serial = ?", (CODE, SERIAL))
    connection.execute("DROP TABLE pin_keys")
    connection.execute("DELETE FROM _sqlite_migrations WHERE name = '0005_pin_keys'")
    connection.commit()
    connection.close()


def test_no_file_has_a_pin_in_plain_text_and_the_key_decrypts_it(buy: Buy, path: Path, key_file: Path) -> None:
    with LedgerStore(path):  # an open ledger keeps its log
        buy()
        assert path.with_name("ledger.db-wal").stat().st_size
        assert not [secret for secret in SECRETS.values() if holds(path, secret)]
        assert not holds(path, key_file.read_text().strip())
    [outcome] = outcomes(path)
    assert {name: getattr(outcome, name) for name in SECRET_FIELDS} == SECRETS
    assert not [secret for secret in SECRETS.values() if secret in repr(outcome)]


def test_a_ledger_from_before_esims_keeps_its_pins(buy: Buy, path: Path) -> None:
    buy()
    with closing(sqlite3.connect(path)) as connection:
        for statement in (*WITHOUT_STATEMENTS, *WITHOUT_DELIVERIES, *WITHOUT_KEPT_ANSWERS, *WITHOUT_ESIMS):
            connection.execute(statement)
        connection.execute("DELETE FROM _sqlite_migrations WHERE name >= '0023'")
        connection.commit()
    [outcome] = outcomes(path, read_only=False)
    found = [getattr(outcome, name) for name in SECRET_FIELDS]
    assert found == [CODE, SERIAL, None, None, None, None]


def test_a_pin_that_is_copied_to_another_row_is_not_decrypted(buy: Buy, path: Path) -> None:
    buy(2)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE attempts SET pin_code = (SELECT pin_code FROM attempts WHERE id = 1) WHERE id = 2")
    connection.commit()
    connection.close()
    first, second = outcomes(path)
    assert first.pin_code == CODE
    assert "moved here from another row" in str(second.pin_code)


def test_without_the_key_rows_are_read_and_the_fix_replaces_the_pin(buy: Buy, path: Path, key_file: Path) -> None:
    buy()
    key_file.unlink()
    [outcome] = outcomes(path)
    assert outcome.state is RowState.COMPLETED
    assert "which is not in the key file" in str(outcome.pin_code)
    assert not key_file.exists()


def test_a_ledger_whose_key_is_missing_is_not_written_and_no_other_key_is_created(
    buy: Buy, path: Path, key_file: Path
) -> None:
    buy()
    kept = key_file.read_bytes()
    key_file.unlink()
    with pytest.raises(PinKeyError, match=r"so nothing was sent\. Restore that key"):
        LedgerStore(path)
    assert not key_file.exists()
    key_file.touch(mode=0o600)
    key_file.write_bytes(kept)
    LedgerStore(path).close()


def test_a_ledger_without_pins_continues_with_another_key(
    path: Path, key_file: Path, start: Callable[..., Run], row: Callable[..., CheckedRow]
) -> None:
    with LedgerStore(path) as ledger:
        start(ledger, [row(1)])
    key_file.unlink()
    LedgerStore(path).close()
    assert key_file.exists()


def test_pins_of_an_older_version_are_encrypted_when_the_ledger_is_opened_and_no_plain_text_stays(
    buy: Buy, path: Path
) -> None:
    buy(50)
    as_an_older_version_left_it(path)
    assert holds(path, CODE)
    with LedgerStore(path):
        assert not holds(path, CODE)
        assert not holds(path, SERIAL)
    assert {(each.pin_code, each.pin_serial) for each in outcomes(path)} == {(CODE, SERIAL)}


def test_encryption_of_old_pins_is_repeated_until_the_file_has_no_plain_text(
    buy: Buy, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    buy()
    as_an_older_version_left_it(path)
    monkeypatch.setattr("bulk_topup.ledger.pin_encryption.scrub", lambda _connection: False)
    LedgerStore(path).close()
    monkeypatch.setattr("bulk_topup.ledger.pin_encryption.scrub", connection.scrub)
    with LedgerStore(path) as ledger:
        used = [row[0] for row in ledger.file.connection.execute("SELECT id FROM pin_keys")]
    assert "" not in used
    assert not holds(path, CODE)


def test_rotation_encrypts_every_pin_with_the_newest_key_so_that_the_earlier_one_can_be_deleted(
    buy: Buy, path: Path, key_file: Path
) -> None:
    buy(3)
    old = key_file.read_text().strip()
    add_pin_key()
    rotated = rotate_pins(path)
    assert (rotated.encrypted, rotated.unreadable) == (3, 0)
    assert not holds(path, f":{PinKey.of(old, 'test').id}:")
    key_file.write_text(key_file.read_text().splitlines()[0])
    assert {each.pin_code for each in outcomes(path, read_only=False)} == {CODE}
    assert rotate_pins(path).encrypted == 0


def test_rotation_without_a_lost_key_counts_unreadable_pins_and_makes_the_ledger_usable(
    buy: Buy, path: Path, key_file: Path
) -> None:
    buy(2)
    key_file.unlink()
    add_pin_key()
    rotated = rotate_pins(path)
    assert (rotated.encrypted, rotated.unreadable) == (0, 2)
    assert all("which is not in" in str(each.pin_code) for each in outcomes(path, read_only=False))


def test_rotation_fails_while_another_process_reads_the_file(
    buy: Buy, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    buy()
    monkeypatch.setattr(connection, "BUSY_TIMEOUT", 0.01)
    other = sqlite3.connect(path, isolation_level=None)
    try:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM rows").fetchone()
        with pytest.raises(LedgerError, match="Another process is reading the ledger"):
            rotate_pins(path)
    finally:
        other.close()
