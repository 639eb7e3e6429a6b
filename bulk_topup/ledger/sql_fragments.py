"""Pieces of SQL that statements of several modules share, and the time that one of them needs; touches nothing."""

from datetime import datetime
from typing import Final

from bulk_topup.domain.attempt import MAY_ARRIVE
from bulk_topup.domain.list_parts import LINES_OF_PART
from bulk_topup.domain.problems import LEFT_OUT_CODE
from bulk_topup.domain.sameness import NEAR_END
from bulk_topup.domain.states import RowState

#: States of rows that were sent and that no list may change any more.
SENT: Final = ", ".join(
    f"'{state}'"
    for state in (RowState.IN_FLIGHT, RowState.ACCEPTED, RowState.COMPLETED, RowState.REVERSED, RowState.CONFLICT)
)
#: States of rows that a list may still change.
UNSENT: Final = f"'{RowState.REFUSED}', '{RowState.PENDING}'"
#: True for problems of a row for which nothing is due, and that needs nothing else.
IS_NOTHING_DUE: Final = "(json_array_length({of}.problems) = 1 AND json_extract({of}.problems, '$[0][2]') IS 0)"
#: True for problems of a row that is left out as a duplicate, and that needs nothing else.
IS_LEFT_OUT: Final = (
    f"(json_array_length({{of}}.problems) = 1 AND json_extract({{of}}.problems, '$[0][2]') IS '{LEFT_OUT_CODE}')"
)

#: The value of `rows.in_list` of a row that a correction replaced; 1 if the list has the row, else 0.
REPLACED: Final = -1
#: True for the rows of a run that count, of `rows`: those of the list and those that were ever sent, but not those that
#: a correction replaced and that are known not to be paid.
SHOWN: Final = f"""(in_list = 1 OR attempt > 0
        AND (in_list <> {REPLACED} OR state NOT IN ({UNSENT}, '{RowState.FAILED}')))"""

#: States of rows that paid or may have paid. Not those that failed (but see `ABSENT`) and those that were reversed.
PAID: Final = ", ".join(
    f"'{state}'" for state in (RowState.IN_FLIGHT, RowState.ACCEPTED, RowState.COMPLETED, RowState.CONFLICT)
)

#: The near part of a party key, which `{key}` is an expression for.
NEAR_PART: Final = f"substr({{key}}, 1, instr({{key}} || char({ord(NEAR_END)}), char({ord(NEAR_END)})) - 1)"

#: Attempts that failed, or are sent again, because DVS listed no transaction of theirs: what was sent to whom, and
#: when. A request may still arrive late, so each may be paid while `:absent_since` is before its last send; that
#: parameter is `absent_since(now)`. What the list says by now is in `rows`, and may be something else.
ABSENT: Final = """
    SELECT w.row_id, w.attempt, w.sent_at, w.credit_party, w.party_key, w.product_id, w.operator_id, w.amount, w.unit
    FROM absences AS w CROSS JOIN attempts AS t ON t.row_id = w.row_id AND t.number = w.attempt
    WHERE w.sent_at > :absent_since AND t.transaction_id IS NULL
"""

#: IDs of rows whose request changed since such an attempt: the new one is not sent while the old one may arrive.
WITHHELD: Final = """
    SELECT w.row_id, w.sent_at
    FROM absences AS w CROSS JOIN attempts AS t ON t.row_id = w.row_id AND t.number = w.attempt
        CROSS JOIN rows AS q ON q.id = w.row_id
    WHERE w.sent_at > :absent_since AND t.transaction_id IS NULL AND q.request IS NOT t.request
"""

#: True if the latest attempt `a` of the row `r` was not taken, as far as the ledger knows: it was withdrawn before
#: it was sent, or refused. Not where a request may still arrive late, or where a person decided.
NOT_TAKEN: Final = """
    r.state IN ('pending', 'failed') AND a.transaction_id IS NULL AND a.resolution IS NULL
    AND NOT EXISTS (SELECT 1 FROM absences AS w WHERE w.row_id = a.row_id AND w.attempt = a.number)
"""
#: The same for rows that replaced another one, whose request may still arrive.
REPLACED_WITHHELD: Final = f"""
    SELECT q.id AS row_id, w.sent_at
    FROM corrections AS c CROSS JOIN rows AS p ON p.run_id = c.run_id AND p.identity = c.replaced
        CROSS JOIN absences AS w ON w.row_id = p.id
        CROSS JOIN attempts AS t ON t.row_id = w.row_id AND t.number = w.attempt
        CROSS JOIN rows AS q ON q.run_id = c.run_id AND q.identity = c.identity
    WHERE p.in_list = {REPLACED} AND w.sent_at > :absent_since AND t.transaction_id IS NULL
"""  # noqa: S608 - composed of constants

#: The columns of an `Attempt`, its row's planned amount and cost included.
ATTEMPT: Final = (
    "r.id AS row_id, a.number, a.external_id, a.request, r.operator_id, r.amount, r.unit, r.cost, r.cost_unit"
)

#: True for a row of another list of the run than the staged one; the parameters are those of a `StagedPart`.
OF_OTHER_LIST: Final = f"""(r.line NOT BETWEEN :first AND :last
        AND max(1, r.line / {LINES_OF_PART}) NOT IN (SELECT value FROM json_each(:without_list)))"""  # noqa: S608 - composed of constants

#: True for a row that leaves its list also where that is only added: it pays nothing, and was rather corrected, so that
#: a retry must not pay it beside the corrected one.
LEAVES: Final = "(r.state = 'failed' OR r.state = 'refused' AND r.attempt = 0)"

#: An entry of the event log; its parameters are those of `row_mapping.event_values`.
INSERT_EVENT: Final = """
    INSERT INTO events (row_id, attempt, at, before, after, cause, status_message)
    VALUES (:row_id, :attempt, :at, :before, :after, :cause, :status_message)
"""


def absent_since(now: datetime) -> str:
    """Return the parameter of `ABSENT` and `WITHHELD`."""
    return (now - MAY_ARRIVE).isoformat()
