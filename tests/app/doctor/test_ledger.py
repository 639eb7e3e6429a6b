"""The findings about a ledger and its PIN keys."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from bulk_topup.app.doctor import CheckStatus, Finding, examine_ledger
from bulk_topup.domain.attempt import Move
from bulk_topup.domain.states import RowState
from bulk_topup.ledger import LedgerStore
from bulk_topup.ledger.pin_keys import add_pin_key
from tests.helpers.checked_rows import CheckedRow, staged


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[LedgerStore]:
    """A ledger with a run of two rows that wait."""
    with LedgerStore(path) as opened:
        opened.staging.clear()
        opened.staging.add(staged([_row(1), _row(2)]))
        opened.staging.merge(
            job="list", run_key="rewards", environment="sandbox", list_path="rewards.csv", columns=("phone",)
        )
        yield opened


def _row(number: int) -> CheckedRow:
    party = f"+659512310{number}"
    return CheckedRow(
        line=number + 1,
        identity=f"party:{number}",
        cells=json.dumps([party]),
        problems=(),
        product_id=6418,
        credit_party=party,
        amount=Decimal(1),
        unit="SGD",
        request=json.dumps({"credit_party_identifier": {"mobile_number": party}}).encode(),
        cost=Decimal(1),
        cost_unit="USD",
    )


def found(path: Path) -> dict[str, Finding]:
    return {finding.check: finding for finding in examine_ledger(path)}


def test_a_ledger_that_is_not_there_yet_is_no_trouble_and_is_not_made(path: Path) -> None:
    findings = found(path)
    assert {check: finding.status for check, finding in findings.items()} == {
        "ledger": CheckStatus.OK,
        "PIN key": CheckStatus.OK,
    }
    assert "The first run creates it" in findings["ledger"].message
    assert list(path.parent.iterdir()) == []


def test_a_sound_ledger_without_open_rows_is_well(path: Path) -> None:
    LedgerStore(path).close()
    findings = found(path)
    assert {finding.status for finding in findings.values()} == {CheckStatus.OK}
    assert findings["runs"].message == "No run has open rows or conflicts."
    assert "Keep a copy of it" in findings["PIN key"].message


def test_open_rows_are_reported_with_the_command_that_resumes(path: Path, ledger: LedgerStore) -> None:
    finding = found(path)["runs"]
    assert (finding.status, finding.message) == (CheckStatus.WARN, "Rows are open: 2 of list/rewards.")
    assert f"`bulk-topup resume list/rewards --env sandbox --ledger {path}`" in finding.fix
    assert len(ledger.runs.all()) == 1


def test_conflicts_are_reported_with_the_command_that_lists_them(path: Path, ledger: LedgerStore) -> None:
    [run] = ledger.runs.all()
    moves = [
        Move(
            row_id=attempt.row_id,
            attempt=attempt.number,
            before=RowState.IN_FLIGHT,
            after=RowState.CONFLICT,
            cause="answer",
        )
        for attempt in ledger.attempts.claim(run, 2)
    ]
    ledger.attempts.record(moves)
    [finding] = [each for each in examine_ledger(path) if each.check == "runs"]
    assert finding.status is CheckStatus.WARN
    assert f"`bulk-topup conflict list list/rewards --env sandbox --ledger {path}`" in finding.fix


def test_a_file_of_another_program_is_bad(path: Path) -> None:
    path.write_text("not a ledger at all")
    finding = found(path)["ledger"]
    assert finding.status is CheckStatus.BAD
    assert "belongs to another program" in finding.message


def test_a_damaged_ledger_is_bad_and_is_not_changed(path: Path, ledger: LedgerStore) -> None:
    ledger.close()
    content = bytearray(path.read_bytes())
    with closing(sqlite3.connect(path)) as connection:
        page = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'rows'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    content[(page - 1) * size + 8 : page * size] = bytes(size - 8)
    path.write_bytes(content)
    finding = found(path)["ledger"]
    assert finding.status is CheckStatus.BAD
    assert path.read_bytes() == content


def test_a_row_that_belongs_to_nothing_is_damage(path: Path, ledger: LedgerStore) -> None:
    ledger.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM runs")
    finding = found(path)["ledger"]
    assert finding.status is CheckStatus.BAD
    assert '2 rows in table "rows" with missing references' in finding.message
    assert "reconcile" in finding.fix


def test_a_ledger_that_others_can_read_is_reported_with_the_fix(path: Path, ledger: LedgerStore) -> None:
    path.chmod(0o644)
    finding = found(path)["ledger's files"]
    assert (finding.status, finding.fix) == (CheckStatus.WARN, f"Make it private with `chmod 600 {path}`.")
    ledger.close()


def test_a_key_that_pins_need_and_that_is_not_there_is_bad(path: Path) -> None:
    add_pin_key()
    LedgerStore(path).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO pin_keys VALUES ('0badcafe'), ('')")
    finding = found(path)["PIN key"]
    assert finding.status is CheckStatus.BAD
    assert "the key 0badcafe, which is not in" in finding.message
    assert "pin-key rotate" in finding.fix


def test_a_key_file_that_others_can_read_is_bad(path: Path, tmp_path: Path) -> None:
    add_pin_key()
    (tmp_path / ".config/bulk-topup/pin.key").chmod(0o644)
    finding = found(path)["PIN key"]
    assert finding.status is CheckStatus.BAD
    assert "chmod 600" in finding.message
