"""A ledger that is removed or replaced under a run: nothing more is sent, and the report has what was sent."""

from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.app.run_ending import exit_code
from bulk_topup.domain.exit_codes import ExitCode
from bulk_topup.domain.states import RowState
from bulk_topup.engine import StopReason

pytestmark = pytest.mark.anyio

Pay = Callable[..., Awaitable[Any]]
Books = Callable[[], list[dict[str, Any]]]

CREATION = "POST /v1/async/transactions HTTP/1.1"
CONFIRMATION = "/confirm HTTP/1.1"
#: The most requests that may be on their way when the file goes: the runs of these tests have four slots.
SLOTS = 4


def remove(path: Path) -> None:
    path.unlink()


def replace(path: Path) -> None:
    other = path.with_name("other.db")
    other.write_bytes(b"")
    other.replace(path)


def move(path: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))


def at_creation(number: int, act: Callable[[], None]) -> Callable[[int, str, bytes], str]:
    """Return a rule of the network that acts when so many creations were received, and passes all requests on."""
    creations = 0

    def rule(_number: int, line: str, _body: bytes) -> str:
        nonlocal creations
        if line == CREATION:
            creations += 1
            if creations == number:
                act()
        return "pass"

    return rule


@pytest.mark.parametrize(
    ("act", "what"), [(remove, "removed or moved"), (move, "removed or moved"), (replace, "replaced by another file")]
)
async def test_nothing_more_is_sent_once_the_ledger_is_gone(
    pay: Pay, network: Any, books: Books, tmp_path: Path, act: Callable[[Path], None], what: str
) -> None:
    network.rule = at_creation(5, lambda: act(tmp_path / "ledger.db"))
    finished, rows = await pay(60)
    assert finished.result.reason is StopReason.LEDGER_MOVED
    assert f"was {what} during the run" in finished.result.message
    assert "`bulk-topup reconcile --rebuild " in finished.result.message
    assert exit_code(finished) is ExitCode.RESUMABLE
    sent = [entry["external_id"] for entry in books()]
    assert 5 <= len(sent) < 5 + SLOTS
    # What DVS has is in the report, and the rest is pending there, not taken for sent.
    states = Counter(row.state for row in rows)
    assert states[RowState.PENDING] == 60 - len(sent)
    assert {row.external_id for row in rows if row.state is not RowState.PENDING} == set(sent)
    assert finished.report.files


async def test_a_ledger_that_goes_after_the_last_row_was_sent_makes_the_end_no_success(
    pay: Pay, network: Any, tmp_path: Path
) -> None:
    network.rule = at_creation(3, lambda: remove(tmp_path / "ledger.db"))
    list_file, archive = tmp_path / "bonus.csv", tmp_path / "archive"
    finished, _ = await pay(3, archive=str(archive))
    assert exit_code(finished) is ExitCode.RESUMABLE
    assert list_file.exists()


async def test_nothing_is_confirmed_once_the_ledger_is_gone(pay: Pay, network: Any, tmp_path: Path) -> None:
    def rule(_number: int, line: str, _body: bytes) -> str:
        if line.endswith(CONFIRMATION) and (tmp_path / "ledger.db").exists():
            remove(tmp_path / "ledger.db")
        return "pass"

    network.rule = rule
    finished, rows = await pay(40, mode="hold")
    assert finished.result.reason is StopReason.LEDGER_MOVED
    confirmed = sum(line.endswith(CONFIRMATION) for line, _ in network.seen)
    assert 1 <= confirmed <= SLOTS
    assert sum(row.state is RowState.ACCEPTED for row in rows) >= 40 - SLOTS


async def test_a_link_that_is_pointed_elsewhere_replaces_the_ledger(
    pay: Pay, network: Any, tmp_path: Path, books: Books
) -> None:
    (tmp_path / "a.db").touch(mode=0o600)
    (tmp_path / "b.db").touch(mode=0o600)
    link = tmp_path / "ledger.db"
    link.symlink_to("a.db")

    def turn() -> None:
        link.unlink()
        link.symlink_to("b.db")

    network.rule = at_creation(2, turn)
    finished, _ = await pay(30)
    assert "replaced by another file" in finished.result.message
    assert len(books()) < 2 + SLOTS
