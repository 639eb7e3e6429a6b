"""Every SQL statement of the project, by name.

A ledger may hold ten million rows, so no statement reads a whole table: `CROSS JOIN` is SQLite's word for "in this
order, from the few to the many", and a plus before a column keeps an index on it from being taken for it.
"""

from typing import Final

from bulk_topup.domain.row import StagedRow
from bulk_topup.domain.states import RowState

#: States of rows that something was sent for and that no list may change any more.
_SENT = ", ".join(
    f"'{state}'"
    for state in (RowState.IN_FLIGHT, RowState.ACCEPTED, RowState.COMPLETED, RowState.REVERSED, RowState.CONFLICT)
)
_UNSENT = f"'{RowState.REFUSED}', '{RowState.PENDING}'"

#: How a row's request is said in a note, as it was sent and as the list has it now.
_SENT_WAS = "coalesce(rows.amount || ' ' || rows.unit, 'nothing') || coalesce(' to ' || rows.credit_party, '')"
_NOW_IS = "coalesce(s.amount || ' ' || s.unit, 'nothing') || coalesce(' to ' || s.credit_party, '')"

#: Whom a request credits, as a JSON array: by mobile number, and by account number with its qualifier; null for none.
_PARTIES = """json_array(json_extract({of}.request, '$.credit_party_identifier.mobile_number'),
        json_extract({of}.request, '$.credit_party_identifier.account_number') || char(10)
        || coalesce(json_extract({of}.request, '$.credit_party_identifier.account_qualifier'), ''))"""

#: An attempt with what the plan has of its row.
_ATTEMPT = (
    """r.id AS row_id, a.number, a.external_id, a.request, r.operator_id, r.amount, r.unit, r.cost, r.cost_unit"""
)


def _as_array(column: str) -> str:
    """Give the column of all rows as one JSON array; what is JSON itself is taken as it is."""
    is_json = column in {"cells", "problems"}
    array = f"coalesce('[' || group_concat({column}) || ']', '[]')" if is_json else f"json_group_array({column})"
    return f"{array} AS {column}"


FIND_RUN = "SELECT * FROM runs WHERE job = :job AND run_key = :run_key"
LIST_RUNS = "SELECT * FROM runs ORDER BY id"
INSERT_RUN = """
    INSERT INTO runs (job, run_key, environment, account, guards, approval, list_path, columns, reading, reporting,
        created_at)
    VALUES (:job, :run_key, :environment, :account, :guards, :approval, :list_path, :columns, :reading, :reporting, :at)
"""
UPDATE_RUN = """
    UPDATE runs SET account = :account, guards = :guards, approval = coalesce(:approval, approval),
        list_path = :list_path, columns = :columns, reading = :reading, reporting = :reporting
    WHERE job = :job AND run_key = :run_key
"""
SET_ACCOUNT = "UPDATE runs SET account = :account WHERE id = :run_id"

#: In list order, so that rows are only ever added at the end; `party` is what duplicates are found by where the
#: identity is the list's reference.
CREATE_STAGED = """
    CREATE TEMP TABLE IF NOT EXISTS staged (
        line INTEGER PRIMARY KEY, identity TEXT, party TEXT, state TEXT, cells TEXT, problems TEXT, product_id INTEGER,
        credit_party TEXT, amount TEXT, unit TEXT, request TEXT, cost TEXT, cost_unit TEXT, operator_id INTEGER,
        held INTEGER DEFAULT 0, CHECK (state = 'refused' OR request IS NOT NULL)
    )
"""
CREATE_GONE = "CREATE TEMP TABLE IF NOT EXISTS gone (id INTEGER PRIMARY KEY)"
CREATE_UNLISTED = """
    CREATE TEMP TABLE IF NOT EXISTS unlisted (party TEXT PRIMARY KEY, told TEXT) WITHOUT ROWID
"""
CLEAR_STAGED = "DELETE FROM temp.staged"
CLEAR_GONE = "DELETE FROM temp.gone"
CLEAR_UNLISTED = "DELETE FROM temp.unlisted"
STAGE = f"""
    INSERT INTO staged ({", ".join(StagedRow._fields)}) VALUES ({", ".join("?" * len(StagedRow._fields))})
"""  # noqa: S608
STAGED_IDENTITIES = """
    SELECT line, identity, party FROM temp.staged WHERE line IN (SELECT value FROM json_each(:lines))
"""
#: For a run that has rows already, to find them again; identities are as unique as those of the run's rows.
INDEX_STAGED = "CREATE UNIQUE INDEX IF NOT EXISTS temp.staged_identity ON staged (identity)"
DROP_STAGED_INDEX = "DROP INDEX IF EXISTS temp.staged_identity"
HAS_ROWS = "SELECT EXISTS (SELECT 1 FROM rows WHERE run_id = :run_id)"

#: Rows of the run that the staged list does not have, whether or not an earlier version of it had them.
FIND_GONE = """
    INSERT INTO temp.gone
    SELECT r.id FROM rows AS r
    WHERE r.run_id = :run_id AND NOT EXISTS (SELECT 1 FROM temp.staged AS s WHERE s.identity = r.identity)
"""
#: Rows that were sent and that the list does not state any more: they left it, or their references name somebody or
#: something else now, or are refused because a line before them pays the same. A line that is still there is told as
#: the list has it.
FIND_UNLISTED = f"""
    INSERT OR IGNORE INTO temp.unlisted
    SELECT party.value, CASE WHEN s.identity IS NULL
            THEN 'Line ' || r.line || ' of an earlier version of this list, which is no longer in it,'
            ELSE 'Line ' || s.line || ', which the list states differently now,' END
        || ' was already sent product ' || r.product_id || ' for ' || r.credit_party
    FROM rows AS r LEFT JOIN temp.staged AS s ON s.identity = r.identity
        JOIN json_each({_PARTIES.format(of="r")}) AS party
    WHERE r.run_id = :run_id AND r.state IN ({_SENT}) AND r.credit_party IS NOT NULL AND party.value IS NOT NULL
      AND (s.identity IS NULL OR s.product_id IS NOT r.product_id OR s.credit_party IS NOT r.credit_party
           OR s.state = 'refused' AND EXISTS (SELECT 1 FROM json_each(s.problems) WHERE json_extract(value, '$[2]'))
           OR s.request <> r.request AND {_PARTIES.format(of="s")} <> {_PARTIES.format(of="r")})
"""  # noqa: S608
#: A row that credits whom such a row credited, whatever the product, is not sent: it may be the same payment (its
#: reference was edited, the references were numbered anew, an equal row before it was deleted).
HOLD = f"""
    UPDATE temp.staged SET state = 'refused', request = NULL, cost = NULL, held = 1,
        problems = json_array(json_array('', u.told || '. Put that line back as it was, or pay this one on purpose '
            || 'in another run with --run-key.', 1))
    FROM temp.unlisted AS u
    WHERE staged.state = 'pending' AND u.party IN (SELECT value FROM json_each({_PARTIES.format(of="staged")}))
      AND NOT EXISTS (SELECT 1 FROM rows AS r
                      WHERE r.run_id = :run_id AND r.identity = staged.identity AND r.state IN ({_SENT}))
"""  # noqa: S608

#: What the staged list means for the run: rows by what would become of them.
DIFFERENCE = f"""
    SELECT count(*) FILTER (WHERE r.id IS NULL AND s.state = 'pending') AS new,
           count(*) FILTER (WHERE r.state IN ({_UNSENT}) AND s.state = 'pending') AS waiting,
           count(*) FILTER (WHERE r.state = 'completed') AS completed,
           count(*) FILTER (WHERE r.state = 'failed') AS failed,
           count(*) FILTER (WHERE r.state = 'failed' AND s.state = 'pending' AND s.request IS NOT
               (SELECT request FROM attempts WHERE row_id = r.id AND number = r.attempt)) AS corrected,
           count(*) FILTER (WHERE r.state IN ({_SENT}) AND r.state <> 'completed') AS open,
           count(*) FILTER (WHERE r.state IN ({_SENT}) AND s.request IS NOT r.request) AS changed_after_sending,
           count(*) FILTER (WHERE s.held = 1) AS held,
           count(*) FILTER (WHERE s.held = 2) AS repeated
    FROM temp.staged AS s LEFT JOIN rows AS r ON r.run_id = :run_id AND r.identity = s.identity
"""  # noqa: S608 - composed of constants
COUNT_GONE = "SELECT count(*) FROM temp.gone AS g CROSS JOIN rows AS r ON r.id = g.id WHERE r.in_list = 1"
#: Costs of the rows that a start would send, grouped so that they can be summed exactly.
STAGED_COSTS = f"""
    SELECT s.cost_unit, s.cost, count(*)
    FROM temp.staged AS s LEFT JOIN rows AS r ON r.run_id = :run_id AND r.identity = s.identity
    WHERE s.state = 'pending' AND s.cost IS NOT NULL AND (r.id IS NULL OR r.state IN ({_UNSENT}))
    GROUP BY s.cost_unit, s.cost
"""  # noqa: S608
PENDING_COSTS = """
    SELECT cost_unit, cost, count(*) FROM rows
    WHERE run_id = :run_id AND state = 'pending' AND in_list = 1 AND cost IS NOT NULL
    GROUP BY cost_unit, cost
"""

#: A row that waits is not sent once the list does not ask for it any more, and one that was in flight when it left the
#: list may have come to wait since.
EVENTS_OF_GONE = """
    INSERT INTO events (row_id, attempt, at, before, after, cause)
    SELECT r.id, r.attempt, :at, r.state, 'refused', 'no longer in the list'
    FROM temp.gone AS g CROSS JOIN rows AS r ON r.id = g.id
    WHERE r.state = 'pending'
"""
#: Staged rows that are refused because somebody may be paid already, by this run or too often by any.
HELD = "SELECT line, problems FROM temp.staged WHERE held > 0 ORDER BY line LIMIT :limit"

MARK_GONE = """
    UPDATE rows SET in_list = 0,
        state = CASE WHEN state = 'pending' THEN 'refused' ELSE state END,
        problems = CASE WHEN state = 'pending'
            THEN json_array(json_array('', 'It is no longer in the list, so it is not sent.')) ELSE problems END,
        note = CASE WHEN attempt > 0 THEN 'No longer in the list; what was sent stands, and nothing more is sent.'
            ELSE '' END
    WHERE (in_list = 1 OR state = 'pending') AND id IN (SELECT id FROM temp.gone)
"""
CELLS_OF_GONE = """
    SELECT r.id, r.cells FROM temp.gone AS g CROSS JOIN rows AS r ON r.id = g.id WHERE r.attempt > 0
"""
WRITE_CELLS = "UPDATE rows SET cells = :cells WHERE id = :id"
EVENTS_OF_CHANGED = f"""
    INSERT INTO events (row_id, attempt, at, before, after, cause)
    SELECT r.id, r.attempt, :at, r.state, s.state, 'list read again'
    FROM temp.staged AS s JOIN rows AS r ON r.run_id = :run_id AND r.identity = s.identity
    WHERE r.state IN ({_UNSENT}) AND (r.state <> s.state OR r.request IS NOT s.request)
"""  # noqa: S608
#: A row of which the list says what it said before is left alone: to write it again would cost as much as a new one.
UPDATE_UNSENT = f"""
    UPDATE rows SET in_list = 1, line = s.line, state = s.state, cells = s.cells, problems = s.problems, message = '',
        note = '', product_id = s.product_id, credit_party = s.credit_party, amount = s.amount, unit = s.unit,
        request = s.request, cost = s.cost, cost_unit = s.cost_unit, operator_id = s.operator_id
    FROM temp.staged AS s
    WHERE rows.run_id = :run_id AND rows.identity = s.identity AND rows.state IN ({_UNSENT})
      AND (rows.in_list, rows.line, rows.state, rows.cells, rows.problems, rows.message, rows.note, rows.product_id,
           rows.credit_party, rows.amount, rows.unit, rows.request, rows.cost, rows.cost_unit, rows.operator_id)
          IS NOT (1, s.line, s.state, s.cells, s.problems, '', '', s.product_id,
           s.credit_party, s.amount, s.unit, s.request, s.cost, s.cost_unit, s.operator_id)
"""  # noqa: S608
#: A failed row takes what the list says now, for a retry; it stays failed until one is asked for.
UPDATE_FAILED = """
    UPDATE rows SET in_list = 1, line = s.line, cells = s.cells, problems = '[]', product_id = s.product_id,
        credit_party = s.credit_party, amount = s.amount, unit = s.unit, request = s.request, cost = s.cost,
        cost_unit = s.cost_unit, operator_id = s.operator_id,
        note = CASE
            WHEN s.request IS (SELECT request FROM attempts WHERE row_id = rows.id AND number = rows.attempt) THEN ''
            ELSE 'Corrected in the list since it failed; a retry sends it as it is now.' END
    FROM temp.staged AS s
    WHERE rows.run_id = :run_id AND rows.identity = s.identity AND rows.state = 'failed' AND s.state = 'pending'
"""
#: What it said before is not what the list asks for, so without a request nothing is left to retry.
REFUSE_FAILED = """
    UPDATE rows SET in_list = 1, line = s.line, cells = s.cells, problems = s.problems, request = NULL, cost = NULL,
        note = 'As the list has it now it cannot be sent, so a retry leaves it out.'
    FROM temp.staged AS s
    WHERE rows.run_id = :run_id AND rows.identity = s.identity AND rows.state = 'failed' AND s.state = 'refused'
"""
UPDATE_SENT = f"""
    UPDATE rows SET in_list = 1, line = s.line, cells = s.cells,
        note = CASE WHEN s.request IS rows.request THEN ''
            ELSE 'The list changed after this row was sent: sent was ' || {_SENT_WAS} || ', the list now says '
                 || CASE WHEN s.request IS NULL THEN 'what cannot be sent' ELSE {_NOW_IS} END
                 || '. It is not paid again; to pay a difference on purpose, use another list.' END
    FROM temp.staged AS s
    WHERE rows.run_id = :run_id AND rows.identity = s.identity AND rows.state IN ({_SENT})
      AND (s.request IS NOT rows.request
           OR (rows.in_list, rows.line, rows.cells, rows.note) IS NOT (1, s.line, s.cells, ''))
"""  # noqa: S608
#: What a person has read and accepted is not told again, as long as the list says exactly that.
DROP_ACKNOWLEDGED = "UPDATE rows SET note = '' WHERE run_id = :run_id AND note <> '' AND note = acknowledged"
INSERT_NEW = """
    INSERT INTO rows (run_id, identity, line, in_list, state, cells, problems, message, note, product_id, credit_party,
                      amount, unit, request, cost, cost_unit, operator_id, attempt)
    SELECT :run_id, s.identity, s.line, 1, s.state, s.cells, s.problems, '', '', s.product_id, s.credit_party,
           s.amount, s.unit, s.request, s.cost, s.cost_unit, s.operator_id, 0
    FROM temp.staged AS s
    WHERE NOT EXISTS (SELECT 1 FROM rows AS r WHERE r.run_id = :run_id AND r.identity = s.identity)
    ORDER BY s.line
"""
EVENTS_OF_NEW = """
    INSERT INTO events (row_id, attempt, at, before, after, cause)
    SELECT id, 0, :at, NULL, state, 'list read' FROM rows WHERE run_id = :run_id AND id > :last_id
"""
LAST_ROW_ID = "SELECT coalesce(max(id), 0) FROM rows"

#: A row waits for its time, for an operator that is parked, and while another row of its number is on its way or was
#: just sent; numbers are compared over all runs. The canaries come from all operators by turns, those of before first.
_CLAIMABLE = """
    SELECT r.id AS row_id, r.identity, r.attempt, r.request, r.credit_party, r.operator_id, r.amount, r.unit, r.cost,
           r.cost_unit, a.transaction_id, a.resolution
    FROM rows AS r LEFT JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE r.run_id = :run_id AND r.state = 'pending' AND r.in_list = 1
      AND (r.retry_at IS NULL OR r.retry_at <= :at)
      AND (r.operator_id IS NULL OR r.operator_id NOT IN (SELECT value FROM json_each(:parked)))
      AND NOT EXISTS (
          SELECT 1 FROM rows AS o
          WHERE o.credit_party = r.credit_party AND o.state = 'in_flight' AND o.run_id = r.run_id AND o.id <> r.id)
      AND (:spaced_since = :at OR NOT EXISTS (
          SELECT 1 FROM rows AS o JOIN attempts AS b ON b.row_id = o.id AND b.number = o.attempt
          WHERE o.credit_party = r.credit_party AND o.id <> r.id
            AND b.intent_at > :spaced_since AND b.intent_at <= :at))
"""
CLAIMABLE = f"{_CLAIMABLE} ORDER BY r.id LIMIT :limit"
CLAIMABLE_CANARIES = f"""{_CLAIMABLE} AND (:fresh OR r.attempt > 0)
    ORDER BY r.attempt = 0, row_number() OVER (PARTITION BY r.operator_id ORDER BY r.id), r.id LIMIT :limit
"""
#: What is claimed, all of it at once, as a JSON array of `[row id, number, external id, intent at]` each: SQLite works
#: through it without asking for Python's lock row by row, which whoever sends meanwhile needs.
_CLAIMED = """
    (SELECT json_extract(value, '$[0]') AS row_id, json_extract(value, '$[1]') AS number,
            json_extract(value, '$[2]') AS external_id, json_extract(value, '$[3]') AS at
     FROM json_each(:claimed)) AS claimed
"""
#: The id of a refused creation is free again, so the same number carries the new intent; so is one whose transaction
#: is gone at the provider, and what was known of it goes with it.
WRITE_INTENTS = f"""
    INSERT INTO attempts (row_id, number, external_id, request, intent_at)
    SELECT r.id, claimed.number, claimed.external_id, r.request, claimed.at
    FROM {_CLAIMED} JOIN rows AS r ON r.id = claimed.row_id
    WHERE true
    ON CONFLICT (row_id, number) DO UPDATE SET request = excluded.request, intent_at = excluded.intent_at,
        transaction_id = NULL, creation_date = NULL, status_class = NULL, status_message = NULL, expires_at = NULL,
        price = NULL, fee = NULL, price_unit = NULL, operator_reference = NULL, pin_code = NULL, pin_serial = NULL,
        final_at = NULL, resolution = NULL
"""  # noqa: S608
MARK_IN_FLIGHT = f"""
    UPDATE rows SET state = 'in_flight', attempt = claimed.number, message = '', note = ''
    FROM {_CLAIMED} WHERE rows.id = claimed.row_id AND state = 'pending'
"""  # noqa: S608
EVENTS_OF_INTENTS = f"""
    INSERT INTO events (row_id, attempt, at, before, after, cause)
    SELECT claimed.row_id, claimed.number, :at, 'pending', 'in_flight', :cause FROM {_CLAIMED}
"""  # noqa: S608
INSERT_EVENT = """
    INSERT INTO events (row_id, attempt, at, before, after, cause, status_message)
    VALUES (:row_id, :attempt, :at, :before, :after, :cause, :status_message)
"""
IN_FLIGHT = f"""
    SELECT {_ATTEMPT}
    FROM rows AS r JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE r.run_id = :run_id AND r.state = 'in_flight' AND r.id > :after_id
    ORDER BY r.id LIMIT :limit
"""  # noqa: S608

#: The attempt too must be the one that is meant: what became of an earlier one says nothing of the latest.
MOVE_ROW = """
    UPDATE rows SET state = :after, message = :message, retry_at = NULL
    WHERE id = :row_id AND state = :before AND attempt = :attempt
"""
WRITE_FACTS = """
    UPDATE attempts SET transaction_id = :transaction_id, creation_date = :creation_date,
        status_class = :status_class, status_message = :status_message,
        expires_at = coalesce(:expires_at, expires_at), price = coalesce(:price, price),
        fee = coalesce(:fee, fee), price_unit = coalesce(:price_unit, price_unit),
        operator_reference = coalesce(:operator_reference, operator_reference),
        pin_code = coalesce(:pin_code, pin_code), pin_serial = coalesce(:pin_serial, pin_serial),
        final_at = :final_at, resolution = nullif(nullif(resolution, 'free'), 'taken')
    WHERE row_id = :row_id AND number = :attempt
"""

#: Accepted rows with what identifies their transactions; the caller's list of external ids is a JSON array, and CROSS
#: makes SQLite begin with it: it would rather go through all accepted rows of the run for each page. A run that
#: holds its transactions leaves those that wait to be confirmed to whoever confirms them.
ACCEPTED_AMONG = f"""
    SELECT {_ATTEMPT}, a.transaction_id, a.creation_date, a.status_message
    FROM json_each(:external_ids) AS wanted
    CROSS JOIN attempts AS a ON a.external_id = wanted.value
    CROSS JOIN rows AS r ON r.id = a.row_id AND r.attempt = a.number
    WHERE r.run_id = :run_id AND r.state = 'accepted' AND (NOT :exclude_held OR a.status_class <> 'CREATED')
"""  # noqa: S608
#: The first 19 characters of a creation date are its second.
ACCEPTED_SECONDS = """
    SELECT substr(a.creation_date, 1, 19) AS second, r.operator_id, count(*) AS count, min(a.creation_date) AS oldest,
           max(a.creation_date) AS newest
    FROM rows AS r JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE r.run_id = :run_id AND r.state = 'accepted' AND (NOT :exclude_held OR a.status_class <> 'CREATED')
    GROUP BY 1, 2 ORDER BY 1
"""
ACCEPTED = f"""
    SELECT {_ATTEMPT}, a.transaction_id, a.creation_date, a.status_message
    FROM rows AS r JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE r.run_id = :run_id AND r.state = 'accepted' AND (NOT :exclude_held OR a.status_class <> 'CREATED')
      AND (:seconds IS NULL OR substr(a.creation_date, 1, 19) IN (SELECT value FROM json_each(:seconds)))
      AND r.id > :after_id
    ORDER BY r.id LIMIT :limit
"""  # noqa: S608

COUNT_STATES = """
    SELECT state, count(*) FROM rows WHERE run_id = :run_id AND (in_list = 1 OR attempt > 0) GROUP BY state
"""
COUNT_NOTES = """
    SELECT count(*) FROM rows WHERE run_id = :run_id AND note <> '' AND +state IN ('completed', 'accepted', 'in_flight')
"""

CREATE_RETRIED = "CREATE TEMP TABLE IF NOT EXISTS retried (id INTEGER PRIMARY KEY)"
CLEAR_RETRIED = "DELETE FROM temp.retried"
#: Failed rows that are to be tried again; what is not stated is null and leaves nobody out. A row that the list changed
#: while it was on its way would be sent as it was, which nobody asks for any more; the list has to be read again first.
_CHOOSE = """
    LEFT JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE r.run_id = :run_id AND r.state = 'failed' AND r.in_list = 1 AND r.request IS NOT NULL
      AND (r.note = '' OR r.request IS NOT a.request)
      AND (:lines IS NULL OR r.line IN (SELECT value FROM json_each(:lines)))
      AND (:attempts IS NULL OR r.attempt < :attempts)
      AND (:statuses IS NULL OR a.status_message IN (SELECT value FROM json_each(:statuses))
           OR a.status_class IN (SELECT value FROM json_each(:classes))
           OR :or_corrected AND r.request IS NOT a.request)
"""
CHOOSE_RETRIES = f"INSERT INTO temp.retried SELECT r.id FROM rows AS r {_CHOOSE}"  # noqa: S608 - composed of constants
#: The same among rows whose ids the caller has, as a JSON array: not all that failed are looked at for each that fails.
CHOOSE_RETRIES_AMONG = f"""
    INSERT OR IGNORE INTO temp.retried
    SELECT r.id FROM json_each(:row_ids) AS w CROSS JOIN rows AS r ON r.id = w.value {_CHOOSE}
"""  # noqa: S608
COSTS_OF_RETRIED = """
    SELECT r.cost_unit, r.cost, count(*) FROM temp.retried AS t CROSS JOIN rows AS r ON r.id = t.id
    WHERE r.cost IS NOT NULL GROUP BY r.cost_unit, r.cost
"""
EVENTS_OF_RETRIED = """
    INSERT INTO events (row_id, attempt, at, before, after, cause)
    SELECT r.id, r.attempt, :at, r.state, 'pending', :cause
    FROM temp.retried AS t CROSS JOIN rows AS r ON r.id = t.id WHERE r.state = 'failed'
"""
MOVE_RETRIED = """
    UPDATE rows SET state = 'pending', message = '', retry_at = :retry_at
    WHERE state = 'failed' AND id IN (SELECT id FROM temp.retried)
"""
WAITING = """
    SELECT count(*), count(*) FILTER (WHERE retry_at IS NULL), min(retry_at) FROM rows
    WHERE run_id = :run_id AND state = 'pending' AND in_list = 1
      AND (operator_id IS NULL OR operator_id NOT IN (SELECT value FROM json_each(:given_up)))
"""

#: What was sent and is not known to have failed.
_SPENT = """
    FROM rows AS r JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE r.run_id = :run_id AND r.state IN ('in_flight', 'accepted', 'completed', 'conflict')
"""
#: With the price and the fee that the provider told, or else with what the plan expected, in groups that sum exactly.
SPENT = f"""
    SELECT r.unit, r.amount, a.price_unit, a.price, a.fee, iif(a.price IS NULL, r.cost_unit, NULL) AS cost_unit,
           iif(a.price IS NULL, r.cost, NULL) AS cost, count(*) AS rows {_SPENT}
    GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
#: A row that waits and is no longer in the list is never sent again.
COUNT_ATTEMPTED = """
    SELECT state, count(*) FROM rows
    WHERE run_id = :run_id AND attempt > 0 AND (in_list = 1 OR state <> 'pending') GROUP BY state
"""

#: Accepted rows whose transactions are created only, and wait to be confirmed or cancelled.
_HELD = """
    FROM rows AS r JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE r.run_id = :run_id AND r.state = 'accepted' AND a.status_class = 'CREATED'
"""
HOLDING = f"""
    SELECT count(*) AS number, min(a.creation_date) AS creation_date,
           coalesce(min(a.expires_at), min(a.creation_date)) AS expires_at {_HELD}
"""
HELD_TRANSACTIONS = f"""
    SELECT {_ATTEMPT}, a.transaction_id, a.creation_date, a.status_message, a.price, a.fee, a.price_unit,
           r.note <> '' AS contradicted {_HELD}
      AND r.id > :after_id ORDER BY r.id LIMIT :limit
"""
#: One row for each pair of a planned cost and a real price among the rows that were paid, or are being paid, for
#: products of which others wait.
PRICES_MET = f"""
    SELECT {_ATTEMPT}, a.transaction_id, a.price, a.fee, a.price_unit, 0 AS contradicted
    FROM rows AS r JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE r.run_id = :run_id AND r.state IN ('accepted', 'completed') AND a.price IS NOT NULL AND r.cost IS NOT NULL
      AND r.product_id IN (SELECT product_id FROM rows WHERE run_id = :run_id AND state = 'pending' AND in_list = 1)
    GROUP BY r.cost, r.cost_unit, a.price, a.fee, a.price_unit
"""  # noqa: S608
DECIDE = "UPDATE runs SET decision = :decision WHERE id = :run_id"
DECISION = "SELECT decision FROM runs WHERE id = :run_id"

#: What is told of a row: its own columns, and those of its latest attempt.
OUTCOME_COLUMNS: Final = (
    *("r.line", "r.state", "r.cells", "r.problems", "r.message", "r.note", "r.product_id", "r.credit_party"),
    *("r.amount", "r.unit", "r.attempt", "r.in_list", "a.external_id", "a.transaction_id", "a.status_class"),
    *("a.status_message", "a.price", "a.fee", "a.price_unit", "a.operator_reference", "a.pin_code", "a.pin_serial"),
    *("a.creation_date", "a.final_at", "r.id"),
)
#: The next rows after a line and a row's id: for each of these columns one JSON array, in the rows' order.
OUTCOMES = f"""
    SELECT {", ".join(_as_array(column.partition(".")[2]) for column in OUTCOME_COLUMNS)}
    FROM (
        SELECT {", ".join(OUTCOME_COLUMNS)}
        FROM rows AS r LEFT JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
        WHERE r.run_id = :run_id AND (r.in_list = 1 OR r.attempt > 0) AND (r.line, r.id) > (:after_line, :after_id)
        ORDER BY r.line, r.id LIMIT :limit
    )
"""  # noqa: S608
#: The same rows in groups that sum exactly.
OUTCOME_GROUPS = """
    SELECT r.state, r.product_id, r.unit, r.amount, a.price_unit, a.price, a.fee, count(*) AS rows
    FROM rows AS r LEFT JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE r.run_id = :run_id AND (r.in_list = 1 OR r.attempt > 0)
    GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
CELLS_OF_LINES = """
    SELECT line, cells FROM rows
    WHERE run_id = :run_id AND in_list = 1 AND line IN (SELECT value FROM json_each(:lines))
"""
SENT_AMONG_LINES = f"""
    SELECT line FROM rows
    WHERE run_id = :run_id AND in_list = 1 AND +state IN ({_SENT}) AND line IN (SELECT value FROM json_each(:lines))
"""  # noqa: S608
EVENTS_OF_ROW = "SELECT * FROM events WHERE row_id = :row_id ORDER BY id"

#: A callback is kept only where it speaks of an attempt of ours.
KEEP_HINT = """
    INSERT INTO hints (external_id, received_at)
    SELECT :external_id, :at WHERE EXISTS (SELECT 1 FROM attempts WHERE external_id = :external_id)
    ON CONFLICT (external_id) DO UPDATE SET received_at = excluded.received_at
"""
#: Hints about rows whose outcome cannot change any more, or about attempts that others followed.
DROP_IDLE_HINTS = """
    DELETE FROM hints WHERE external_id IN (
        SELECT h.external_id FROM hints AS h
        JOIN attempts AS a ON a.external_id = h.external_id JOIN rows AS r ON r.id = a.row_id
        WHERE r.attempt <> a.number OR r.state NOT IN ('in_flight', 'accepted', 'completed')
    )
"""
HINTED = f"""
    SELECT {_ATTEMPT}, a.transaction_id, r.state, h.received_at
    FROM hints AS h CROSS JOIN attempts AS a ON a.external_id = h.external_id
    CROSS JOIN rows AS r ON r.id = a.row_id AND r.attempt = a.number
    WHERE r.run_id = :run_id AND r.state IN ('accepted', 'completed')
      AND (NOT :exclude_held OR a.status_class <> 'CREATED')
    ORDER BY h.received_at LIMIT :limit
"""  # noqa: S608
RUNS_HINTED = """
    SELECT * FROM runs WHERE id IN (
        SELECT r.run_id FROM hints AS h
        JOIN attempts AS a ON a.external_id = h.external_id JOIN rows AS r ON r.id = a.row_id
    ) ORDER BY id
"""
#: A hint that came again in the meantime stays.
DROP_HINT = "DELETE FROM hints WHERE external_id = :external_id AND received_at = :received_at"
