"""Why a row stands where it stands, as sentences for people; pure, one table of sentences a state."""

from collections.abc import Callable, Sequence
from typing import Final

from bulk_topup.domain.problems import DO_NOT_PAY, REASON_COLUMN, Problem
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.verdict import run_arguments

_CORRECT: Final = "Correct the row here and start the list again with this file as its --corrections"

#: For each state what is said before and after the row's own reason in the not-completed file; {run} is the run's name.
#: Completed rows are not in that file.
_SENTENCES: Final[dict[RowState, tuple[str, str]]] = {
    RowState.REFUSED: (
        "Not sent.",
        f"{_CORRECT}, or correct the list itself.",
    ),
    RowState.PENDING: (f"{DO_NOT_PAY} it was not sent yet, and `bulk-topup resume {{run}}` sends it.", ""),
    RowState.IN_FLIGHT: (
        f"{DO_NOT_PAY} the outcome is unknown, it may have been paid. `bulk-topup resume {{run}}` finds out.",
        "",
    ),
    RowState.ACCEPTED: (
        f"{DO_NOT_PAY} the provider has accepted it and has not finished. `bulk-topup resume {{run}}` follows it.",
        "",
    ),
    RowState.FAILED: (
        "Not paid.",
        f"{_CORRECT}, or try it again with `bulk-topup retry {{run}}`.",
    ),
    RowState.REVERSED: (
        f"{DO_NOT_PAY} it was paid and the provider took the payment back. Ask the provider why before paying it anew.",
        "",
    ),
    RowState.CONFLICT: (
        f"{DO_NOT_PAY} the provider's record contradicts it. End that with `bulk-topup conflict resolve {{run}}`.",
        "",
    ),
}

#: States in which nothing was paid, so that the row may be paid by a list unless something speaks against it.
_NOT_PAID: Final = frozenset({RowState.REFUSED, RowState.FAILED})
#: The same for rows that are not sent and that nobody else may send either, whatever their state.
_MAY_BE_PAID: Final = (f"{DO_NOT_PAY} what it asks for may be paid by another row.", "")
_LEFT: Final = (
    f"{DO_NOT_PAY} it left the list, which may pay it as another row. To pay it, put it back and start the list.",
    "",
)


def reason(message: str, problems: Sequence[Problem]) -> str:
    """Give a row's own reason: its message and every problem with its column; empty when there is nothing to say."""
    if not problems:
        return message
    told = [f'Column "{each.column}": {each.message}' if each.column else each.message for each in problems]
    return " ".join([message, *told] if message else told)


def note(noted: str, cells: Sequence[str], columns: int) -> str:
    """Give a row's note, and with it any cells beyond the list's columns, which have no column to stand in."""
    if len(cells) <= columns:
        return noted
    quoted = ", ".join(f'"{cell}"' for cell in cells[columns:])
    told = f"Cells beyond the header: {quoted}."
    return f"{noted} {told}" if noted else told


def why_not_completed(run: Run) -> Callable[[Outcome], str]:
    """Give the function that says why a row of this run did not complete and what may, or must not, be done about it.

    A row that came from another run's list of rows that did not complete, and was refused because it is not to be paid,
    keeps the reason that it came with. The function raises KeyError for a completed row.
    """
    name = run_arguments(run)
    columns = len(run.columns)
    place = run.columns.index(REASON_COLUMN) if REASON_COLUMN in run.columns else columns
    sentences = {
        state: (before.format(run=name), after.format(run=name)) for state, (before, after) in _SENTENCES.items()
    }

    def why(outcome: Outcome) -> str:
        before, after = sentences[outcome.state]
        if outcome.state in _NOT_PAID:
            came_with = "".join(outcome.cells[place : place + 1])
            if came_with.startswith(DO_NOT_PAY):
                return came_with
            if not outcome.in_list:
                before, after = _LEFT
            elif any(problem.may_be_paid for problem in outcome.problems):
                before, after = _MAY_BE_PAID
        own = reason(outcome.message, outcome.problems), note(outcome.note, outcome.cells, columns)
        return " ".join(filter(None, (before, *own, after)))

    return why
