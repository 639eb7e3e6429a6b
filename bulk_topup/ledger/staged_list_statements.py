"""The SQL of a list on its way into a run, by name; constants alone.

A ledger may hold ten million rows, so no statement reads a whole table: `CROSS JOIN` makes SQLite join in the written
order, from the few to the many, and a plus before a column keeps SQLite from using an index on it.
"""

from typing import Final

from bulk_topup.ledger.not_the_same import IS_KEPT_PAIR, IS_NAMED_LINE, IS_USED_PAIR
from bulk_topup.ledger.sql_fragments import ABSENT, LEAVES, NEAR_PART, OF_OTHER_LIST, SENT, UNSENT

#: Values of `staged.refusal`: why the ledger refused a staged row; 0 if it did not.
POSSIBLE_DUPLICATE: Final = 1
VELOCITY: Final = 2
ALREADY_PAID: Final = 3
#: A possible duplicate that a person may find to be another one.
UNDECIDED: Final = 4
#: The end of the reason of a possible duplicate.
HOW_TO_PAY: Final = "Restore that line, or pay this one on purpose in another run with --run-key and --pay-again."

#: What tells two accounts with one number apart, where a row's key changed and its number did not.
_DETAIL: Final = """CASE WHEN s.credit_party IS rows.credit_party AND s.party_key IS NOT rows.party_key
    THEN coalesce(' "' || json_extract({of}.request, '$.credit_party_identifier.account_qualifier') || '"', '')
        || coalesce(', bill "' || json_extract({of}.request, '$.statement_identifier.reference') || '"', '')
    ELSE '' END"""
#: A row's request in a note: as it was sent, and as the list has it now.
_REQUEST: Final = f"""coalesce({{of}}.amount || ' ' || {{of}}.unit, 'nothing')
    || coalesce(' to ' || {{of}}.credit_party || {_DETAIL}, '')"""
_SENT_WAS: Final = _REQUEST.format(of="rows")
_NOW_IS: Final = _REQUEST.format(of="s")

#: The credited parties of a request as a JSON array: the near part of its key, and the mobile number beside an account.
_PARTIES: Final = f"""json_array({NEAR_PART.format(key="{of}.party_key")},
        CASE WHEN json_extract({{of}}.request, '$.credit_party_identifier.account_number') IS NOT NULL
             THEN json_extract({{of}}.request, '$.credit_party_identifier.mobile_number') END)"""

#: A request without the texts that a key stands for; a mobile number beside an account is none of them.
_UNSPELLED: Final = """json_remove({of}.request, '$.credit_party_identifier.account_number',
        '$.credit_party_identifier.account_qualifier', '$.statement_identifier.reference',
        CASE WHEN json_extract({of}.request, '$.credit_party_identifier.account_number') IS NULL
             THEN '$.credit_party_identifier.mobile_number' ELSE '$.none' END)"""
#: True if the list has the request of a row, in any spelling of its credited party.
IS_SAME_REQUEST: Final = f"""({{s}}.request IS {{r}}.request
        OR {{s}}.request IS NOT NULL AND {{s}}.party_key IS {{r}}.party_key
           AND {_UNSPELLED.format(of="{s}")} IS {_UNSPELLED.format(of="{r}")})"""

#: In list order, so that rows are only added at the end. `party` finds duplicates where the identity is the list's
#: reference.
CREATE_STAGED: Final = """
    CREATE TEMP TABLE IF NOT EXISTS staged (
        line INTEGER PRIMARY KEY, identity TEXT, party TEXT, state TEXT, cells TEXT, problems TEXT, product_id INTEGER,
        credit_party TEXT, amount TEXT, unit TEXT, request TEXT, cost TEXT, cost_unit TEXT, operator_id INTEGER,
        party_key TEXT, written TEXT, amount_until TEXT, refusal INTEGER DEFAULT 0, is_resent INTEGER DEFAULT 0,
        CHECK (state = 'refused' OR request IS NOT NULL)
    )
"""
CREATE_REMOVED: Final = "CREATE TEMP TABLE IF NOT EXISTS removed (id INTEGER PRIMARY KEY)"
CREATE_UNLISTED: Final = """
    CREATE TEMP TABLE IF NOT EXISTS unlisted (
        party TEXT, party_key TEXT, message TEXT, PRIMARY KEY (party, party_key)
    ) WITHOUT ROWID
"""

#: Staged rows that the ledger refused, which most lists have none of: to look for them reads no other rows.
CREATE_REFUSED: Final = """
    CREATE INDEX IF NOT EXISTS temp.staged_refused ON staged (line, refusal) WHERE refusal > 0
"""
_REFUSED: Final = "temp.staged INDEXED BY staged_refused WHERE refusal > 0"

CLEAR_STAGED: Final = "DELETE FROM temp.staged"
CLEAR_REMOVED: Final = "DELETE FROM temp.removed"
CLEAR_UNLISTED: Final = "DELETE FROM temp.unlisted"

IDENTITIES: Final = """
    SELECT line, identity, party FROM temp.staged WHERE line IN (SELECT value FROM json_each(:lines))
"""

#: Finds the rows of a run that has some; identities are unique in both.
INDEX_STAGED: Final = "CREATE UNIQUE INDEX IF NOT EXISTS temp.staged_identity ON staged (identity)"
DROP_STAGED_INDEX: Final = "DROP INDEX IF EXISTS temp.staged_identity"
HAS_ROWS: Final = "SELECT EXISTS (SELECT 1 FROM rows WHERE run_id = :run_id)"

#: Rows of the run that the staged list does not have, whether or not its previous version had them. They do not stay.
FIND_REMOVED: Final = f"""
    INSERT INTO temp.removed
    SELECT r.id FROM rows AS r
    WHERE r.run_id = :run_id AND NOT EXISTS (SELECT 1 FROM temp.staged AS s WHERE s.identity = r.identity)
      AND r.line BETWEEN :first AND :last AND (NOT :is_added OR {LEAVES})
"""  # noqa: S608

#: Rows that were sent and that the list no longer has in that form: they were removed, their references belong to
#: another credit party or product now, or an earlier line pays the same. The message names a remaining line as the
#: list has it.
FIND_UNLISTED: Final = f"""
    INSERT OR IGNORE INTO temp.unlisted (party, party_key, message)
    SELECT party.value, r.party_key, CASE WHEN s.identity IS NULL
            THEN 'Line ' || r.line || ' of an earlier version of this list, since removed,'
            ELSE 'Line ' || s.line || ', since changed in the list,' END
        || ' was already sent product ' || r.product_id || ' for ' || r.credit_party
    FROM rows AS r LEFT JOIN temp.staged AS s ON s.identity = r.identity
        JOIN json_each({_PARTIES.format(of="r")}) AS party
    WHERE r.run_id = :run_id AND r.state IN ({SENT}) AND r.credit_party IS NOT NULL AND party.value IS NOT NULL
      AND NOT {OF_OTHER_LIST}
      AND (s.identity IS NULL OR s.product_id IS NOT r.product_id OR s.party_key IS NOT r.party_key
           OR s.state = 'refused' AND EXISTS (SELECT 1 FROM json_each(s.problems) WHERE json_extract(value, '$[2]'))
           OR s.request <> r.request AND {_PARTIES.format(of="s")} <> {_PARTIES.format(of="r")})
"""  # noqa: S608

#: The same for attempts that may still arrive, as they were sent; a correction may have replaced that in their rows.
FIND_ABSENT: Final = f"""
    INSERT OR IGNORE INTO temp.unlisted (party, party_key, message)
    SELECT party.value, x.party_key, CASE WHEN s.identity IS NULL
            THEN 'Line ' || r.line || ' of an earlier version of this list, since removed,'
            ELSE 'Line ' || s.line || ', since changed in the list,' END
        || ' may still pay product ' || x.product_id || ' to ' || x.credit_party
    FROM ({ABSENT}) AS x CROSS JOIN rows AS r ON r.id = x.row_id
        CROSS JOIN attempts AS a ON a.row_id = x.row_id AND a.number = x.attempt
        LEFT JOIN temp.staged AS s ON s.identity = r.identity
        JOIN json_each({_PARTIES.replace("{of}.party_key", "x.party_key").format(of="a")}) AS party
    WHERE r.run_id = :run_id AND x.credit_party IS NOT NULL AND party.value IS NOT NULL AND NOT {OF_OTHER_LIST}
      AND (s.identity IS NULL OR s.product_id IS NOT x.product_id OR s.party_key IS NOT x.party_key)
"""  # noqa: S608

#: Pairs of a row and such a row that a person has found to be different.
USE_UNLISTED_PAIRS: Final = f"""
    INSERT OR IGNORE INTO temp.used_pairs (key, other)
    SELECT min(s.party_key, u.party_key), max(s.party_key, u.party_key)
    FROM temp.staged AS s CROSS JOIN json_each({_PARTIES.format(of="s")}) AS party
        CROSS JOIN temp.unlisted AS u ON u.party = party.value
    WHERE s.state = 'pending' AND s.party_key <> u.party_key
      AND ({IS_NAMED_LINE.format(line="s.line")} OR {IS_KEPT_PAIR.format(a="s.party_key", b="u.party_key")})
"""  # noqa: S608

#: A row with the credit party of such a row, or a near one, whatever the product, is not sent. It may be the same
#: payment: its reference was edited, the references were renumbered, or an equal row before it was deleted.
REFUSE_POSSIBLE_DUPLICATES: Final = f"""
    UPDATE temp.staged SET state = 'refused', request = NULL, cost = NULL,
        refusal = CASE WHEN u.party_key = staged.party_key THEN {POSSIBLE_DUPLICATE} ELSE {UNDECIDED} END,
        problems = json_array(json_array('', u.message || '. ' || CASE
            WHEN u.party_key = staged.party_key THEN '{HOW_TO_PAY}'
            ELSE 'Restore that line, or if ' || staged.credit_party || ' is another beneficiary, add --not-the-same '
                || staged.line || ' --reason TEXT.' END, 1))
    FROM temp.unlisted AS u
    WHERE staged.state = 'pending' AND u.party IN (SELECT value FROM json_each({_PARTIES.format(of="staged")}))
      AND NOT {IS_USED_PAIR.format(a="staged.party_key", b="u.party_key")}
      AND NOT EXISTS (SELECT 1 FROM rows AS r
                      WHERE r.run_id = :run_id AND r.identity = staged.identity
                        AND (r.state IN ({SENT}) OR r.id IN (SELECT row_id FROM ({ABSENT}))))
"""  # noqa: S608

#: Staged rows that the ledger refused: possible duplicates, rows that other runs paid, and those above the velocity
#: limit.
REFUSALS: Final = f"SELECT line, problems FROM {_REFUSED} ORDER BY line LIMIT :limit"  # noqa: S608

#: The others, in groups that sum exactly, in the order of the list.
VALID_GROUPS: Final = """
    SELECT product_id, unit, amount, cost_unit, cost, count(*) FROM temp.staged WHERE state = 'pending'
    GROUP BY product_id, unit, amount, cost_unit, cost ORDER BY min(line)
"""

UNDECIDED_LINES: Final = f"SELECT line FROM {_REFUSED} AND refusal = {UNDECIDED} ORDER BY line LIMIT :limit"  # noqa: S608
#: How many they are, and why.
COUNT_REFUSED: Final = f"""
    SELECT count(*) AS refused,
           count(*) FILTER (WHERE refusal IN ({POSSIBLE_DUPLICATE}, {UNDECIDED})) AS possible_duplicates,
           count(*) FILTER (WHERE refusal = {VELOCITY}) AS velocity_refused
    FROM {_REFUSED}
"""  # noqa: S608

#: Every row of the staged list that is to be paid, sent or not.
REQUESTS: Final = """
    SELECT CASE WHEN :folds_rows THEN identity ELSE coalesce(written, identity) END AS identity,
           request, unit, amount, cost_unit, cost
    FROM temp.staged WHERE state = 'pending'
    ORDER BY line
"""

#: A pending row that was removed from the list is not sent. A row in flight when it was removed may be pending again
#: by now.
EVENTS_OF_REMOVED: Final = """
    INSERT INTO events (row_id, attempt, at, before, after, cause)
    SELECT r.id, r.attempt, :at, r.state, 'refused', 'no longer in the list'
    FROM temp.removed AS x CROSS JOIN rows AS r ON r.id = x.id
    WHERE r.state = 'pending'
"""

#: The note must keep its wording: people's acknowledgements are compared with it.
MARK_REMOVED: Final = """
    UPDATE rows SET in_list = 0,
        state = CASE WHEN state = 'pending' THEN 'refused' ELSE state END,
        problems = CASE WHEN state = 'pending'
            THEN json_array(json_array('', 'It is no longer in the list, so it is not sent.')) ELSE problems END,
        note = CASE WHEN attempt > 0 THEN 'No longer in the list; what was sent stands, and nothing more is sent.'
            ELSE '' END
    WHERE (in_list = 1 OR state = 'pending') AND id IN (SELECT id FROM temp.removed)
"""

CELLS_OF_REMOVED: Final = """
    SELECT r.id, r.cells FROM temp.removed AS x CROSS JOIN rows AS r ON r.id = x.id WHERE r.attempt > 0
"""

WRITE_CELLS: Final = "UPDATE rows SET cells = :cells WHERE id = :id"

EVENTS_OF_CHANGED: Final = f"""
    INSERT INTO events (row_id, attempt, at, before, after, cause)
    SELECT r.id, r.attempt, :at, r.state, s.state, 'list read again'
    FROM temp.staged AS s JOIN rows AS r ON r.run_id = :run_id AND r.identity = s.identity
    WHERE r.state IN ({UNSENT}) AND (r.state <> s.state OR r.request IS NOT s.request)
"""  # noqa: S608

#: An unchanged row is not written, which would cost as much as a new one.
UPDATE_UNSENT: Final = f"""
    UPDATE rows SET in_list = 1, line = s.line + :before, state = s.state, cells = s.cells, problems = s.problems,
        message = '', note = '', product_id = s.product_id, credit_party = s.credit_party, amount = s.amount,
        unit = s.unit, request = s.request, cost = s.cost, cost_unit = s.cost_unit, operator_id = s.operator_id,
        party_key = s.party_key, amount_until = s.amount_until
    FROM temp.staged AS s
    WHERE rows.run_id = :run_id AND rows.identity = s.identity AND rows.state IN ({UNSENT})
      AND (rows.in_list, rows.line, rows.state, rows.cells, rows.problems, rows.message, rows.note, rows.product_id,
           rows.credit_party, rows.amount, rows.unit, rows.request, rows.cost, rows.cost_unit, rows.operator_id,
           rows.party_key, rows.amount_until)
          IS NOT (1, s.line + :before, s.state, s.cells, s.problems, '', '', s.product_id,
           s.credit_party, s.amount, s.unit, s.request, s.cost, s.cost_unit, s.operator_id, s.party_key,
           s.amount_until)
"""  # noqa: S608

#: A failed row takes the values of the list for a retry, and stays failed until then.
UPDATE_FAILED: Final = """
    UPDATE rows SET in_list = 1, line = s.line + :before, cells = s.cells, problems = '[]', product_id = s.product_id,
        credit_party = s.credit_party, amount = s.amount, unit = s.unit, request = s.request, cost = s.cost,
        cost_unit = s.cost_unit, operator_id = s.operator_id, party_key = s.party_key, amount_until = s.amount_until,
        note = CASE
            WHEN s.request IS (SELECT request FROM attempts WHERE row_id = rows.id AND number = rows.attempt) THEN ''
            ELSE 'Corrected in the list since it failed; a retry sends it as it is now.' END
    FROM temp.staged AS s
    WHERE rows.run_id = :run_id AND rows.identity = s.identity AND rows.state = 'failed' AND s.state = 'pending'
"""

#: Its previous request is not what the list asks for, so it has none and no retry sends it.
REFUSE_FAILED: Final = """
    UPDATE rows SET in_list = 1, line = s.line + :before, cells = s.cells, problems = s.problems, request = NULL,
        cost = NULL, note = 'Can''t be sent as it is in the list now; a retry skips it.'
    FROM temp.staged AS s
    WHERE rows.run_id = :run_id AND rows.identity = s.identity AND rows.state = 'failed' AND s.state = 'refused'
"""

#: The note must keep its wording: people's acknowledgements are compared with it.
UPDATE_SENT: Final = f"""
    UPDATE rows SET in_list = 1, line = s.line + :before, cells = s.cells,
        note = CASE WHEN {IS_SAME_REQUEST.format(s="s", r="rows")} THEN ''
            ELSE 'The list changed after this row was sent: sent was ' || {_SENT_WAS} || ', the list now says '
                 || CASE WHEN s.request IS NULL THEN 'what cannot be sent' ELSE {_NOW_IS} END
                 || '. It is not paid again; to pay a difference on purpose, use another list.' END
    FROM temp.staged AS s
    WHERE rows.run_id = :run_id AND rows.identity = s.identity AND rows.state IN ({SENT})
      AND (NOT {IS_SAME_REQUEST.format(s="s", r="rows")}
           OR (rows.in_list, rows.line, rows.cells, rows.note) IS NOT (1, s.line + :before, s.cells, ''))
"""  # noqa: S608

#: An acknowledged note is not shown again while the list gives the same one.
DROP_ACKNOWLEDGED: Final = "UPDATE rows SET note = '' WHERE run_id = :run_id AND note <> '' AND note = acknowledged"

INSERT_NEW: Final = """
    INSERT INTO rows (run_id, identity, line, in_list, state, cells, problems, message, note, product_id, credit_party,
                      amount, unit, request, cost, cost_unit, operator_id, party_key, amount_until, attempt)
    SELECT :run_id, s.identity, s.line + :before, 1, s.state, s.cells, s.problems, '', '', s.product_id, s.credit_party,
           s.amount, s.unit, s.request, s.cost, s.cost_unit, s.operator_id, s.party_key, s.amount_until, 0
    FROM temp.staged AS s
    WHERE NOT EXISTS (SELECT 1 FROM rows AS r WHERE r.run_id = :run_id AND r.identity = s.identity)
    ORDER BY s.line
"""

EVENTS_OF_NEW: Final = """
    INSERT INTO events (row_id, attempt, at, before, after, cause)
    SELECT id, 0, :at, NULL, state, 'list read' FROM rows WHERE run_id = :run_id AND id > :last_id
"""

LAST_ROW_ID: Final = "SELECT coalesce(max(id), 0) FROM rows"
