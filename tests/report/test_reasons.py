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


def test_cells_beyond_the_header_are_told_in_the_note() -> None:
    cells = ("a", "b", "c", "d")
    assert note("Changed.", cells, 4) == "Changed."
    assert note("Changed.", cells, 2) == 'Changed. Cells beyond the header: "c", "d".'
    assert note("", cells, 3) == 'Cells beyond the header: "d".'


@pytest.mark.parametrize(
    "state", [RowState.PENDING, RowState.IN_FLIGHT, RowState.ACCEPTED, RowState.REVERSED, RowState.CONFLICT]
)
def test_rows_that_may_be_paid_already_or_will_be_say_so_first(
    run: Run, outcome: Callable[..., Outcome], state: RowState
) -> None:
    told = why_not_completed(run)(outcome(state=state, message="The connection broke.", note="Seen twice."))
    assert told.startswith(DO_NOT_PAY)
    assert told.endswith("The connection broke. Seen twice.")


@pytest.mark.parametrize("state", [RowState.REFUSED, RowState.FAILED])
def test_rows_that_nobody_was_paid_for_may_be_corrected(
    run: Run, outcome: Callable[..., Outcome], state: RowState
) -> None:
    told = why_not_completed(run)(outcome(state=state, message="Barred."))
    assert DO_NOT_PAY not in told
    assert "Barred. Correct the row here and start the list again with this file as its --corrections, or" in told


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
    assert f"`bulk-topup {command} payroll/2026-11`" in why_not_completed(run)(outcome(state=state))
    assert f"`bulk-topup {command} 'payroll/week {{48}}'`" in why_not_completed(spaced)(outcome(state=state))


def test_braces_in_a_message_are_left_alone(run: Run, outcome: Callable[..., Outcome]) -> None:
    assert "{run} {0}" in why_not_completed(run)(outcome(state=RowState.FAILED, message="{run} {0}"))


def test_every_state_but_completed_has_its_sentence(run: Run, outcome: Callable[..., Outcome]) -> None:
    why = why_not_completed(run)
    sentences = {why(outcome(state=state)) for state in RowState if state is not RowState.COMPLETED}
    assert len(sentences) == len(RowState) - 1
    with pytest.raises(KeyError):
        why(outcome())


@pytest.mark.parametrize("state", [RowState.REFUSED, RowState.FAILED])
def test_a_row_that_another_row_may_pay_is_not_to_be_paid(
    run: Run, outcome: Callable[..., Outcome], state: RowState
) -> None:
    problems = (*_PROBLEMS, Problem(column="", message="Line 2 gives the same.", may_be_paid=True))
    told = why_not_completed(run)(outcome(state=state, problems=problems))
    assert told.startswith(DO_NOT_PAY)
    assert told.endswith("Line 2 gives the same.")


@pytest.mark.parametrize("state", [RowState.REFUSED, RowState.FAILED])
def test_a_row_that_left_the_list_is_neither_started_nor_retried(
    run: Run, outcome: Callable[..., Outcome], state: RowState
) -> None:
    told = why_not_completed(run)(outcome(state=state, message="Barred.", in_list=False))
    assert told.startswith(f"{DO_NOT_PAY} it left the list")
    assert "--corrections" not in told
    assert "retry" not in told


def test_a_row_that_came_as_not_to_be_paid_keeps_its_reason(run: Run, outcome: Callable[..., Outcome]) -> None:
    later = replace(run, columns=("phone", "reason"))
    came_with = f"{DO_NOT_PAY} the outcome is unknown."
    refused = outcome(state=RowState.REFUSED, cells=("+6595123100", came_with), problems=_PROBLEMS)
    assert why_not_completed(later)(refused) == came_with
    assert DO_NOT_PAY not in why_not_completed(later)(replace(refused, cells=("+6595123100", "Not paid.")))
    assert DO_NOT_PAY not in why_not_completed(later)(replace(refused, cells=("+6595123100",)))
