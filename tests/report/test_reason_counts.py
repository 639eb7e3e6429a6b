from collections.abc import Callable

from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.problems import Problem
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.states import RowState
from bulk_topup.report.reason_counts import LINES_NAMED, MAX_GROUPS, ReasonGroup, Reasons


def _groups(*rows: Outcome) -> list[ReasonGroup]:
    reasons = Reasons()
    for row in rows:
        reasons.add(Outcomes.of([row]))
    return reasons.most_common()


def _refused(outcome: Callable[..., Outcome], line: int, *messages: str) -> Outcome:
    problems = tuple(Problem(column="phone", message=message) for message in messages)
    return outcome(line=line, state=RowState.REFUSED, problems=problems, status_message=None)


def test_refusals_that_differ_only_in_their_values_are_one_group(outcome: Callable[..., Outcome]) -> None:
    rows = [_refused(outcome, line, f'"0659{line}" is not an E.164 number; write it with +.') for line in range(2, 12)]
    [group] = _groups(*rows)
    assert group.reason == 'Column "phone": "…" is not an E.164 number; write it with +.'
    assert (group.rows, group.lines) == (10, list(range(2, 2 + LINES_NAMED)))


def test_refusals_are_grouped_by_product_whatever_their_amounts(outcome: Callable[..., Outcome]) -> None:
    rows = [_refused(outcome, line, f"{line}.50 must be at least 5.00 SGD (product 6418).") for line in (2, 3)]
    [group] = _groups(*rows)
    assert group.reason == 'Column "phone": … must be at least … SGD (product 6418).'


def test_a_row_with_two_problems_counts_for_both(outcome: Callable[..., Outcome]) -> None:
    groups = _groups(_refused(outcome, 2, "It is empty.", "It is late."), _refused(outcome, 3, "It is late."))
    assert [(group.reason, group.rows) for group in groups] == [
        ('Column "phone": It is late.', 2),
        ('Column "phone": It is empty.', 1),
    ]


def test_failed_rows_are_grouped_by_the_status_or_error_of_dvs(outcome: Callable[..., Outcome]) -> None:
    groups = _groups(
        outcome(state=RowState.FAILED, status_message="DECLINED-BARRED-CREDIT-PARTY", message="Declined."),
        outcome(state=RowState.FAILED, status_message=None, message='DVS answered HTTP 400: "x" is not for sale.'),
        outcome(state=RowState.COMPLETED),
    )
    assert [(group.state, group.reason) for group in groups] == [
        (
            RowState.FAILED,
            "The number is barred by its operator; ask for another number (DECLINED-BARRED-CREDIT-PARTY).",
        ),
        (RowState.FAILED, 'DVS answered HTTP 400: "…" is not for sale.'),
    ]


def test_open_rows_have_a_reason(outcome: Callable[..., Outcome]) -> None:
    [group] = _groups(outcome(state=RowState.IN_FLIGHT, status_message=None))
    assert group.reason == "Sent, outcome unknown. It may have been paid."


def test_very_many_reasons_take_bounded_memory_and_no_row_is_lost(outcome: Callable[..., Outcome]) -> None:
    many = MAX_GROUPS + 50
    groups = _groups(*(_refused(outcome, line, f"Reason {chr(0x4E00 + line)}.") for line in range(many)))
    assert len(groups) == MAX_GROUPS + 1
    assert sum(group.rows for group in groups) == many
    assert groups[0].rows == 50
