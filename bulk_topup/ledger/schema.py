"""The ledger's tables and how they came to be: one migration a change, applied in order, never edited afterwards."""

from sqlite_utils import Database, Migrations

from bulk_topup.ledger.schema_versions import NAMES, SET

migrations = Migrations(SET)


@migrations(name=NAMES[0])
def _first(db: Database) -> None:
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
    # What the run allows itself, as JSON; what a held run decided; who approved it; when its people were forgotten.
    runs.add_column("guards", str, not_null_default="{}")
    runs.add_column("decision", str)
    runs.add_column("approval", str)
    runs.add_column("purged_at", str)
    rows = db.table("rows")
    rows.add_column("operator_id", int)
    rows.add_column("retry_at", str)
    rows.create_index(["credit_party"])
    # Until when a held transaction can be confirmed.
    db.table("attempts").add_column("expires_at", str)


@migrations(name=NAMES[4])
def _fifth(db: Database) -> None:
    # By which keys the ledger's PINs are encrypted; none names those that are not yet.
    db.table("pin_keys").create({"id": str}, pk="id")
    db.execute(
        "INSERT INTO pin_keys SELECT '' WHERE EXISTS "
        "(SELECT 1 FROM attempts WHERE pin_code IS NOT NULL OR pin_serial IS NOT NULL)"
    )


@migrations(name=NAMES[5])
def _sixth(db: Database) -> None:
    # What a person decided about the transaction that the attempt's external id stands for.
    db.table("attempts").add_column("resolution", str)
    # The note that a person has read and accepted.
    db.table("rows").add_column("acknowledged", str)
    db.table("observations").create(
        {"id": int, "account": str, "at": str, "unit": str, "available": str, "holding": str, "newest": str},
        pk="id",
        not_null={"account", "at", "unit", "available", "holding", "newest"},
    )
    db.table("observations").create_index(["account", "id"])


@migrations(name=NAMES[6])
def _seventh(db: Database) -> None:
    # Some seconds for a million rows. Counting rows by their states reads the index alone now.
    db.execute("DROP INDEX idx_rows_run_id_state_id")
    rows = db.table("rows")
    rows.create_index(["run_id", "state", "id", "in_list", "attempt"])
    # Few rows are in these: those that the list contradicts, and those on their way, by whom they credit.
    db.execute("CREATE INDEX idx_rows_noted ON rows (run_id, line) WHERE note <> ''")
    db.execute("CREATE INDEX idx_rows_in_flight ON rows (credit_party) WHERE state = 'in_flight'")
    # When a transaction was created, as far as it is known: a window of time is all that a comparison looks at.
    db.execute("CREATE INDEX idx_attempts_created ON attempts (coalesce(creation_date, intent_at))")
    db.table("hints").create_index(["received_at"])
    # When a run that was purged last sent anything.
    db.table("runs").add_column("last_sent_at", str)
    db.execute(
        "UPDATE runs SET last_sent_at = (SELECT max(a.intent_at) FROM rows AS r CROSS JOIN attempts AS a "
        "ON a.row_id = r.id WHERE r.run_id = runs.id) WHERE purged_at IS NOT NULL"
    )


@migrations(name=NAMES[7])
def _eighth(db: Database) -> None:
    # The files of a run's last report by their digests; the mark tells one writing of it from another.
    db.table("reports").create(
        {"run_id": int, "version": str, "mark": str, "files": str}, pk="run_id", not_null={"version", "mark"}
    )
    # Whatever changes a row or its run, whoever does it, makes its report old. An attempt's facts change with its row.
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
    # How the run's job has its list read, and where it wants its report; both JSON.
    runs = db.table("runs")
    runs.add_column("reading", str)
    runs.add_column("reporting", str)
