"""The migrations that create the ledger's tables: one per change, applied in order, never edited afterwards.

Long because migrations are never edited or moved, and each is a plain list of changes.
"""

from sqlite_utils import Database, Migrations

from bulk_topup.domain.run_names import fold_run_name
from bulk_topup.domain.sameness import ACCOUNT, REFERENCE, renewed_account_key, renewed_reference_key
from bulk_topup.ledger.schema_versions import NAMES, SET

migrations = Migrations(SET)


@migrations(name=NAMES[0])
def _first(db: Database) -> None:
    """Create runs, rows, attempts and events.

    Long because a migration never changes, and this one is a plain list of columns.
    """
    db.table("runs").create(
        {
            "id": int,
            "job": str,
            "run_key": str,
            "environment": str,
            "list_path": str,
            "columns": str,
            "created_at": str,
        },
        pk="id",
        not_null={"job", "run_key", "environment", "list_path", "columns", "created_at"},
    ).create_index(["job", "run_key"], unique=True)
    db.table("rows").create(
        {
            "id": int,
            "run_id": int,
            "identity": str,
            "line": int,
            "in_list": int,
            "state": str,
            "cells": str,
            "problems": str,
            "message": str,
            "note": str,
            "product_id": int,
            "credit_party": str,
            "amount": str,
            "unit": str,
            "request": str,
            "cost": str,
            "cost_unit": str,
            "attempt": int,
        },
        pk="id",
        not_null={"run_id", "identity", "line", "in_list", "state", "cells", "problems", "message", "note", "attempt"},
        foreign_keys=[("run_id", "runs", "id")],
    )
    db.table("rows").create_index(["run_id", "identity"], unique=True)
    db.table("rows").create_index(["run_id", "state", "id"])
    db.table("rows").create_index(["run_id", "line", "id"])
    db.table("attempts").create(
        {
            "id": int,
            "row_id": int,
            "number": int,
            "external_id": str,
            "request": str,
            "intent_at": str,
            "transaction_id": int,
            "creation_date": str,
            "status_class": str,
            "status_message": str,
            "price": str,
            "fee": str,
            "price_unit": str,
            "operator_reference": str,
            "pin_code": str,
            "pin_serial": str,
            "final_at": str,
        },
        pk="id",
        not_null={"row_id", "number", "external_id", "request", "intent_at"},
        foreign_keys=[("row_id", "rows", "id")],
    )
    db.table("attempts").create_index(["row_id", "number"], unique=True)
    db.table("attempts").create_index(["external_id"], unique=True)
    db.table("events").create(
        {
            "id": int,
            "row_id": int,
            "attempt": int,
            "at": str,
            "before": str,
            "after": str,
            "cause": str,
            "status_message": str,
        },
        pk="id",
        not_null={"row_id", "attempt", "at", "after", "cause"},
        foreign_keys=[("row_id", "rows", "id")],
    )
    db.table("events").create_index(["row_id", "id"])


@migrations(name=NAMES[1])
def _second(db: Database) -> None:
    db.table("hints").create({"external_id": str, "received_at": str}, pk="external_id", not_null={"received_at"})


@migrations(name=NAMES[2])
def _third(db: Database) -> None:
    db.table("runs").add_column("account", str, not_null_default="")


@migrations(name=NAMES[3])
def _fourth(db: Database) -> None:
    runs = db.table("runs")
    # Guards as JSON; confirm or cancel in hold mode; the approval; when personal data was purged.
    runs.add_column("guards", str, not_null_default="{}")
    runs.add_column("decision", str)
    runs.add_column("approval", str)
    runs.add_column("purged_at", str)
    rows = db.table("rows")
    rows.add_column("operator_id", int)
    rows.add_column("retry_at", str)
    rows.create_index(["credit_party"])
    # Until when a transaction can be confirmed.
    db.table("attempts").add_column("expires_at", str)


@migrations(name=NAMES[4])
def _fifth(db: Database) -> None:
    # IDs of the keys that PINs are encrypted with; an empty ID means that some are not encrypted yet.
    db.table("pin_keys").create({"id": str}, pk="id")
    db.execute(
        "INSERT INTO pin_keys SELECT '' WHERE EXISTS "
        "(SELECT 1 FROM attempts WHERE pin_code IS NOT NULL OR pin_serial IS NOT NULL)"
    )


@migrations(name=NAMES[5])
def _sixth(db: Database) -> None:
    # What a person decided about the transaction with the attempt's external ID.
    db.table("attempts").add_column("resolution", str)
    # The note that a person has acknowledged.
    db.table("rows").add_column("acknowledged", str)
    db.table("observations").create(
        {"id": int, "account": str, "at": str, "unit": str, "available": str, "holding": str, "newest": str},
        pk="id",
        not_null={"account", "at", "unit", "available", "holding", "newest"},
    )
    db.table("observations").create_index(["account", "id"])


@migrations(name=NAMES[6])
def _seventh(db: Database) -> None:
    # Takes some seconds for a million rows. Rows are now counted by state from the index alone.
    db.execute("DROP INDEX idx_rows_run_id_state_id")
    rows = db.table("rows")
    rows.create_index(["run_id", "state", "id", "in_list", "attempt"])
    # These hold few rows: those that differ from the list, and those in flight by credit party.
    db.execute("CREATE INDEX idx_rows_noted ON rows (run_id, line) WHERE note <> ''")
    db.execute("CREATE INDEX idx_rows_in_flight ON rows (credit_party) WHERE state = 'in_flight'")
    # When a transaction was created, else its intent: a comparison reads one time window.
    db.execute("CREATE INDEX idx_attempts_created ON attempts (coalesce(creation_date, intent_at))")
    db.table("hints").create_index(["received_at"])
    # When a purged run sent its last payment.
    db.table("runs").add_column("last_sent_at", str)
    db.execute(
        "UPDATE runs SET last_sent_at = (SELECT max(a.intent_at) FROM rows AS r CROSS JOIN attempts AS a "
        "ON a.row_id = r.id WHERE r.run_id = runs.id) WHERE purged_at IS NOT NULL"
    )


@migrations(name=NAMES[7])
def _eighth(db: Database) -> None:
    # Digests of the files of a run's last report; the mark is the revision of the report.
    db.table("reports").create(
        {"run_id": int, "version": str, "mark": str, "files": str}, pk="run_id", not_null={"version", "mark"}
    )
    # Any change of a row or its run outdates the report. An attempt's facts change with its row.
    for table, change, run_id in (
        ("rows", "INSERT", "NEW.run_id"),
        ("rows", "UPDATE", "OLD.run_id"),
        ("rows", "DELETE", "OLD.run_id"),
        ("runs", "UPDATE", "OLD.id"),
    ):
        db.execute(f"""
            CREATE TRIGGER {table}_{change.lower()}_makes_report_old AFTER {change} ON {table}
            WHEN EXISTS (SELECT 1 FROM reports WHERE run_id = {run_id})
            BEGIN DELETE FROM reports WHERE run_id = {run_id}; END
        """)  # noqa: S608 - composed of constants


@migrations(name=NAMES[8])
def _ninth(db: Database) -> None:
    # How the job reads its list, and where it writes its report, as JSON.
    runs = db.table("runs")
    runs.add_column("reading", str)
    runs.add_column("reporting", str)


@migrations(name=NAMES[9])
def _tenth(db: Database) -> None:
    # The key of the credited party. `party_key_upgrade` fills it for existing rows, then creates its index.
    db.table("rows").add_column("party_key", str)
    db.execute("CREATE INDEX idx_rows_without_party_key ON rows (id) WHERE party_key IS NULL AND request IS NOT NULL")
    # The key shows in no report.
    db.execute("DROP TRIGGER rows_update_makes_report_old")
    columns = ", ".join(column.name for column in db.table("rows").columns if column.name != "party_key")
    db.execute(f"""
        CREATE TRIGGER rows_update_makes_report_old AFTER UPDATE OF {columns} ON rows
        WHEN EXISTS (SELECT 1 FROM reports WHERE run_id = OLD.run_id)
        BEGIN DELETE FROM reports WHERE run_id = OLD.run_id; END
    """)  # noqa: S608 - composed of names of columns


@migrations(name=NAMES[10])
def _eleventh(db: Database) -> None:
    # The folded names, by which runs are found; empty in a run that an earlier version adds while it is still running.
    runs = db.table("runs")
    runs.add_column("folded_job", str, not_null_default="")
    runs.add_column("folded_key", str, not_null_default="")
    # What external IDs are computed from: the version of the form, and the names where they are not the run's own.
    runs.add_column("identity_version", int, not_null_default=1)
    runs.add_column("id_job", str)
    runs.add_column("id_run_key", str)
    # Whether a rebuild of the run has started, and has not looked up every row.
    runs.add_column("rebuilding", int, not_null_default=0)
    for id_, job, run_key in db.execute("SELECT id, job, run_key FROM runs").fetchall():
        folded = fold_run_name(job, run_key)
        db.execute("UPDATE runs SET folded_job = ?, folded_key = ? WHERE id = ?", (*folded, id_))
    # Not unique: runs of earlier versions may have one name in two spellings.
    runs.create_index(["folded_job", "folded_key"])
    # Names that a run had before it was renamed.
    db.table("former_names").create(
        {"id": int, "folded_job": str, "folded_key": str, "job": str, "run_key": str, "run_id": int},
        pk="id",
        not_null={"folded_job", "folded_key", "job", "run_key", "run_id"},
        foreign_keys=[("run_id", "runs", "id")],
    ).create_index(["folded_job", "folded_key"])


@migrations(name=NAMES[11])
def _twelfth(db: Database) -> None:
    runs = db.table("runs")
    # That nothing more of the run is sent: when, who decided it, and why.
    runs.add_column("closed_at", str)
    runs.add_column("closed_by", str)
    runs.add_column("closed_reason", str)
    # The open runs that it was started beside, as JSON.
    runs.add_column("left_open", str)
    # The time zone of the days of its job.
    runs.add_column("time_zone", str)


@migrations(name=NAMES[12])
def _thirteenth(db: Database) -> None:
    # How a run reads numbers; earlier ones read them as they are written.
    db.table("runs").add_column("reading_version", int, not_null_default=1)
    # Numbers that are paid although no numbering plan has them.
    db.table("accepted_numbers").create({"number": str, "accepted_at": str}, pk="number", not_null={"accepted_at"})


@migrations(name=NAMES[13])
def _fourteenth(db: Database) -> None:
    # Attempts that DVS refused after a request of unknown outcome: when the last request was sent, when DVS's list is
    # read next, how often it was read, what follows from absence, and what the request paid to whom.
    db.table("absences").create(
        {
            "row_id": int,
            "attempt": int,
            "sent_at": str,
            "due_at": str,
            "looks": int,
            "after": str,
            "message": str,
            "credit_party": str,
            "party_key": str,
            "product_id": int,
            "operator_id": int,
            "amount": str,
            "unit": str,
        },
        pk=("row_id", "attempt"),
        not_null={"sent_at", "looks", "after", "message"},
        foreign_keys=[("row_id", "rows", "id")],
    )


@migrations(name=NAMES[14])
def _fifteenth(db: Database) -> None:
    # Pairs of party keys that a person has found to be different beneficiaries; `key` is before `other`.
    db.table("not_the_same").create(
        {"key": str, "other": str, "reason": str, "by": str, "at": str},
        pk=("key", "other"),
        not_null={"reason", "by", "at"},
    )
    db.table("not_the_same").create_index(["other"])


@migrations(name=NAMES[15])
def _sixteenth(db: Database) -> None:
    # How far back the run is compared with others, as JSON of `ComparisonPolicy`.
    db.table("runs").add_column("comparison", str)
    # Payments of other runs that a row of the run repeats: with a reason if it is paid again, without if it is refused.
    db.table("repeated_payments").create(
        {"run_id": int, "earlier_row_id": int, "identity": str, "reason": str, "at": str},
        pk=("run_id", "earlier_row_id"),
        not_null={"identity", "at"},
    )


@migrations(name=NAMES[16])
def _seventeenth(db: Database) -> None:
    # The decisions to pay rows again that other runs have paid: a JSON array of who, why, when, and how many of whose.
    db.table("runs").add_column("paid_again", str)


@migrations(name=NAMES[17])
def _eighteenth(db: Database) -> None:
    # Two rare dashes, the empty Braille cell and selectors count as they do in run names. `party_key_upgrade` fills in
    # the keys of these rows again; a row without a request was not sent.
    rare = "\u02d7\u2053\u2800\U000e0100-\U000e01ef"
    db.execute("UPDATE rows SET party_key = NULL WHERE request IS NOT NULL AND party_key GLOB ?", [f"*[{rare}]*"])


@migrations(name=NAMES[18])
def _nineteenth(db: Database) -> None:
    repeated = db.table("repeated_payments")
    # The last event when a person decided to pay the row again: earlier payments are covered, later ones are not.
    repeated.add_column("known_until", int)
    # Payments that the decision covers beside this one.
    repeated.add_column("more", int)
    # Finds the decision about a row.
    db.execute(
        "CREATE INDEX idx_repeated_payments_decided ON repeated_payments (run_id, identity, known_until) "
        "WHERE reason IS NOT NULL"
    )
    _renew_reference_keys(db)


def _renew_reference_keys(db: Database) -> None:
    """Set the keys of rows that credit nobody, and of pairs of them, to those by which zeros after letters are near."""
    db.conn.create_function("renewed_key", 1, renewed_reference_key, deterministic=True)
    is_reference = f"{{0}} >= '{REFERENCE}' AND {{0}} < '{REFERENCE[:-1]}{chr(ord(REFERENCE[-1]) + 1)}'"
    db.execute(
        f"UPDATE rows SET party_key = renewed_key(party_key) WHERE {is_reference.format('party_key')} "  # noqa: S608
        "AND party_key <> renewed_key(party_key)"
    )
    db.execute(
        f"UPDATE absences SET party_key = renewed_key(party_key) WHERE {is_reference.format('party_key')}"  # noqa: S608
    )
    pairs = db.execute(f"SELECT key, other FROM not_the_same WHERE {is_reference.format('key')}").fetchall()  # noqa: S608
    for key, other in pairs:
        renewed = sorted((renewed_reference_key(key), renewed_reference_key(other)))
        # Two pairs may be one by now; 0022 removes what is left.
        db.execute(
            "UPDATE OR IGNORE not_the_same SET key = ?, other = ? WHERE key = ? AND other = ?", (*renewed, key, other)
        )


@migrations(name=NAMES[19])
def _twentieth(db: Database) -> None:
    # The lists of a run that has more than one, as JSON: where each is, how it is read, who added it and when.
    db.table("runs").add_column("parts", str)


@migrations(name=NAMES[20])
def _twenty_first(db: Database) -> None:
    # Corrected rows: cells before and after as JSON, what both say as a sentence, the identity and the payment of the
    # row that was replaced, the identity of the row that replaces it (NULL if a filter leaves that out), who and when.
    corrections = db.table("corrections").create(
        {
            "id": int,
            "run_id": int,
            "line": int,
            "columns": str,
            "before": str,
            "after": str,
            "note": str,
            "replaced": str,
            "identity": str,
            "product_id": int,
            "party_key": str,
            "amount": str,
            "unit": str,
            "by": str,
            "at": str,
        },
        pk="id",
        not_null={"run_id", "line", "columns", "before", "after", "note", "replaced", "by", "at"},
        foreign_keys=[("run_id", "runs", "id")],
    )
    corrections.create_index(["run_id", "identity"])
    corrections.create_index(["run_id", "replaced"])
    corrections.create_index(["party_key"])


@migrations(name=NAMES[21])
def _twenty_second(db: Database) -> None:
    # 0018 renewed the keys of rows alone. Those of pairs and of attempts that may still arrive have to be the same.
    rare = "*[\u02d7\u2053\u2800\U000e0100-\U000e01ef]*"
    db.conn.create_function("renewed_account_key", 1, renewed_account_key, deterministic=True)
    db.execute(
        "UPDATE absences SET party_key = renewed_account_key(party_key) WHERE party_key GLOB ? AND party_key GLOB ?",
        (f"{ACCOUNT}*", rare),
    )
    pairs = db.execute("SELECT * FROM not_the_same WHERE key GLOB :rare OR other GLOB :rare", {"rare": rare}).fetchall()
    for key, other, *decision in pairs:
        db.execute("DELETE FROM not_the_same WHERE key = ? AND other = ?", (key, other))
        keys = sorted(
            renewed_account_key(k) if k.startswith(ACCOUNT) else renewed_reference_key(k) for k in (key, other)
        )
        if keys[0] != keys[1]:
            db.execute("INSERT OR IGNORE INTO not_the_same VALUES (?, ?, ?, ?, ?)", (*keys, *decision))


@migrations(name=NAMES[22])
def _twenty_third(db: Database) -> None:
    # The profile of a new eSIM, encrypted as PINs are.
    for name in ("activation_code", "apple_universal_link", "android_universal_link", "installation_url"):
        db.table("attempts").add_column(f"esim_{name}", str)


@migrations(name=NAMES[23])
def _twenty_fourth(db: Database) -> None:
    # Answers of DVS that are used again while they are recent: by environment and account, each with its time and with
    # the version of the program that read it.
    answers = {"environment": str, "account": str, "version": str, "asked_at": str}
    required = {"version", "asked_at"}
    # A product's body as JSON.
    db.table("kept_products").create(
        {**answers, "product_id": int, "body": str},
        pk=("environment", "account", "product_id"),
        not_null={*required, "body"},
    )
    # A list's entries as a JSON array: IDs of products, or bodies of operators.
    db.table("kept_lists").create(
        {**answers, "query": str, "entries": str},
        pk=("environment", "account", "query"),
        not_null={*required, "entries"},
    )
    # The operator of a mobile number as JSON; `party_key` finds the rows that credit the number.
    db.table("kept_operators").create(
        {**answers, "number": str, "party_key": str, "body": str},
        pk=("environment", "account", "number"),
        not_null={*required, "party_key", "body"},
    )


@migrations(name=NAMES[24])
def _twenty_fifth(db: Database) -> None:
    # What DVS delivered: the amount and its unit, bonuses as a text with their units, the retail price and its unit.
    for name in ("delivered", "delivered_unit", "bonus", "retail_price", "retail_unit"):
        db.table("attempts").add_column(name, str)


@migrations(name=NAMES[25])
def _twenty_sixth(db: Database) -> None:
    # Until when the amount of a row may be sent that DVS was asked for; NULL where the list has the amount.
    db.table("rows").add_column("amount_until", str)
    # The open statements of an account as JSON.
    db.table("kept_statements").create(
        {
            "environment": str,
            "account": str,
            "version": str,
            "asked_at": str,
            "product_id": int,
            "account_number": str,
            "account_qualifier": str,
            "body": str,
        },
        pk=("environment", "account", "product_id", "account_number", "account_qualifier"),
        not_null={"version", "asked_at", "body"},
    )
