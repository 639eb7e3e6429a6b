"""Rows that credit nobody: a new one is refused where a sent row of its product and amount left the list."""

from collections.abc import Callable, Sequence

import pytest

from bulk_topup.domain.attempt import Attempt, Move
from bulk_topup.domain.earlier_payments import Comparison, ComparisonPolicy
from bulk_topup.domain.identity_version import RunIds
from bulk_topup.domain.not_the_same import NotTheSame
from bulk_topup.domain.run import Run
from bulk_topup.domain.sameness import reference_key
from bulk_topup.domain.states import RowState
from bulk_topup.ledger import LedgerStore, RetryChoice
from tests.helpers.checked_rows import CheckedRow, staged
from tests.helpers.staged_lists import outcomes, preview

MakeRow = Callable[..., CheckedRow]
Start = Callable[..., Run]
MakeMove = Callable[..., Move]
Cards = Callable[..., list[CheckedRow]]
#: States of rows that were sent and are not known to have failed.
SENT = [RowState.IN_FLIGHT, RowState.ACCEPTED, RowState.COMPLETED, RowState.REVERSED, RowState.CONFLICT]

#: Of a run that is not compared with the others of its job.
ALONE = ComparisonPolicy(beside=("payroll",)).as_json()


@pytest.fixture(scope="session")
def cards(row: MakeRow) -> Cards:
    """Return a function that creates a list of gift cards from references, each with its amount after a colon."""

    def make(*texts: str, product_id: int = 8803) -> list[CheckedRow]:
        rows = []
        for line, text in enumerate(texts, start=2):
            reference, _, amount = text.partition(":")
            rows.append(
                row(
                    1,
                    amount or "25",
                    line=line,
                    identity=f"reference:{reference}",
                    credit_party=None,
                    party_key=reference_key(reference),
                    product_id=product_id,
                    request=f'{{"product_id": {product_id}, "amount": {amount or 25}}}'.encode(),
                )
            )
        return rows

    return make


@pytest.fixture
def buy(ledger: LedgerStore, move: MakeMove) -> Callable[..., None]:
    """Return a function that sends pending rows and brings each to a state."""

    def send(run: Run, rows: int = 1, state: RowState = RowState.COMPLETED) -> None:
        attempts: Sequence[Attempt] = ledger.attempts.claim(run, rows)
        assert len(attempts) == rows
        if state is not RowState.IN_FLIGHT:
            ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, state) for attempt in attempts])

    return send


def _sendable(ledger: LedgerStore, run: Run) -> list[int]:
    """Return the lines of the rows that a run would send."""
    return [each.line for each in outcomes(ledger, run) if each.in_list and each.state is RowState.PENDING]


def _reasons(ledger: LedgerStore, run: Run) -> dict[int, str]:
    return {each.line: problem.message for each in outcomes(ledger, run) if each.in_list for problem in each.problems}


@pytest.mark.parametrize("state", SENT)
def test_no_card_is_bought_again_when_all_references_are_edited(
    ledger: LedgerStore, cards: Cards, start: Start, buy: Callable[..., None], state: RowState
) -> None:
    run = start(ledger, cards("001", "002", "003"))
    buy(run, 3, state)
    edited = cards("1", "2", "3")
    for _ in range(2):
        difference = preview(ledger, run, edited)
        assert (difference.possible_duplicates, difference.new) == (3, 0)
        assert difference.costs == {}
        start(ledger, edited)
        assert ledger.attempts.claim(run, 9) == []
    assert _reasons(ledger, run)[3] == (
        'Reference "2" is nearly "002", which line 3 of an earlier version of this list, since removed, had when it '
        "was sent product 8803 for 25 SGD. Restore that line, or if this row is another purchase, add --not-the-same 3 "
        "--reason TEXT."
    )
    assert all(problem.may_be_paid for each in outcomes(ledger, run) for problem in each.problems)
    start(ledger, [*cards("001", "002", "003"), *cards("-", "-", "-", "4")[3:]])
    assert _sendable(ledger, run) == [5]


@pytest.mark.parametrize(
    ("sent", "edited", "is_near"),
    [
        ("GC-001", "GC001", True),
        ("001-7", "17", True),
        ("0", "00", True),
        ("GC-001", "GC-1", True),
        ("GC-2026-001", "gc-2026-1", True),
        ("GC-001", "GC-020", False),
        ("1-23", "12-4", False),
        ("---", "A", False),
    ],
)
def test_the_reason_names_the_row_with_nearly_the_same_reference_first(
    ledger: LedgerStore,
    cards: Cards,
    start: Start,
    buy: Callable[..., None],
    sent: str,
    edited: str,
    is_near: bool,
) -> None:
    run = start(ledger, cards("X-7", sent))
    buy(run, 2)
    start(ledger, cards(edited))
    expected = f'"{edited}" is nearly "{sent}"' if is_near else f'"{edited}" may replace "X-7"'
    assert _reasons(ledger, run)[2].startswith(f"Reference {expected}, which line {3 if is_near else 2} of an earlier ")


@pytest.mark.parametrize("edited", ["gc-001", "\uff27\uff23\uff0d\uff10\uff10\uff11", " GC\u2013001"])
def test_an_equal_reference_is_the_row_that_was_bought(
    ledger: LedgerStore, cards: Cards, start: Start, buy: Callable[..., None], edited: str
) -> None:
    run = start(ledger, cards("X-7", "GC-001"))
    buy(run, 2)
    start(ledger, cards("X-7", edited))
    assert _reasons(ledger, run) == {}
    assert ledger.attempts.claim(run, 9) == []


def test_a_new_row_is_refused_only_if_a_sent_row_of_its_product_and_amount_left(
    ledger: LedgerStore, cards: Cards, start: Start, buy: Callable[..., None]
) -> None:
    run = start(ledger, cards("A", "B:40", "C:55"))
    buy(run, 2)
    start(ledger, [*cards("A", "C:55", "D", "E:40", "F:55"), *cards("", "", "", "", "", "G:40", product_id=8810)[5:]])
    assert _reasons(ledger, run).keys() == {5}
    assert _sendable(ledger, run) == [3, 4, 6, 7]


def test_a_row_that_was_in_the_list_beside_the_sent_one_stays(
    ledger: LedgerStore, cards: Cards, start: Start, buy: Callable[..., None]
) -> None:
    run = start(ledger, cards("A", "B", "C", "D:40"))
    buy(run)
    buy(run, state=RowState.FAILED)
    start(ledger, cards("B", "C", "D"))
    assert _sendable(ledger, run) == [3]
    assert ledger.retries.choose(run, RetryChoice())[0] == 1
    assert _reasons(ledger, run).keys() == {4}


def test_inserting_a_row_above_numbered_cards_buys_none_again(
    ledger: LedgerStore, cards: Cards, start: Start, buy: Callable[..., None]
) -> None:
    run = start(ledger, cards("1:10", "2:20", "3:30"))
    buy(run, 3)
    start(ledger, cards("1:5", "2:10", "3:20", "4:30"))
    assert _sendable(ledger, run) == []
    assert _reasons(ledger, run)[5].startswith(
        'Reference "4" may replace "3", which line 4, since changed in the list,'
    )


@pytest.fixture
def decide(ledger: LedgerStore) -> Callable[..., tuple[int, Run]]:
    """Return a function that merges a list with a decision about lines, and counts its possible duplicates."""

    def merge(rows: Sequence[CheckedRow], *lines: int, run_key: str = "2026-11") -> tuple[int, Run]:
        decision = NotTheSame(lines=frozenset(lines), reason="a new colleague", by="ann") if lines else None
        ledger.staging.clear()
        ledger.staging.add(staged(rows))
        comparison = Comparison(runs=(), not_the_same=decision)
        found = ledger.staging.preview(ledger.runs.find("payroll", run_key), comparison=comparison)
        run = ledger.staging.merge(
            job="payroll",
            run_key=run_key,
            environment="sandbox",
            list_path="payroll.csv",
            columns=("reference",),
            not_the_same=decision,
        )
        return found.possible_duplicates, run

    return merge


def test_a_person_may_say_that_new_cards_are_others_than_those_that_left(
    ledger: LedgerStore, cards: Cards, start: Start, buy: Callable[..., None], decide: Callable[..., tuple[int, Run]]
) -> None:
    run = start(ledger, cards("GC-001", "GC-002"))
    buy(run, 2)
    edited = cards("GC-1", "B", "C")
    assert decide(edited)[0] == 3
    assert ledger.staging.undecided_lines(9) == ()
    assert decide(edited, 2, 3)[0] == 1
    assert _sendable(ledger, run) == [2, 3]
    named = {reference: ledger.not_the_same.find(reference_key(reference)) for reference in ("GC-1", "B", "C")}
    assert {len(pairs) for pairs in (named["GC-1"], named["B"])} == {1}
    assert reference_key("GC-001") in {named["GC-1"][0].key, named["GC-1"][0].other}
    assert named["C"] == []
    assert decide(edited)[0] == 1, "rows that are in the run are not new any more"
    assert _sendable(ledger, run) == [2, 3]


def test_a_decision_about_a_card_does_not_hold_for_others_that_left(
    ledger: LedgerStore, cards: Cards, start: Start, buy: Callable[..., None], decide: Callable[..., tuple[int, Run]]
) -> None:
    buy(start(ledger, cards("A")))
    assert decide(cards("N"), 2)[0] == 0
    buy(start(ledger, cards("A", "B"), run_key="2026-12", comparison=ALONE), 2)
    assert decide(cards("N", "B"), run_key="2026-12")[0] == 0
    december = ledger.runs.named("payroll/2026-12")
    assert _sendable(ledger, december) == [2]
    buy(start(ledger, cards("A", "B"), run_key="2027-01", comparison=ALONE), 2)
    assert decide(cards("N"), run_key="2027-01")[0] == 1
    assert _reasons(ledger, ledger.runs.named("payroll/2027-01"))[2].startswith('Reference "N" may replace "B"')


def test_an_approval_names_the_pairs_of_cards(
    ledger: LedgerStore, cards: Cards, start: Start, buy: Callable[..., None], decide: Callable[..., tuple[int, Run]]
) -> None:
    buy(start(ledger, cards("A")))
    decide(cards("N"), 2)
    buy(start(ledger, cards("A"), run_key="2026-12", comparison=ALONE))
    ledger.staging.clear()
    ledger.staging.add(staged(cards("N")))
    ledger.staging.preview(ledger.runs.named("payroll/2026-12"))
    assert ledger.staging.digest(RunIds.of_name("payroll", "2026-12")).pairs == 1


def test_a_failed_row_that_left_refuses_nobody(
    ledger: LedgerStore, cards: Cards, start: Start, buy: Callable[..., None]
) -> None:
    run = start(ledger, cards("A"))
    buy(run, 1, RowState.FAILED)
    start(ledger, cards("B"))
    assert _sendable(ledger, run) == [2]
    december = start(ledger, cards("A"), run_key="2026-12")
    buy(december)
    january = start(ledger, cards("B"), run_key="2027-01")
    assert _sendable(ledger, january) == [2]
