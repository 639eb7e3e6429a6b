"""The SQL of attempts, by name: intents, results, and attempts that are open; constants alone.

Ledgers may hold ten million rows; see `staged_list_statements` for `CROSS JOIN` and the plus before a column.
"""

from typing import Final

from bulk_topup.domain.delivery import DELIVERY_FIELDS
from bulk_topup.domain.purchase_secrets import SECRET_FIELDS
from bulk_topup.ledger.sql_fragments import ATTEMPT, REPLACED_WITHHELD, WITHHELD

#: A pending row can be sent when its time has come, an amount that was asked for is not too old, its operator is not
#: paused, no earlier request of another content
#: may still arrive for it, and no other payment to its credit party is in flight or was sent less than the minimum
#: interval ago, by any run. Canaries come from all operators in turn, first those of an earlier invocation.
_CLAIMABLE: Final = f"""
    SELECT r.id AS row_id, r.identity, r.attempt, r.request, r.credit_party, r.operator_id, r.amount, r.unit, r.cost,
           r.cost_unit, r.amount_until, a.transaction_id, a.resolution, a.external_id AS last_id
    FROM rows AS r LEFT JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE r.run_id = :run_id AND r.state = 'pending' AND r.in_list = 1
      AND NOT EXISTS (SELECT 1 FROM runs WHERE id = :run_id AND closed_at IS NOT NULL)
      AND (r.retry_at IS NULL OR r.retry_at <= :at)
      AND (r.amount_until IS NULL OR r.amount_until >= :at)
      AND (r.operator_id IS NULL OR r.operator_id NOT IN (SELECT value FROM json_each(:paused_operators)))
      AND NOT EXISTS ({WITHHELD} AND w.row_id = r.id)
      AND NOT EXISTS ({REPLACED_WITHHELD} AND c.run_id = r.run_id AND c.identity = r.identity)
      AND NOT EXISTS (
          SELECT 1 FROM rows AS o
          WHERE o.credit_party = r.credit_party AND o.state = 'in_flight' AND o.run_id = r.run_id AND o.id <> r.id)
      AND (:interval_start = :at OR NOT EXISTS (
          SELECT 1 FROM rows AS o JOIN attempts AS b ON b.row_id = o.id AND b.number = o.attempt
          WHERE o.credit_party = r.credit_party AND o.id <> r.id
            AND b.intent_at > :interval_start AND b.intent_at <= :at))
"""  # noqa: S608 - composed of constants

CLAIMABLE: Final = f"{_CLAIMABLE} ORDER BY r.id LIMIT :limit"

CLAIMABLE_CANARIES: Final = f"""{_CLAIMABLE} AND (:include_unsent OR r.attempt > 0)
    ORDER BY r.attempt = 0, row_number() OVER (PARTITION BY r.operator_id ORDER BY r.id), r.id LIMIT :limit
"""

#: All claimed attempts as one JSON array of `[row id, number, external ID, intent at]`: SQLite reads it without taking
#: Python's global lock for each row, which the tasks that send requests need.
_CLAIMED: Final = """
    (SELECT json_extract(value, '$[0]') AS row_id, json_extract(value, '$[1]') AS number,
            json_extract(value, '$[2]') AS external_id, json_extract(value, '$[3]') AS at
     FROM json_each(:claimed)) AS claimed
"""

#: The external ID of a refused creation is free again, so the new intent has the same number. So has that of a
#: transaction that DVS lost, whose facts are removed.
WRITE_INTENTS: Final = f"""
    INSERT INTO attempts (row_id, number, external_id, request, intent_at)
    SELECT r.id, claimed.number, claimed.external_id, r.request, claimed.at
    FROM {_CLAIMED} JOIN rows AS r ON r.id = claimed.row_id
    WHERE true
    ON CONFLICT (row_id, number) DO UPDATE SET request = excluded.request, intent_at = excluded.intent_at,
        transaction_id = NULL, creation_date = NULL, status_class = NULL, status_message = NULL, expires_at = NULL,
        price = NULL, fee = NULL, price_unit = NULL, operator_reference = NULL,
        {", ".join(f"{name} = NULL" for name in SECRET_FIELDS)}, final_at = NULL, resolution = NULL
"""  # noqa: S608

MARK_IN_FLIGHT: Final = f"""
    UPDATE rows SET state = 'in_flight', attempt = claimed.number, message = '', note = ''
    FROM {_CLAIMED} WHERE rows.id = claimed.row_id AND state = 'pending'
"""  # noqa: S608

EVENTS_OF_INTENTS: Final = f"""
    INSERT INTO events (row_id, attempt, at, before, after, cause)
    SELECT claimed.row_id, claimed.number, :at, 'pending', 'in_flight', :cause FROM {_CLAIMED}
"""  # noqa: S608

#: A row that is sent again under the same external ID no longer waits for what followed from the send before.
END_WAITS: Final = f"""
    UPDATE absences SET due_at = NULL
    WHERE due_at IS NOT NULL AND row_id IN (SELECT row_id FROM {_CLAIMED})
"""  # noqa: S608

IN_FLIGHT: Final = f"""
    SELECT {ATTEMPT}
    FROM rows AS r JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE r.run_id = :run_id AND r.state = 'in_flight' AND r.id > :after_id
      AND NOT EXISTS (
          SELECT 1 FROM absences AS w WHERE w.row_id = r.id AND w.attempt = r.attempt AND w.due_at IS NOT NULL)
    ORDER BY r.id LIMIT :limit
"""  # noqa: S608

#: The attempt must be the row's latest: the outcome of an earlier attempt says nothing about it.
MOVE_ROW: Final = """
    UPDATE rows SET state = :after, message = :message, retry_at = NULL
    WHERE id = :row_id AND state = :before AND attempt = :attempt
"""

WRITE_FACTS: Final = f"""
    UPDATE attempts SET transaction_id = :transaction_id, creation_date = :creation_date,
        status_class = :status_class, status_message = :status_message,
        expires_at = coalesce(:expires_at, expires_at), price = coalesce(:price, price),
        fee = coalesce(:fee, fee), price_unit = coalesce(:price_unit, price_unit),
        operator_reference = coalesce(:operator_reference, operator_reference),
        {", ".join(f"{name} = coalesce(:{name}, {name})" for name in (*SECRET_FIELDS, *DELIVERY_FIELDS))},
        final_at = :final_at, resolution = nullif(nullif(resolution, 'free'), 'taken')
    WHERE row_id = :row_id AND number = :attempt
"""  # noqa: S608

#: Accepted rows and their transactions. CROSS JOIN makes SQLite start with the caller's external IDs, a JSON array,
#: instead of all accepted rows of the run for each page. In hold mode, unconfirmed transactions can be excluded.
ACCEPTED_AMONG: Final = f"""
    SELECT {ATTEMPT}, a.transaction_id, a.creation_date, a.status_message
    FROM json_each(:external_ids) AS wanted
    CROSS JOIN attempts AS a ON a.external_id = wanted.value
    CROSS JOIN rows AS r ON r.id = a.row_id AND r.attempt = a.number
    WHERE r.run_id = :run_id AND r.state = 'accepted' AND (NOT :exclude_held OR a.status_class <> 'CREATED')
"""  # noqa: S608

#: The first 19 characters of a creation date are its second.
ACCEPTED_SECONDS: Final = """
    SELECT substr(a.creation_date, 1, 19) AS second, r.operator_id, count(*) AS count, min(a.creation_date) AS oldest,
           max(a.creation_date) AS newest
    FROM rows AS r JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE r.run_id = :run_id AND r.state = 'accepted' AND (NOT :exclude_held OR a.status_class <> 'CREATED')
    GROUP BY 1, 2 ORDER BY 1
"""

ACCEPTED: Final = f"""
    SELECT {ATTEMPT}, a.transaction_id, a.creation_date, a.status_message
    FROM rows AS r JOIN attempts AS a ON a.row_id = r.id AND a.number = r.attempt
    WHERE r.run_id = :run_id AND r.state = 'accepted' AND (NOT :exclude_held OR a.status_class <> 'CREATED')
      AND (:seconds IS NULL OR substr(a.creation_date, 1, 19) IN (SELECT value FROM json_each(:seconds)))
      AND r.id > :after_id
    ORDER BY r.id LIMIT :limit
"""  # noqa: S608
