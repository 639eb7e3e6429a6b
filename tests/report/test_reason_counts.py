from collections.abc import Callable

from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.problems import Problem
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.states import RowState
from bulk_topup.report.reason_counts import LINES_NAMED, MAX_KINDS, ReasonGroup, Reasons


def _gathered(*rows: Outcome) -> list[ReasonGroup]:
    reasons = Reasons()
    for row in rows:
        reasons.add(Outcomes.of([row]))
    return reasons.most_common()


def _refused(outcome: Callable[..., Outcome], line: int, *messages: str) -> Outcome:
    problems = tuple(Problem(column="phone", message=message) for message in messages)
    return outcome(line=line, state=RowState.REFUSED, problems=problems, status_message=None)


def test_refusals_that_differ_in_their_values_alone_are_one_kind(outcome: Callable[..., Outcome]) -> None:
    rows = [_refused(outcome, line, f'"0659{line}" is not an E.164 number; write it with +.') for line in range(2, 12)]
    [kind] = _gathered(*rows)
    assert kind.reason == 'Column "phone": "…" is not an E.164 number; write it with +.'
    assert (kind.rows, kind.lines) == (10, list(range(2, 2 + LINES_NAMED)))


def test_amounts_of_a_refusal_are_its_own_and_its_product_is_not(outcome: Callable[..., Outcome]) -> None:
    rows = [_refused(outcome, line, f"Product 6418 takes 5 SGD at least, and {line}.50 is less.") for line in (2, 3)]
    [kind] = _gathered(*rows)
    assert kind.reason == 'Column "phone": Product 6418 takes … SGD at least, and … is less.'


def test_a_row_with_two_problems_counts_for_both(outcome: Callable[..., Outcome]) -> None:
    kinds = _gathered(_refused(outcome, 2, "It is empty.", "It is late."), _refused(outcome, 3, "It is late."))
    assert [(kind.reason, kind.rows) for kind in kinds] == [
        ('Column "phone": It is late.', 2),
        ('Column "phone": It is empty.', 1),
    ]


def test_failed_rows_are_told_apart_by_what_the_provider_answered(outcome: Callable[..., Outcome]) -> None:
    kinds = _gathered(
        outcome(state=RowState.FAILED, status_message="DECLINED-BARRED-CREDIT-PARTY", message="Declined."),
        outcome(state=RowState.FAILED, status_message=None, message='DVS answered HTTP 400: "x" is not for sale.'),
        outcome(state=RowState.COMPLETED),
    )
    assert [(kind.state, kind.reason) for kind in kinds] == [
        (RowState.FAILED, "DECLINED-BARRED-CREDIT-PARTY"),
        (RowState.FAILED, 'DVS answered HTTP 400: "…" is not for sale.'),
    ]


def test_open_rows_say_why_they_are_open(outcome: Callable[..., Outcome]) -> None:
    [kind] = _gathered(outcome(state=RowState.IN_FLIGHT, status_message=None))
    assert kind.reason == "The outcome is unknown; it may have been paid."


def test_reasons_without_end_take_no_memory_without_end_and_no_row_is_lost(outcome: Callable[..., Outcome]) -> None:
    many = MAX_KINDS + 50
    kinds = _gathered(*(_refused(outcome, line, f"Reason {chr(0x4E00 + line)}.") for line in range(many)))
    assert len(kinds) == MAX_KINDS + 1
    assert sum(kind.rows for kind in kinds) == many
    assert kinds[0].rows == 50
