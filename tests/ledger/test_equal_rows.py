"""Equal rows, which share product and credit party: matched to the run's rows by amount, however the list is edited."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulk_topup.domain.attempt import Move
from bulk_topup.domain.identity import occurrence_identity, party_identity
from bulk_topup.domain.identity_version import RunIds
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.ledger import LedgerStore
from tests.helpers.checked_rows import CheckedRow
from tests.helpers.staged_lists import outcomes, preview

MakeRow = Callable[..., CheckedRow]
Start = Callable[..., Run]
MakeMove = Callable[..., Move]
Equals = Callable[..., list[CheckedRow]]

#: States of rows with a transaction that did not fail.
SENT = [RowState.ACCEPTED, RowState.COMPLETED, RowState.REVERSED]
PARTY = party_identity(6418, ("+6595123001", None, None))


@pytest.fixture(scope="session")
def equals(row: MakeRow) -> Equals:
    """Return a function that creates the rows of a list that pays one number these amounts, refused ones with a "!"."""

    def make(*amounts: str) -> list[CheckedRow]:
        return [
            row(
                1,
                amount.rstrip("!"),
                line=number + 1,
                identity=occurrence_identity(PARTY, number),
                refused="Out of range." if amount.endswith("!") else "",
            )
            for number, amount in enumerate(amounts, start=1)
        ]

    return make


@pytest.fixture
def send(ledger: LedgerStore, move: MakeMove) -> Callable[..., None]:
    """Return a function that sends as many pending rows and brings each to a state."""

    def claim(run: Run, rows: int = 1, state: RowState = RowState.COMPLETED) -> None:
        for _ in range(rows):
            _send_one(ledger, run, move, state)

    return claim


def _send_one(ledger: LedgerStore, run: Run, move: MakeMove, state: RowState) -> str | None:
    """Send the next row of a run; return its amount, or None if no row may be sent."""
    for attempt in ledger.attempts.claim(run, 1):
        if state is not RowState.IN_FLIGHT:
            ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, state)])
        return str(attempt.amount)
    return None


def _found(ledger: LedgerStore, run: Run) -> list[tuple[int, str, str]]:
    """Return line, amount and state of the rows that the list has."""
    return [(each.line, str(each.amount), each.state.value) for each in outcomes(ledger, run) if each.in_list]


@pytest.mark.parametrize("state", SENT)
def test_a_row_that_is_inserted_above_two_sent_rows_is_the_only_one_that_is_paid(
    ledger: LedgerStore, equals: Equals, start: Start, send: Callable[..., None], state: RowState
) -> None:
    run = start(ledger, equals("10", "20"))
    send(run, 2, state)
    difference = preview(ledger, run, equals("30", "10", "20"))
    assert (difference.new, difference.changed_after_sending, difference.removed_from_list) == (1, 0, 0)
    assert difference.possible_duplicates == 0
    start(ledger, equals("30", "10", "20"))
    assert _found(ledger, run) == [(2, "30", "pending"), (3, "10", state.value), (4, "20", state.value)]
    assert not any(each.note for each in outcomes(ledger, run))
    assert [str(attempt.amount) for attempt in ledger.attempts.claim(run, 9)] == ["30"]


def test_swapping_a_paid_and_a_pending_amount_pays_the_pending_one_once(
    ledger: LedgerStore, equals: Equals, start: Start, send: Callable[..., None]
) -> None:
    run = start(ledger, equals("10", "20"))
    send(run)
    difference = preview(ledger, run, equals("20", "10"))
    assert (difference.completed, difference.waiting, difference.changed_after_sending) == (1, 1, 0)
    start(ledger, equals("20", "10"))
    assert _found(ledger, run) == [(2, "20", "pending"), (3, "10", "completed")]
    send(run)
    start(ledger, equals("20", "10"))
    assert _found(ledger, run) == [(2, "20", "completed"), (3, "10", "completed")]
    assert ledger.attempts.claim(run, 9) == []


def test_a_changed_amount_of_a_sent_row_is_a_mismatch_and_not_another_payment(
    ledger: LedgerStore, equals: Equals, start: Start, send: Callable[..., None]
) -> None:
    run = start(ledger, equals("10", "20", "40"))
    send(run, 2)
    start(ledger, equals("40", "20", "30"))
    assert _found(ledger, run) == [(2, "40", "pending"), (3, "20", "completed"), (4, "10", "completed")]
    [note] = [each.note for each in outcomes(ledger, run) if each.note]
    assert "sent was 10 SGD to +6595123001, the list now says 30 SGD" in note


def test_removing_one_of_two_equal_amounts_keeps_the_sent_one(
    ledger: LedgerStore, equals: Equals, start: Start, send: Callable[..., None]
) -> None:
    run = start(ledger, equals("10!", "10"))
    send(run)
    start(ledger, equals("10"))
    assert _found(ledger, run) == [(2, "10", "completed")]
    assert ledger.attempts.claim(run, 9) == []


@pytest.mark.parametrize("first", [RowState.COMPLETED, RowState.FAILED])
def test_a_new_amount_takes_a_sent_or_failed_row_that_is_left_before_a_pending_one(
    ledger: LedgerStore, equals: Equals, start: Start, send: Callable[..., None], first: RowState
) -> None:
    run = start(ledger, equals("10", "20", "40"))
    send(run, 1, first)
    start(ledger, equals("40", "15"))
    [kept, changed] = [each for each in outcomes(ledger, run) if each.in_list]
    assert (str(kept.amount), kept.state) == ("40", "pending")
    assert (changed.line, changed.state, changed.attempt) == (3, first, 1)
    assert changed.note
    assert [str(attempt.amount) for attempt in ledger.attempts.claim(run, 9)] == ["40"]


def test_a_restored_row_is_the_row_that_it_was(ledger: LedgerStore, equals: Equals, start: Start) -> None:
    run = start(ledger, equals("10", "20", "30"))
    start(ledger, equals("30", "10"))
    start(ledger, equals("20", "30", "10"))
    assert _found(ledger, run) == [(2, "20", "pending"), (3, "30", "pending"), (4, "10", "pending")]
    assert [len(ledger.rows.events(row_id)) for row_id in (1, 2, 3)] == [1, 3, 1]


def test_rows_of_one_amount_are_told_apart_by_their_requests_and_then_by_their_cells(
    ledger: LedgerStore, row: MakeRow, start: Start, send: Callable[..., None]
) -> None:
    def named(*names: str) -> list[CheckedRow]:
        return [
            row(
                1,
                line=number + 1,
                identity=occurrence_identity(PARTY, number),
                cells=f'["{name}"]',
                request=f'{{"sender": "{name[0]}"}}'.encode(),
            )
            for number, name in enumerate(names, start=1)
        ]

    run = start(ledger, named("A1", "A2", "B1", "B2"))
    send(run, 3)
    start(ledger, named("C1", "B2", "B1", "A2", "A1"))
    assert [(each.cells[0], each.state.value) for each in outcomes(ledger, run)] == [
        ("C1", "pending"),
        ("B2", "pending"),
        ("B1", "completed"),
        ("A2", "completed"),
        ("A1", "completed"),
    ]
    assert not any(each.note for each in outcomes(ledger, run))


def test_the_same_number_in_another_unit_is_another_amount(
    ledger: LedgerStore, equals: Equals, row: MakeRow, start: Start, send: Callable[..., None]
) -> None:
    def dollars(occurrence: int, request: bytes) -> CheckedRow:
        identity = occurrence_identity(PARTY, occurrence)
        return row(1, "10", line=occurrence + 1, identity=identity, unit="USD", request=request)

    run = start(ledger, [*equals("10"), dollars(2, b"{}")])
    send(run)
    difference = preview(ledger, run, [dollars(1, b'{"sender": "A"}')])
    assert (difference.changed_after_sending, difference.removed_from_list) == (0, 1)


def test_rows_of_other_people_are_no_equals(
    ledger: LedgerStore, equals: Equals, row: MakeRow, start: Start, send: Callable[..., None]
) -> None:
    other = party_identity(6418, ("+6595123002", None, None))
    others = [row(2, "20", line=9, identity=other), row(2, "10", line=10, identity=occurrence_identity(other, 2))]
    run = start(ledger, [*equals("10", "20"), *others])
    send(run, 4)
    difference = preview(ledger, run, [*equals("20", "10"), *others])
    assert (difference.completed, difference.changed_after_sending, difference.removed_from_list) == (4, 0, 0)


def test_on_an_empty_ledger_and_for_new_people_rows_are_numbered_in_list_order(
    ledger: LedgerStore, equals: Equals, row: MakeRow, start: Start
) -> None:
    rows = equals("20", "10", "10")
    run = start(ledger, [row(5, line=9, identity="reference:5")])
    start(ledger, [*rows, row(5, line=9, identity="reference:5")])
    found = ledger.file.connection.execute("SELECT identity FROM rows WHERE run_id = ? ORDER BY line", (run.id,))
    assert [each["identity"] for each in found] == [PARTY, f"{PARTY}#2", f"{PARTY}#3", "reference:5"]
    other = start(ledger, rows, run_key="2026-12")
    found = ledger.file.connection.execute("SELECT identity FROM rows WHERE run_id = ? ORDER BY line", (other.id,))
    assert [each["identity"] for each in found] == [PARTY, f"{PARTY}#2", f"{PARTY}#3"]


def test_a_plan_and_its_merge_give_rows_the_same_identities(
    ledger: LedgerStore, equals: Equals, start: Start, send: Callable[..., None]
) -> None:
    run = start(ledger, equals("10", "20", "30"))
    send(run, 2)
    edited = equals("40", "30", "20", "50", "10")
    digests = []
    for _ in range(2):
        preview(ledger, run, edited)
        digests.append(ledger.staging.digest(RunIds.of_name("payroll", "2026-11")).requests)
    ledger.staging.preview(run)
    digests.append(ledger.staging.digest(RunIds.of_name("payroll", "2026-11")).requests)
    assert len(set(digests)) == 1
    planned = ledger.staging.identities(range(2, 7))
    ledger.staging.merge(
        job="payroll", run_key="2026-11", environment="sandbox", list_path="payroll.csv", columns=("phone", "amount")
    )
    found = ledger.file.connection.execute("SELECT line, identity FROM rows WHERE in_list = 1")
    assert dict(map(tuple, found)) == {line: identity for line, (identity, _) in planned.items()}


def test_an_edited_list_keeps_its_identities_while_its_rows_are_sent(
    ledger: LedgerStore, equals: Equals, start: Start, send: Callable[..., None]
) -> None:
    run = start(ledger, equals("10", "20"))
    send(run, 2)
    edited = equals("30", "20", "30", "10")
    preview(ledger, run, edited)
    approved = ledger.staging.digest(RunIds.of_name("payroll", "2026-11"))
    start(ledger, edited)
    send(run, 1, RowState.FAILED)
    send(run)
    preview(ledger, run, edited)
    assert ledger.staging.digest(RunIds.of_name("payroll", "2026-11")) == approved


amounts = st.sampled_from(["10", "20", "30"])
#: What happens between two versions of a list: rows inserted, removed, swapped, changed, or all put in another order.
edits = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), st.integers(0, 5), amounts),
        st.tuples(st.just("remove"), st.integers(0, 5)),
        st.tuples(st.just("swap"), st.integers(0, 5), st.integers(0, 5)),
        st.tuples(st.just("change"), st.integers(0, 5), amounts),
        st.tuples(st.just("sort")),
    ),
    max_size=3,
)
#: The outcomes of the rows that are sent before the next version is read.
results = st.lists(
    st.sampled_from([RowState.COMPLETED, RowState.COMPLETED, RowState.ACCEPTED, RowState.FAILED, RowState.PENDING]),
    max_size=3,
)


def _edit(rows: Sequence[str], changes: Iterable[tuple[object, ...]]) -> list[str]:
    edited = list(rows)
    for change in changes:
        match change:
            case "insert", int(place), str(amount):
                edited.insert(place, amount)
            case "remove", int(place) if edited:
                del edited[place % len(edited)]
            case "swap", int(one), int(other) if edited:
                one, other = one % len(edited), other % len(edited)
                edited[one], edited[other] = edited[other], edited[one]
            case "change", int(place), str(amount) if edited:
                edited[place % len(edited)] = amount
            case ("sort",):
                edited.sort()
    return edited


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(first=st.lists(amounts, min_size=1, max_size=4), versions=st.lists(st.tuples(results, edits), max_size=4))
def test_each_amount_of_a_list_is_paid_at_most_once_and_what_was_paid_never_again(
    tmp_path_factory: pytest.TempPathFactory,
    equals: Equals,
    start: Start,
    move: MakeMove,
    first: list[str],
    versions: list[tuple[list[RowState], list[tuple[object, ...]]]],
) -> None:
    path: Path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    with LedgerStore(path) as ledger:
        listed = first
        run = start(ledger, equals(*listed))
        #: The amounts that were sent and did not fail.
        paid: Counter[str] = Counter()
        for states, changes in versions:
            for state in states:
                amount = _send_one(ledger, run, move, state)
                if amount is not None and state not in {RowState.FAILED, RowState.PENDING}:
                    paid[amount] += 1
            listed = _edit(listed, changes) or ["10"]
            start(ledger, equals(*listed))
            rows = [each for each in outcomes(ledger, run) if each.in_list]
            # Nobody is lost: each line has one outcome.
            assert [each.line for each in rows] == list(range(2, len(listed) + 2))
            to_send = Counter(str(each.amount) for each in rows if each.state is RowState.PENDING)
            unpaid = Counter(listed) - paid
            assert to_send <= unpaid
            if paid <= Counter(listed):
                # All that was paid is in the list, so nothing is stopped and nothing contradicts it.
                failed = Counter(each.cells[1] for each in rows if each.state is RowState.FAILED)
                assert to_send + failed == unpaid
                assert not any(each.note for each in rows if each.state is not RowState.FAILED)
