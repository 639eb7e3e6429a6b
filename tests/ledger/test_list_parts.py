"""Lists that are paid in parts: whose row is whose, what is refused beside others, and what stays."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from bulk_topup.domain.earlier_payments import Comparison
from bulk_topup.domain.guards import Velocity
from bulk_topup.domain.identity import party_identity
from bulk_topup.domain.list_parts import LAST_LINE
from bulk_topup.domain.not_the_same import NotTheSame
from bulk_topup.domain.run import Run
from bulk_topup.domain.sameness import account_key
from bulk_topup.domain.states import RowState
from bulk_topup.domain.totals import MergePreview
from bulk_topup.errors import ListError
from bulk_topup.ledger import LedgerStore, RetryChoice
from tests.helpers.checked_rows import CheckedRow, staged
from tests.helpers.staged_lists import outcomes

MakeRow = Callable[..., CheckedRow]
MakeMove = Callable[..., Any]

ADDED = Comparison(runs=(), add=True)


def compare(
    ledger: LedgerStore,
    rows: Sequence[CheckedRow],
    comparison: Comparison = ADDED,
    *,
    allow_duplicates: bool = False,
) -> MergePreview:
    """Stage a list for the tests' run, and return what its merge would do."""
    ledger.staging.clear()
    ledger.staging.add(staged(rows))
    run = ledger.runs.find("list", "parts")
    return ledger.staging.preview(run, comparison=comparison, allow_duplicates=allow_duplicates)


def merge(ledger: LedgerStore, *, add: bool = True, list_path: str = "pay.csv", **more: Any) -> Run:
    """Merge the staged list into the tests' run."""
    return ledger.staging.merge(
        job="list",
        run_key="parts",
        environment="sandbox",
        list_path=list_path,
        columns=("phone", "amount"),
        by="ana",
        add=add,
        **more,
    )


def pay(ledger: LedgerStore, run: Run, move: MakeMove, state: RowState = RowState.COMPLETED) -> list[str]:
    """Send what is pending, and return the rows' numbers."""
    attempts = ledger.attempts.claim(run, 99)
    ledger.attempts.record([move(attempt, RowState.IN_FLIGHT, state) for attempt in attempts])
    return [str(each.row_id) for each in attempts]


def begin(ledger: LedgerStore, rows: Sequence[CheckedRow], move: MakeMove, *, state: RowState) -> Run:
    """Create the tests' run with a first part, and bring its rows to a state."""
    compare(ledger, rows, Comparison(runs=()))
    run = merge(ledger, add=False, list_path="1.csv")
    pay(ledger, run, move, state)
    return run


@pytest.mark.parametrize("state", [RowState.COMPLETED, RowState.ACCEPTED, RowState.FAILED, RowState.CONFLICT])
def test_an_equal_row_beside_a_row_that_stays_is_refused_in_whatever_state_that_is(
    ledger: LedgerStore, row: MakeRow, move: MakeMove, state: RowState
) -> None:
    begin(ledger, [row(1, identity="reference:A"), row(2, identity="reference:B")], move, state=state)
    second = [row(1, line=2, identity="reference:C"), row(3, identity="reference:D")]
    difference = compare(ledger, second)
    assert (difference.new, difference.possible_duplicates, difference.kept) == (1, 1, 2)
    [(line, problems)] = ledger.staging.refusals(9)
    assert line == 2
    assert "line 3 of 1.csv, a list of this run, may pay the same" in problems[0].message
    # Where duplicates are allowed, two references are two payments.
    assert compare(ledger, second, allow_duplicates=True).new == 2


def test_a_velocity_limit_counts_what_the_run_will_send_of_its_other_lists(ledger: LedgerStore, row: MakeRow) -> None:
    limit = Velocity(days=20, payments=1)

    def refused(*rows: CheckedRow) -> list[str]:
        ledger.staging.clear()
        ledger.staging.add(staged(rows))
        ledger.staging.preview(ledger.runs.find("list", "parts"), limit, ADDED)
        return [problems[0].message for _, problems in ledger.staging.refusals(9)]

    first, other = row(1, identity="reference:A"), row(2, identity="reference:B")
    ledger.staging.clear()
    ledger.staging.add(staged([first, other]))
    run = merge(ledger, add=False, list_path="1.csv")
    second = row(1, line=2, identity="reference:C"), row(3, identity="reference:D")
    [message] = refused(*second)
    assert "by line 3 of list 1 of this run, which is still pending. The velocity limit is 1 payment" in message
    # What is sent first counts, so a row of the first list is refused for none of the second.
    ledger.staging.clear()
    ledger.staging.add(staged(second))
    ledger.staging.preview(run, None, ADDED)
    merge(ledger)
    assert refused(first, other) == []
    assert len(refused(*second)) == 1


def test_near_rows_beside_a_row_that_stays_need_a_decision_which_is_kept(
    ledger: LedgerStore, row: MakeRow, move: MakeMove
) -> None:
    def account(number: str, line: int, reference: str) -> CheckedRow:
        changes = {"credit_party": number, "party_key": account_key(number), "identity": f"reference:{reference}"}
        return row(line, line=line, **changes)

    begin(ledger, [account("012", 2, "A"), account("500", 3, "B")], move, state=RowState.COMPLETED)
    second = [account("12", 2, "C"), account("600", 3, "D")]
    assert compare(ledger, second).new == 1
    assert ledger.staging.undecided_lines(9) == (2,)
    decided = NotTheSame(lines=frozenset({2}), reason="two meters", by="ana")
    assert compare(ledger, second, Comparison(runs=(), add=True, not_the_same=decided)).new == 2
    merge(ledger, not_the_same=decided)
    assert compare(ledger, second).waiting == 2
    assert compare(ledger, second, Comparison(runs=())).waiting == 2


def test_a_reference_of_another_part_is_refused_and_the_row_that_has_it_stays(
    ledger: LedgerStore, row: MakeRow, move: MakeMove
) -> None:
    first = [row(who, identity=f"reference:{who}") for who in (1, 2, 3)]
    run = begin(ledger, first, move, state=RowState.COMPLETED)
    other = [row(7, line=2, identity="reference:1"), row(8, line=3, identity="reference:8")]
    for _ in range(2):
        difference = compare(ledger, other)
        assert (difference.possible_duplicates, difference.changed_after_sending) == (1, 0)
        merge(ledger, list_path="2.csv")
    found = [(each.line, each.state, each.note) for each in outcomes(ledger, run)]
    assert found[:3] == [(line, RowState.COMPLETED, "") for line in (3, 4, 5)]
    assert found[3:] == [(20_000_002, RowState.REFUSED, ""), (20_000_003, RowState.PENDING, "")]


def test_rows_that_an_added_list_lacks_stay_when_it_is_read_again(
    ledger: LedgerStore, row: MakeRow, move: MakeMove
) -> None:
    run = begin(ledger, [row(1), row(2), row(3), row(4, refused="No.")], move, state=RowState.COMPLETED)
    grown = [row(2, line=2), row(3, line=3), row(5, line=4)]
    for add in (True, False, True):
        compare(ledger, grown, ADDED if add else Comparison(runs=()))
        run = merge(ledger, add=add, list_path="1.csv")
    assert [(part.list_path, part.by) for part in run.parts] == [("1.csv", ""), ("", "ana")]
    # A refused row that was never sent leaves, as it was rather corrected.
    assert [(each.line, each.state, each.note) for each in outcomes(ledger, run)] == [
        (2, RowState.COMPLETED, ""),
        (3, RowState.COMPLETED, ""),
        (4, RowState.PENDING, ""),
        (20_000_003, RowState.COMPLETED, ""),
    ]


def test_a_failed_row_that_an_added_list_lacks_is_not_retried_beside_the_corrected_one(
    ledger: LedgerStore, row: MakeRow, move: MakeMove
) -> None:
    run = begin(ledger, [row(1), row(2)], move, state=RowState.COMPLETED)
    compare(ledger, [row(1), row(2), row(3)], Comparison(runs=()))
    pay(ledger, merge(ledger, add=False), move, RowState.FAILED)
    corrected = [row(1), row(2), row(4)]
    compare(ledger, corrected)
    pay(ledger, merge(ledger), move)
    assert ledger.retries.choose(run, RetryChoice())[0] == 0
    compare(ledger, [row(1), row(2), row(3)])  # the list has it again
    merge(ledger)
    assert ledger.retries.choose(run, RetryChoice())[0] == 1


@pytest.mark.parametrize(
    ("second", "is_refused"), [("1", True), ("R-001", True), ("r001", True), ("R-2", False), ("10", False)]
)
def test_a_reference_in_another_spelling_beside_rows_that_stay_is_refused(
    ledger: LedgerStore, row: MakeRow, move: MakeMove, second: str, is_refused: bool
) -> None:
    first = [row(1, identity="reference:001"), row(2, identity="reference:R-1")]
    begin(ledger, first, move, state=RowState.COMPLETED)
    who = 2 if second.lower().startswith("r") else 1
    again = [row(who, line=2, identity=f"reference:{second}"), row(5, identity="reference:5")]
    difference = compare(ledger, again, allow_duplicates=True)
    assert (difference.possible_duplicates, difference.new) == ((1, 1) if is_refused else (0, 2))


def test_a_beneficiary_of_a_row_that_stays_is_refused_with_another_product_where_products_are_chosen(
    ledger: LedgerStore, row: MakeRow, move: MakeMove
) -> None:
    begin(ledger, [row(1, identity="reference:1")], move, state=RowState.COMPLETED)
    other = [row(1, line=2, identity="reference:2", product_id=7000), row(3, identity="reference:3")]
    assert compare(ledger, other).new == 2
    assert compare(ledger, other, Comparison(runs=(), add=True, any_product=True)).new == 1


def test_a_list_with_refused_rows_is_the_same_part_when_it_is_added_again(
    ledger: LedgerStore, row: MakeRow, move: MakeMove
) -> None:
    run = begin(ledger, [row(who, identity=f"reference:{who}") for who in range(1, 9)], move, state=RowState.COMPLETED)
    unreadable = {"product_id": None, "party_key": None, "credit_party": None}
    lists = [
        [row(who, identity=f"cells:{who}", refused="No.", **unreadable) for who in (21, 22)],
        [row(30, identity="reference:30"), *(row(who, refused="No.", identity=f"cells:{who}") for who in (31, 32, 33))],
        [  # some are refused because their references are those of other rows of the run
            *(row(who + 40, line=who + 40, identity=f"reference:{who}") for who in range(3, 9)),
            row(50, identity="reference:50"),
        ],
    ]
    for number, rows in enumerate(lists, start=2):
        for _ in range(2):
            compare(ledger, rows)
            run = merge(ledger, list_path=f"{number}.csv")
            assert len(run.parts) == number
    pay(ledger, run, move)
    assert len(outcomes(ledger, run)) == 8 + sum(map(len, lists))
    # With its refused rows corrected, it is still that part.
    compare(ledger, [row(who, identity=f"reference:{who}") for who in range(30, 34)])
    assert len(merge(ledger, list_path="3.csv").parts) == len(lists) + 1


def test_a_row_that_was_refused_in_one_list_is_paid_as_another_list_has_it(
    ledger: LedgerStore, row: MakeRow, move: MakeMove
) -> None:
    first = [row(1, identity="reference:A"), row(2, identity="reference:B", refused="No.")]
    run = begin(ledger, first, move, state=RowState.COMPLETED)
    second = [row(2, line=2, identity="reference:B"), row(3, line=3, identity="reference:C")]
    assert compare(ledger, second).possible_duplicates == 0
    merge(ledger, list_path="2.csv")
    assert len(pay(ledger, run, move)) == 2
    for rows, list_path in ((first, "1.csv"), (second, "2.csv")):
        compare(ledger, rows)
        merge(ledger, list_path=list_path)
    assert [(each.line, each.state) for each in outcomes(ledger, run) if each.in_list] == [
        (3, RowState.COMPLETED),
        (4, RowState.REFUSED),
        (20_000_002, RowState.COMPLETED),
        (20_000_003, RowState.COMPLETED),
    ]


def test_a_row_whose_sent_row_left_its_list_is_refused_also_where_the_list_is_added(
    ledger: LedgerStore, row: MakeRow, move: MakeMove
) -> None:
    begin(ledger, [row(1, identity="reference:A"), row(2, identity="reference:B")], move, state=RowState.COMPLETED)
    edited = [row(1, identity="reference:C"), row(2, identity="reference:B")]
    assert compare(ledger, edited, Comparison(runs=()), allow_duplicates=True).possible_duplicates == 1
    merge(ledger, add=False)
    added = [row(1, line=2, identity="reference:C"), row(3, identity="reference:D")]
    for _ in range(2):
        difference = compare(ledger, added, allow_duplicates=True)
        assert (difference.possible_duplicates, difference.new + difference.waiting) == (1, 1)
        merge(ledger)
    # In another list, two references are two payments.
    others = [row(1, line=2, identity="reference:E"), *(row(who, identity=f"reference:{who}") for who in (4, 5))]
    assert compare(ledger, others, allow_duplicates=True).new == 3


def test_the_same_list_is_found_in_each_part_of_a_run(ledger: LedgerStore, row: MakeRow, move: MakeMove) -> None:
    begin(ledger, [row(1), row(2)], move, state=RowState.COMPLETED)
    compare(ledger, [row(3), row(4), row(5)])
    run = merge(ledger, list_path="2.csv")
    for people, is_same in (
        ((1, 2), True),
        ((3, 4, 5), True),
        ((1, 2, 3, 4, 5), True),
        ((3, 4), False),
        ((1, 3), False),
    ):
        ledger.staging.clear()
        ledger.staging.add(staged([row(who) for who in people]))
        assert ledger.staging.is_list_of(run) is is_same


def test_pending_rows_that_stay_are_sent_and_counted(ledger: LedgerStore, row: MakeRow, move: MakeMove) -> None:
    compare(ledger, [row(1, "10"), row(2, "20")], Comparison(runs=()))
    run = merge(ledger, add=False)
    difference = compare(ledger, [row(2, "20"), row(3, "30")])
    assert (difference.new, difference.waiting, difference.kept, difference.kept_waiting) == (1, 1, 1, 1)
    assert difference.costs == {"USD": 30}
    assert ledger.spending.final_with_staged(run).amounts == {"SGD": 60}
    merge(ledger)
    assert len(pay(ledger, run, move)) == 3


def test_a_file_that_was_written_over_is_no_list_of_an_earlier_part(
    ledger: LedgerStore, row: MakeRow, move: MakeMove
) -> None:
    begin(ledger, [row(1), row(2)], move, state=RowState.COMPLETED)
    compare(ledger, [row(3), row(4)])
    assert [part.list_path for part in merge(ledger, list_path="1.csv").parts] == ["", "1.csv"]


def test_a_part_has_a_maximum_length(ledger: LedgerStore, row: MakeRow, move: MakeMove) -> None:
    begin(ledger, [row(1)], move, state=RowState.COMPLETED)
    with pytest.raises(ListError, match="9,999,999 lines"):
        compare(ledger, [row(2, line=LAST_LINE + 1)])
    compare(ledger, [row(2, line=LAST_LINE)])


people, amounts = st.integers(0, 7), st.sampled_from(["10", "20"])
lists = st.dictionaries(people, amounts, min_size=1, max_size=5)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
@example(parts=[{0: "10"}, {0: "20"}], starts=[], allow_duplicates=False)
@given(
    parts=st.lists(lists, min_size=2, max_size=3),
    starts=st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.integers(0, 4)), max_size=5),
    allow_duplicates=st.booleans(),
)
def test_parts_in_any_order_pay_each_row_once_and_forget_none(
    tmp_path_factory: pytest.TempPathFactory,
    row: MakeRow,
    move: MakeMove,
    parts: list[dict[int, str]],
    starts: list[tuple[int, bool, int]],
    allow_duplicates: bool,
) -> None:
    # A list with half of the rows of another one is that one, grown.
    for one in parts:
        assume(all(other is one or 2 * len(one.items() & other.items()) < len(one) for other in parts))
    files = [
        [
            row(who, amount, line=line, identity=party_identity(6418, (f"+6595123{who:03}", None, None)))
            for line, (who, amount) in enumerate(part.items(), start=2)
        ]
        for part in parts
    ]
    path: Path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    begun: set[int] = set()
    paid: Counter[tuple[str | None, str]] = Counter()
    with LedgerStore(path) as ledger:
        run: Run | None = None
        # At the end, each part is started until nothing is left.
        rest = [(number, number % 2 == 0, 9) for number in range(len(parts))]
        for number, add, to_send in [(0, False, 0), *starts, *rest, *rest]:
            number %= len(parts)
            add = run is not None and (add or number not in begun)
            comparison = ADDED if add else Comparison(runs=())
            difference = compare(ledger, files[number], comparison, allow_duplicates=allow_duplicates)
            pending = run is not None and ledger.rows.counts(run)[RowState.PENDING] > 0
            if not pending or difference.shared:  # else it is another list
                run = merge(ledger, add=add, list_path=f"{number}.csv")
                begun.add(number)
            assert run is not None
            attempts = ledger.attempts.claim(run, to_send)
            ledger.attempts.record([move(each, RowState.IN_FLIGHT, RowState.COMPLETED) for each in attempts])
        rows = outcomes(ledger, ledger.runs.named("list/parts"))
        paid.update((each.credit_party, str(each.amount)) for each in rows if each.state is RowState.COMPLETED)
        assert not any(each.note for each in rows)
        assert all(each.in_list and each.state in {RowState.COMPLETED, RowState.REFUSED} for each in rows)
        assert len(rows) == sum(map(len, parts))
        asked = {(f"+6595123{who:03}", amount) for part in parts for who, amount in part.items()}
        if allow_duplicates:
            assert paid == Counter(asked)
        else:
            assert Counter(party for party, _ in paid.elements()) == Counter({party for party, _ in asked})
