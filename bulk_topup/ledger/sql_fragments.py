"""Pieces of SQL that statements of several modules share; constants alone."""

from typing import Final

from bulk_topup.domain.states import RowState

#: States of rows that were sent and that no list may change any more.
SENT: Final = ", ".join(
    f"'{state}'"
    for state in (RowState.IN_FLIGHT, RowState.ACCEPTED, RowState.COMPLETED, RowState.REVERSED, RowState.CONFLICT)
)
#: States of rows that a list may still change.
UNSENT: Final = f"'{RowState.REFUSED}', '{RowState.PENDING}'"

#: States of rows that paid or may have paid: all but those that are known to have failed, and those that were reversed.
PAID: Final = ", ".join(
    f"'{state}'" for state in (RowState.IN_FLIGHT, RowState.ACCEPTED, RowState.COMPLETED, RowState.CONFLICT)
)

#: The columns of an `Attempt`, its row's planned amount and cost included.
ATTEMPT: Final = (
    "r.id AS row_id, a.number, a.external_id, a.request, r.operator_id, r.amount, r.unit, r.cost, r.cost_unit"
)

#: An entry of the event log; its parameters are those of `row_mapping.event_values`.
INSERT_EVENT: Final = """
    INSERT INTO events (row_id, attempt, at, before, after, cause, status_message)
    VALUES (:row_id, :attempt, :at, :before, :after, :cause, :status_message)
"""
