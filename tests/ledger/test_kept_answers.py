"""Answers of DVS that are kept: a later decline speaks against a number's operator, and a purge forgets numbers."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.app.purge import candidates, purge
from bulk_topup.domain.answer_ages import AGAINST_OPERATOR
from bulk_topup.domain.attempt import Facts, Move
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.ledger import LedgerStore
from bulk_topup.ledger.kept_answers import AccountKey, AnswersOf, AnswerTimes, KeptAnswer
from tests.conftest import HandClock
from tests.helpers.checked_rows import CheckedRow

OF = AnswersOf(environment="sandbox", account="account")
#: The number of `row(1)`, and one that no row credits.
NUMBER, OTHER = "+6595123001", "+6595123002"
#: An account that bills are asked for.
ACCOUNT = AccountKey(9105, "30294429610", "PREPAID")
PRODUCT, LIST = 6418, "/products?country_iso_code=SGP"


@pytest.fixture
def keep(ledger: LedgerStore, clock: HandClock) -> Callable[[], None]:
    """Return a function that keeps an answer of each kind."""

    def save() -> None:
        answer = KeptAnswer(body="{}", asked_at=clock.now())
        ledger.kept_answers.save(
            OF,
            products=[(PRODUCT, answer)],
            lists=[(LIST, answer)],
            operators=[(NUMBER, answer), (OTHER, answer)],
            statements=[(ACCOUNT, answer)],
        )

    return save


@pytest.fixture
def find_kept(ledger: LedgerStore, clock: HandClock) -> Callable[[], set[object]]:
    """Return a function that finds the kept answers of a year."""

    def find() -> set[object]:
        times = AnswerTimes(since=clock.now() - timedelta(days=365), until=clock.now())
        answers = ledger.kept_answers
        found = {LIST} if answers.list(OF, LIST, times) else set()
        bills = answers.statements(OF, [ACCOUNT], times)
        numbers = answers.operators(OF, [NUMBER, OTHER], times)
        return {*answers.products(OF, [PRODUCT], times), *numbers, *bills, *found}

    return find


def pay(
    ledger: LedgerStore,
    run: Run,
    facts: Callable[..., Facts],
    move: Callable[..., Move],
    *,
    after: RowState = RowState.FAILED,
    message: str,
) -> None:
    [attempt] = ledger.attempts.claim(run, 2)
    known = facts(status_class=message.partition("-")[0], status_message=message)
    ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, after, facts=known)])


@pytest.mark.parametrize(
    ("message", "is_against"),
    [
        *((message, True) for message in AGAINST_OPERATOR),
        ("DECLINED", False),
        ("DECLINED-OPERATOR-CURRENTLY-UNAVAILABLE", False),
        ("REJECTED-LIMITATIONS-ON-CREDIT-PARTY-AMOUNT", False),
        ("REJECTED-INSUFFICIENT-BALANCE", False),
    ],
)
def test_a_later_failure_of_the_credit_party_speaks_against_its_operator(
    message: str,
    is_against: bool,
    ledger: LedgerStore,
    clock: HandClock,
    start: Callable[..., Run],
    row: Callable[..., CheckedRow],
    facts: Callable[..., Facts],
    move: Callable[..., Move],
    keep: Callable[[], None],
    find_kept: Callable[[], set[object]],
) -> None:
    keep()
    clock.seconds += 60
    pay(ledger, start(ledger, [row(1)]), facts, move, message=message)
    assert (NUMBER not in find_kept()) is is_against
    assert OTHER in find_kept()
    clock.seconds += 60
    keep()
    assert NUMBER in find_kept()


def test_a_payment_speaks_for_the_operator_that_was_asked_for_after_it(
    ledger: LedgerStore,
    start: Callable[..., Run],
    row: Callable[..., CheckedRow],
    facts: Callable[..., Facts],
    move: Callable[..., Move],
    keep: Callable[[], None],
    find_kept: Callable[[], set[object]],
) -> None:
    keep()
    pay(ledger, start(ledger, [row(1)]), facts, move, after=RowState.COMPLETED, message="COMPLETED")
    assert {NUMBER, OTHER, ACCOUNT} <= find_kept()


@pytest.mark.parametrize("has_run", [False, True])
def test_a_purge_forgets_all_numbers_and_leaves_no_trace_of_them(
    has_run: bool,
    ledger: LedgerStore,
    path: Path,
    clock: HandClock,
    start: Callable[..., Run],
    row: Callable[..., CheckedRow],
    facts: Callable[..., Facts],
    move: Callable[..., Move],
    keep: Callable[[], None],
    find_kept: Callable[[], set[object]],
) -> None:
    keep()
    if has_run:
        pay(ledger, start(ledger, [row(1)]), facts, move, after=RowState.COMPLETED, message="COMPLETED")
    clock.seconds += 7_200
    age, now = timedelta(hours=1), clock.now()
    done = purge(ledger, candidates(ledger, ledger.runs.all(), older_than=age, now=now), older_than=age, now=now)
    assert len(done) == has_run
    assert find_kept() == {PRODUCT, LIST}
    content = b"".join(file.read_bytes() for file in path.parent.iterdir() if file.is_file())
    assert NUMBER.encode() not in content
    assert OTHER.encode() not in content
    assert ACCOUNT.account_number.encode() not in content


def test_old_answers_are_deleted(
    ledger: LedgerStore, clock: HandClock, keep: Callable[[], None], find_kept: Any
) -> None:
    keep()
    second = timedelta(seconds=1)
    now = clock.now()
    ledger.kept_answers.forget_old(catalogue=now, numbers=now, statements=now)
    assert find_kept() == {PRODUCT, LIST, NUMBER, OTHER, ACCOUNT}
    ledger.kept_answers.forget_old(catalogue=now + second, numbers=now, statements=now)
    assert find_kept() == {NUMBER, OTHER, ACCOUNT}
    ledger.kept_answers.forget_old(catalogue=now, numbers=now + second, statements=now)
    assert find_kept() == {ACCOUNT}
    ledger.kept_answers.forget_old(catalogue=now, numbers=now, statements=now + second)
    assert find_kept() == set()


@pytest.mark.parametrize("kind", ["products", "lists", "operators", "statements"])
def test_a_new_ledger_with_a_kept_answer_stays(kind: str, tmp_path: Path, clock: HandClock) -> None:
    path = tmp_path / "new.db"
    ledger = LedgerStore(path, clock=clock)
    names: dict[str, Any] = {"products": PRODUCT, "lists": LIST, "operators": NUMBER, "statements": ACCOUNT}
    ledger.kept_answers.save(OF, **{kind: [(names[kind], KeptAnswer(body="{}", asked_at=clock.now()))]})
    ledger.close_unused()
    assert path.exists()


def test_an_answer_that_another_version_has_read_is_not_used(
    monkeypatch: pytest.MonkeyPatch, keep: Callable[[], None], find_kept: Callable[[], set[object]]
) -> None:
    keep()
    monkeypatch.setattr("bulk_topup.ledger.kept_answers.__version__", "999")
    assert find_kept() == set()


@pytest.mark.parametrize("ending", ["T00:00:00", "Tx", " "])
def test_an_answer_whose_time_cannot_be_read_is_not_used(
    ending: str, ledger: LedgerStore, keep: Callable[[], None], find_kept: Callable[[], set[object]], clock: HandClock
) -> None:
    keep()
    text = f"{clock.now() - timedelta(days=1):%Y-%m-%d}{ending}"
    with ledger.file.transaction() as connection:
        for table in ("kept_products", "kept_lists", "kept_operators", "kept_statements"):
            connection.execute(f"UPDATE {table} SET asked_at = ?", (text,))  # noqa: S608 - composed of constants
    assert find_kept() == set()


@pytest.mark.parametrize(("code", "is_against"), [(1005003, True), (1003002, False)])
def test_a_creation_that_is_refused_for_its_number_speaks_against_its_operator(
    code: int,
    is_against: bool,
    ledger: LedgerStore,
    clock: HandClock,
    start: Callable[..., Run],
    row: Callable[..., CheckedRow],
    move: Callable[..., Move],
    keep: Callable[[], None],
    find_kept: Callable[[], set[object]],
) -> None:
    keep()
    clock.seconds += 60
    [attempt] = ledger.attempts.claim(start(ledger, [row(1)]), 2)
    message = f"DVS did not accept the transaction: No ({code})."
    ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, RowState.FAILED, message=message)])
    assert (NUMBER not in find_kept()) is is_against
    assert OTHER in find_kept()
    clock.seconds += 60
    keep()
    assert NUMBER in find_kept()
