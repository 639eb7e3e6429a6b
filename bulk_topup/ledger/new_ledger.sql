-- Written by `python -m checks.new_ledger` from the migrations in schema.py; never edited.
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);

CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");

CREATE TABLE "runs" (
   "id" INTEGER PRIMARY KEY,
   "job" TEXT NOT NULL,
   "run_key" TEXT NOT NULL,
   "environment" TEXT NOT NULL,
   "list_path" TEXT NOT NULL,
   "columns" TEXT NOT NULL,
   "created_at" TEXT NOT NULL
, "account" TEXT NOT NULL DEFAULT '', "guards" TEXT NOT NULL DEFAULT '{}', "decision" TEXT, "approval" TEXT, "purged_at" TEXT, "last_sent_at" TEXT, "reading" TEXT, "reporting" TEXT, "folded_job" TEXT NOT NULL DEFAULT '', "folded_key" TEXT NOT NULL DEFAULT '', "identity_version" INTEGER NOT NULL DEFAULT 1, "id_job" TEXT, "id_run_key" TEXT, "rebuilding" INTEGER NOT NULL DEFAULT 0, "closed_at" TEXT, "closed_by" TEXT, "closed_reason" TEXT, "left_open" TEXT, "time_zone" TEXT, "reading_version" INTEGER NOT NULL DEFAULT 1, "comparison" TEXT, "paid_again" TEXT, "parts" TEXT);

CREATE UNIQUE INDEX "idx_runs_job_run_key"
    ON "runs" ("job", "run_key");

CREATE TABLE "rows" (
   "id" INTEGER PRIMARY KEY,
   "run_id" INTEGER NOT NULL REFERENCES "runs"("id"),
   "identity" TEXT NOT NULL,
   "line" INTEGER NOT NULL,
   "in_list" INTEGER NOT NULL,
   "state" TEXT NOT NULL,
   "cells" TEXT NOT NULL,
   "problems" TEXT NOT NULL,
   "message" TEXT NOT NULL,
   "note" TEXT NOT NULL,
   "product_id" INTEGER,
   "credit_party" TEXT,
   "amount" TEXT,
   "unit" TEXT,
   "request" TEXT,
   "cost" TEXT,
   "cost_unit" TEXT,
   "attempt" INTEGER NOT NULL
, "operator_id" INTEGER, "retry_at" TEXT, "acknowledged" TEXT, "party_key" TEXT, "amount_until" TEXT);

CREATE UNIQUE INDEX "idx_rows_run_id_identity"
    ON "rows" ("run_id", "identity");

CREATE INDEX "idx_rows_run_id_line_id"
    ON "rows" ("run_id", "line", "id");

CREATE TABLE "attempts" (
   "id" INTEGER PRIMARY KEY,
   "row_id" INTEGER NOT NULL REFERENCES "rows"("id"),
   "number" INTEGER NOT NULL,
   "external_id" TEXT NOT NULL,
   "request" TEXT NOT NULL,
   "intent_at" TEXT NOT NULL,
   "transaction_id" INTEGER,
   "creation_date" TEXT,
   "status_class" TEXT,
   "status_message" TEXT,
   "price" TEXT,
   "fee" TEXT,
   "price_unit" TEXT,
   "operator_reference" TEXT,
   "pin_code" TEXT,
   "pin_serial" TEXT,
   "final_at" TEXT
, "expires_at" TEXT, "resolution" TEXT, "esim_activation_code" TEXT, "esim_apple_universal_link" TEXT, "esim_android_universal_link" TEXT, "esim_installation_url" TEXT, "delivered" TEXT, "delivered_unit" TEXT, "bonus" TEXT, "retail_price" TEXT, "retail_unit" TEXT);

CREATE UNIQUE INDEX "idx_attempts_row_id_number"
    ON "attempts" ("row_id", "number");

CREATE UNIQUE INDEX "idx_attempts_external_id"
    ON "attempts" ("external_id");

CREATE TABLE "events" (
   "id" INTEGER PRIMARY KEY,
   "row_id" INTEGER NOT NULL REFERENCES "rows"("id"),
   "attempt" INTEGER NOT NULL,
   "at" TEXT NOT NULL,
   "before" TEXT,
   "after" TEXT NOT NULL,
   "cause" TEXT NOT NULL,
   "status_message" TEXT
);

CREATE INDEX "idx_events_row_id_id"
    ON "events" ("row_id", "id");

CREATE TABLE "hints" (
   "external_id" TEXT PRIMARY KEY,
   "received_at" TEXT NOT NULL
);

CREATE INDEX "idx_rows_credit_party"
    ON "rows" ("credit_party");

CREATE TABLE "pin_keys" (
   "id" TEXT PRIMARY KEY
);

CREATE TABLE "observations" (
   "id" INTEGER PRIMARY KEY,
   "account" TEXT NOT NULL,
   "at" TEXT NOT NULL,
   "unit" TEXT NOT NULL,
   "available" TEXT NOT NULL,
   "holding" TEXT NOT NULL,
   "newest" TEXT NOT NULL
);

CREATE INDEX "idx_observations_account_id"
    ON "observations" ("account", "id");

CREATE INDEX "idx_rows_run_id_state_id_in_list_attempt"
    ON "rows" ("run_id", "state", "id", "in_list", "attempt");

CREATE INDEX idx_rows_noted ON rows (run_id, line) WHERE note <> '';

CREATE INDEX idx_rows_in_flight ON rows (credit_party) WHERE state = 'in_flight';

CREATE INDEX idx_attempts_created ON attempts (coalesce(creation_date, intent_at));

CREATE INDEX "idx_hints_received_at"
    ON "hints" ("received_at");

CREATE TABLE "reports" (
   "run_id" INTEGER PRIMARY KEY,
   "version" TEXT NOT NULL,
   "mark" TEXT NOT NULL,
   "files" TEXT
);

CREATE TRIGGER rows_insert_makes_report_old AFTER INSERT ON rows
            WHEN EXISTS (SELECT 1 FROM reports WHERE run_id = NEW.run_id)
            BEGIN DELETE FROM reports WHERE run_id = NEW.run_id; END;

CREATE TRIGGER rows_delete_makes_report_old AFTER DELETE ON rows
            WHEN EXISTS (SELECT 1 FROM reports WHERE run_id = OLD.run_id)
            BEGIN DELETE FROM reports WHERE run_id = OLD.run_id; END;

CREATE TRIGGER runs_update_makes_report_old AFTER UPDATE ON runs
            WHEN EXISTS (SELECT 1 FROM reports WHERE run_id = OLD.id)
            BEGIN DELETE FROM reports WHERE run_id = OLD.id; END;

CREATE INDEX idx_rows_without_party_key ON rows (id) WHERE party_key IS NULL AND request IS NOT NULL;

CREATE TRIGGER rows_update_makes_report_old AFTER UPDATE OF id, run_id, identity, line, in_list, state, cells, problems, message, note, product_id, credit_party, amount, unit, request, cost, cost_unit, attempt, operator_id, retry_at, acknowledged ON rows
        WHEN EXISTS (SELECT 1 FROM reports WHERE run_id = OLD.run_id)
        BEGIN DELETE FROM reports WHERE run_id = OLD.run_id; END;

CREATE INDEX "idx_runs_folded_job_folded_key"
    ON "runs" ("folded_job", "folded_key");

CREATE TABLE "former_names" (
   "id" INTEGER PRIMARY KEY,
   "folded_job" TEXT NOT NULL,
   "folded_key" TEXT NOT NULL,
   "job" TEXT NOT NULL,
   "run_key" TEXT NOT NULL,
   "run_id" INTEGER NOT NULL REFERENCES "runs"("id")
);

CREATE INDEX "idx_former_names_folded_job_folded_key"
    ON "former_names" ("folded_job", "folded_key");

CREATE TABLE "accepted_numbers" (
   "number" TEXT PRIMARY KEY,
   "accepted_at" TEXT NOT NULL
);

CREATE TABLE "absences" (
   "row_id" INTEGER REFERENCES "rows"("id"),
   "attempt" INTEGER,
   "sent_at" TEXT NOT NULL,
   "due_at" TEXT,
   "looks" INTEGER NOT NULL,
   "after" TEXT NOT NULL,
   "message" TEXT NOT NULL,
   "credit_party" TEXT,
   "party_key" TEXT,
   "product_id" INTEGER,
   "operator_id" INTEGER,
   "amount" TEXT,
   "unit" TEXT,
   PRIMARY KEY ("row_id", "attempt")
);

CREATE TABLE "not_the_same" (
   "key" TEXT,
   "other" TEXT,
   "reason" TEXT NOT NULL,
   "by" TEXT NOT NULL,
   "at" TEXT NOT NULL,
   PRIMARY KEY ("key", "other")
);

CREATE INDEX "idx_not_the_same_other"
    ON "not_the_same" ("other");

CREATE TABLE "repeated_payments" (
   "run_id" INTEGER,
   "earlier_row_id" INTEGER,
   "identity" TEXT NOT NULL,
   "reason" TEXT,
   "at" TEXT NOT NULL, "known_until" INTEGER, "more" INTEGER,
   PRIMARY KEY ("run_id", "earlier_row_id")
);

CREATE INDEX idx_repeated_payments_decided ON repeated_payments (run_id, identity, known_until) WHERE reason IS NOT NULL;

CREATE TABLE "corrections" (
   "id" INTEGER PRIMARY KEY,
   "run_id" INTEGER NOT NULL REFERENCES "runs"("id"),
   "line" INTEGER NOT NULL,
   "columns" TEXT NOT NULL,
   "before" TEXT NOT NULL,
   "after" TEXT NOT NULL,
   "note" TEXT NOT NULL,
   "replaced" TEXT NOT NULL,
   "identity" TEXT,
   "product_id" INTEGER,
   "party_key" TEXT,
   "amount" TEXT,
   "unit" TEXT,
   "by" TEXT NOT NULL,
   "at" TEXT NOT NULL
);

CREATE INDEX "idx_corrections_run_id_identity"
    ON "corrections" ("run_id", "identity");

CREATE INDEX "idx_corrections_run_id_replaced"
    ON "corrections" ("run_id", "replaced");

CREATE INDEX "idx_corrections_party_key"
    ON "corrections" ("party_key");

CREATE TABLE "kept_products" (
   "environment" TEXT,
   "account" TEXT,
   "version" TEXT NOT NULL,
   "asked_at" TEXT NOT NULL,
   "product_id" INTEGER,
   "body" TEXT NOT NULL,
   PRIMARY KEY ("environment", "account", "product_id")
);

CREATE TABLE "kept_lists" (
   "environment" TEXT,
   "account" TEXT,
   "version" TEXT NOT NULL,
   "asked_at" TEXT NOT NULL,
   "query" TEXT,
   "entries" TEXT NOT NULL,
   PRIMARY KEY ("environment", "account", "query")
);

CREATE TABLE "kept_operators" (
   "environment" TEXT,
   "account" TEXT,
   "version" TEXT NOT NULL,
   "asked_at" TEXT NOT NULL,
   "number" TEXT,
   "party_key" TEXT NOT NULL,
   "body" TEXT NOT NULL,
   PRIMARY KEY ("environment", "account", "number")
);

CREATE TABLE "kept_statements" (
   "environment" TEXT,
   "account" TEXT,
   "version" TEXT NOT NULL,
   "asked_at" TEXT NOT NULL,
   "product_id" INTEGER,
   "account_number" TEXT,
   "account_qualifier" TEXT,
   "body" TEXT NOT NULL,
   PRIMARY KEY ("environment", "account", "product_id", "account_number", "account_qualifier")
);
