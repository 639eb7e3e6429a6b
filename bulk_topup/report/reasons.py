"""The reason of a row's state, as sentences for people; pure, one table of sentences a state."""

from collections.abc import Callable, Sequence
from typing import Final

from bulk_topup.domain.problems import DO_NOT_PAY, REASON_COLUMN, Problem
from bulk_topup.domain.retry_rules import WORTH_A_RETRY
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.verdict import run_arguments

_CORRECT: Final = "Correct the row here and run the list with this file as --corrections"

#: The sentences before and after the row's own reason in the not-completed file, by state; {run} is the run's name and
#: options. Completed rows are not in that file.
_SENTENCES: Final[dict[RowState, tuple[str, str]]] = {
    RowState.REFUSED: ("Not sent.", f"{_CORRECT}, or correct the list itself."),
    RowState.PENDING: (f"{DO_NOT_PAY} not sent yet. Send it with `bulk-topup resume {{run}}`.", ""),
    RowState.IN_FLIGHT: (
        f"{DO_NOT_PAY} outcome unknown, it may have been paid. Find out with `bulk-topup resume {{run}}`.",
        "",
    ),
    RowState.ACCEPTED: (
        f"{DO_NOT_PAY} DVS has accepted it, but it is not final. Follow it with `bulk-topup resume {{run}}`.",
        "",
    ),
    RowState.FAILED: ("Not paid.", f"{_CORRECT}, or retry it with `bulk-topup retry {{run}}`."),
    RowState.REVERSED: (
        f"{DO_NOT_PAY} it was paid, and DVS reversed the payment. Ask DT One why before paying it again.",
        "",
    ),
    RowState.CONFLICT: (
        f"{DO_NOT_PAY} DVS contradicts our record. Resolve it with `bulk-topup conflict resolve {{run}}`.",
        "",
    ),
}

#: States in which nothing was paid, so that a list may pay the row unless another rule forbids it.
_NOT_PAID: Final = frozenset({RowState.REFUSED, RowState.FAILED})
#: The same for rows that must not be paid by other means, whatever their state.
_MAY_BE_PAID: Final = (f"{DO_NOT_PAY} another row may pay the same.", "")
#: What a row of a closed run needs, whatever the reason that it is not paid.
_NEW_RUN: Final = (
    "Its run is closed. To pay it, put it into a list of its own, and run that list with another --run-key."
)
_REMOVED: Final = (
    f"{DO_NOT_PAY} it is no longer in the list, and another row may pay it. To pay it, restore it and run the list.",
    "",
)


def reason(message: str, problems: Sequence[Problem]) -> str:
    """Return a row's own reason: its message and every problem with its column; empty when it has neither."""
    if not problems:
        return message
    texts = [f'Column "{each.column}": {each.message}' if each.column else each.message for each in problems]
    return " ".join([message, *texts] if message else texts)


def note(own: str, cells: Sequence[str], columns: int) -> str:
    """Return a row's own note, and with it any cells beyond the list's columns, which have no column in a report."""
    if len(cells) <= columns:
        return own
    quoted = ", ".join(f'"{cell}"' for cell in cells[columns:])
    beyond = f"Cells beyond the header: {quoted}."
    return f"{own} {beyond}" if own else beyond


def why_not_completed(run: Run) -> Callable[[Outcome], str]:
    """Return the function that explains why a row of this run is not completed, and what may or must not be done.

    A row from the not-completed file of another run that was refused because it must not be paid keeps the reason that
    it has there. The function raises KeyError for a completed row.
    """
    name = run_arguments(run)
    columns = len(run.columns)
    reason_index = run.columns.index(REASON_COLUMN) if REASON_COLUMN in run.columns else columns
    sentences = {
        state: (
            before.format(run=name),
            _NEW_RUN if run.closing is not None and state in _NOT_PAID else after.format(run=name),
        )
        for state, (before, after) in _SENTENCES.items()
    }

    def why(outcome: Outcome) -> str:
        before, after = sentences[outcome.state]
        if outcome.state in _NOT_PAID:
            earlier = "".join(outcome.cells[reason_index : reason_index + 1])
            if earlier.startswith(DO_NOT_PAY):
                return earlier
            if not outcome.in_list:
                before, after = _REMOVED
            elif any(problem.may_be_paid for problem in outcome.problems):
                before, after = _MAY_BE_PAID
        is_final = outcome.state is RowState.FAILED and outcome.status_message not in WORTH_A_RETRY
        if is_final and after.startswith(_CORRECT):
            after = f"{_CORRECT}."
        own = reason(outcome.message, outcome.problems), note(outcome.note, outcome.cells, columns)
        return " ".join(filter(None, (before, *own, after)))

    return why
