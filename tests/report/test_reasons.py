from collections.abc import Callable
from dataclasses import replace

import pytest

from bulk_topup.domain.problems import DO_NOT_PAY, Problem
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.report.reasons import note, reason, why_not_completed

_PROBLEMS = (
    Problem(column="phone", message='"0659" is not an E.164 number.'),
    Problem(column="", message="The row equals line 7."),
)


def test_every_problem_is_in_the_reason_with_its_column(outcome: Callable[..., Outcome]) -> None:
    row = outcome(state=RowState.REFUSED, problems=_PROBLEMS)
    assert reason(row.message, row.problems) == 'Column "phone": "0659" is not an E.164 number. The row equals line 7.'


def test_the_message_comes_before_the_problems() -> None:
    assert reason("Stopped.", _PROBLEMS[1:]) == "Stopped. The row equals line 7."
    assert reason("Stopped.", ()) == "Stopped."


def test_cells_beyond_the_header_are_in_the_note() -> None:
    cells = ("a", "b", "c", "d")
    assert note("Changed.", cells, 4) == "Changed."
    assert note("Changed.", cells, 2) == 'Changed. Cells beyond the header: "c", "d".'
    assert note("", cells, 3) == 'Cells beyond the header: "d".'


@pytest.mark.parametrize(
    "state", [RowState.PENDING, RowState.IN_FLIGHT, RowState.ACCEPTED, RowState.REVERSED, RowState.CONFLICT]
)
def test_the_reason_of_a_row_that_may_be_paid_starts_with_a_warning(
    run: Run, outcome: Callable[..., Outcome], state: RowState
) -> None:
    text = why_not_completed(run)(outcome(state=state, message="The connection broke.", note="Seen twice."))
    assert text.startswith(DO_NOT_PAY)
    assert text.endswith("The connection broke. Seen twice.")


@pytest.mark.parametrize("state", [RowState.REFUSED, RowState.FAILED])
def test_rows_that_are_not_paid_may_be_corrected(run: Run, outcome: Callable[..., Outcome], state: RowState) -> None:
    text = why_not_completed(run)(outcome(state=state, message="Declined.", status_message="DECLINED"))
    assert DO_NOT_PAY not in text
    assert "Declined. Correct the row here and run the list with this file as --corrections, or" in text


def test_a_retry_is_named_only_where_it_may_succeed(run: Run, outcome: Callable[..., Outcome]) -> None:
    text = why_not_completed(run)(outcome(state=RowState.FAILED, status_message="DECLINED-BARRED-CREDIT-PARTY"))
    assert text.endswith("Correct the row here and run the list with this file as --corrections.")


@pytest.mark.parametrize(
    ("state", "command"),
    [
        (RowState.PENDING, "resume"),
        (RowState.IN_FLIGHT, "resume"),
        (RowState.ACCEPTED, "resume"),
        (RowState.FAILED, "retry"),
    ],
)
def test_the_reason_names_the_command_as_it_can_be_typed(
    run: Run, outcome: Callable[..., Outcome], state: RowState, command: str
) -> None:
    spaced = replace(run, run_key="week {48}")
    assert (
        f"`bulk-topup {command} payroll/2026-11 --env sandbox --base-url https://dvs.example/v1`"
        in why_not_completed(run)(outcome(state=state, status_message="DECLINED"))
    )
    assert (
        f"`bulk-topup {command} 'payroll/week {{48}}' --env sandbox --base-url https://dvs.example/v1`"
        in why_not_completed(spaced)(outcome(state=state, status_message="DECLINED"))
    )


def test_braces_in_a_message_are_left_alone(run: Run, outcome: Callable[..., Outcome]) -> None:
    assert "{run} {0}" in why_not_completed(run)(outcome(state=RowState.FAILED, message="{run} {0}"))


def test_every_state_but_completed_has_its_sentence(run: Run, outcome: Callable[..., Outcome]) -> None:
    why = why_not_completed(run)
    sentences = {why(outcome(state=state)) for state in RowState if state is not RowState.COMPLETED}
    assert len(sentences) == len(RowState) - 1
    with pytest.raises(KeyError):
        why(outcome())


@pytest.mark.parametrize("state", [RowState.REFUSED, RowState.FAILED])
def test_a_row_that_another_row_may_pay_must_not_be_paid(
    run: Run, outcome: Callable[..., Outcome], state: RowState
) -> None:
    problems = (*_PROBLEMS, Problem(column="", message="Line 2 gives the same.", may_be_paid=True))
    text = why_not_completed(run)(outcome(state=state, problems=problems))
    assert text.startswith(DO_NOT_PAY)
    assert text.endswith("Line 2 gives the same.")


@pytest.mark.parametrize("state", [RowState.REFUSED, RowState.FAILED])
def test_a_row_that_is_no_longer_in_the_list_is_neither_run_nor_retried(
    run: Run, outcome: Callable[..., Outcome], state: RowState
) -> None:
    text = why_not_completed(run)(outcome(state=state, message="Barred.", in_list=False))
    assert text.startswith(f"{DO_NOT_PAY} it is no longer in the list")
    assert "--corrections" not in text
    assert "retry" not in text


def test_a_row_from_a_file_that_forbids_its_payment_keeps_that_reason(
    run: Run, outcome: Callable[..., Outcome]
) -> None:
    later = replace(run, columns=("phone", "reason"))
    earlier = f"{DO_NOT_PAY} the outcome is unknown."
    refused = outcome(state=RowState.REFUSED, cells=("+6595123100", earlier), problems=_PROBLEMS)
    assert why_not_completed(later)(refused) == earlier
    assert DO_NOT_PAY not in why_not_completed(later)(replace(refused, cells=("+6595123100", "Not paid.")))
    assert DO_NOT_PAY not in why_not_completed(later)(replace(refused, cells=("+6595123100",)))
