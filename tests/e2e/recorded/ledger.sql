BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'bulk_topup.ledger','0001_runs_rows_attempts_events','2026-11-29 22:07:25.582539+00:00');
INSERT INTO "_sqlite_migrations" VALUES(2,'bulk_topup.ledger','0002_hints','2026-11-29 22:07:25.583010+00:00');
INSERT INTO "_sqlite_migrations" VALUES(3,'bulk_topup.ledger','0003_accounts','2026-11-29 22:07:25.583585+00:00');
INSERT INTO "_sqlite_migrations" VALUES(4,'bulk_topup.ledger','0004_guards','2026-11-29 22:07:25.604129+00:00');
INSERT INTO "_sqlite_migrations" VALUES(5,'bulk_topup.ledger','0005_pin_keys','2026-11-29 22:07:25.614194+00:00');
INSERT INTO "_sqlite_migrations" VALUES(6,'bulk_topup.ledger','0006_reconciling','2026-11-29 22:07:25.615793+00:00');
INSERT INTO "_sqlite_migrations" VALUES(7,'bulk_topup.ledger','0007_indexes_for_millions','2026-11-29 22:07:25.617011+00:00');
INSERT INTO "_sqlite_migrations" VALUES(8,'bulk_topup.ledger','0008_reports','2026-11-29 22:07:25.634252+00:00');
INSERT INTO "_sqlite_migrations" VALUES(9,'bulk_topup.ledger','0009_jobs_of_runs','2026-11-29 22:07:25.635630+00:00');
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
, "expires_at" TEXT, "resolution" TEXT);
INSERT INTO "attempts" VALUES(1,1,1,'list-vtx5wc4ozcl5o3kjly-1','{"product_id":6418,"auto_confirm":true,"calculation_mode":"DESTINATION_AMOUNT","destination":{"unit_type":"CURRENCY","unit":"SGD","amount":5},"credit_party_identifier":{"mobile_number":"+6595123400"}}','2026-11-29T22:07:31.490962+00:00',2237512891,'2026-11-29T22:07:31.516028+00:00','COMPLETED','COMPLETED','3.71','0','USD','OP-2237512891',NULL,NULL,'2026-11-29T22:07:31.539968+00:00','2026-11-29T22:08:07.516028+00:00',NULL);
INSERT INTO "attempts" VALUES(2,2,1,'list-kddku46742xpes5wds-1','{"product_id":6418,"auto_confirm":true,"calculation_mode":"DESTINATION_AMOUNT","destination":{"unit_type":"CURRENCY","unit":"SGD","amount":12.5},"credit_party_identifier":{"mobile_number":"+6595123401"}}','2026-11-29T22:07:31.490962+00:00',2237512893,'2026-11-29T22:07:31.523291+00:00','COMPLETED','COMPLETED','9.28','0','USD','OP-2237512893',NULL,NULL,'2026-11-29T22:07:31.539968+00:00','2026-11-29T22:08:07.523291+00:00',NULL);
INSERT INTO "attempts" VALUES(3,3,1,'list-4p2dcxrqfxgzwpgsnl-1','{"product_id":6418,"auto_confirm":true,"calculation_mode":"DESTINATION_AMOUNT","destination":{"unit_type":"CURRENCY","unit":"SGD","amount":7},"credit_party_identifier":{"mobile_number":"+6595123102"}}','2026-11-29T22:07:31.490962+00:00',2237512892,'2026-11-29T22:07:31.522620+00:00','DECLINED','DECLINED-INVALID-CREDIT-PARTY','5.19','0','USD',NULL,NULL,NULL,'2026-11-29T22:07:31.612263+00:00','2026-11-29T22:08:07.522620+00:00',NULL);
INSERT INTO "attempts" VALUES(4,5,1,'list-3jh6oun5phlx7srmhu-1','{"product_id":6418,"auto_confirm":true,"calculation_mode":"DESTINATION_AMOUNT","destination":{"unit_type":"CURRENCY","unit":"SGD","amount":6},"credit_party_identifier":{"mobile_number":"+6595123104"}}','2026-11-29T22:07:31.490962+00:00',2237512894,'2026-11-29T22:07:31.528120+00:00','DECLINED','DECLINED-OPERATOR-CURRENTLY-UNAVAILABLE','4.45','0','USD',NULL,NULL,NULL,'2026-11-29T22:07:31.612263+00:00','2026-11-29T22:08:07.528120+00:00',NULL);
INSERT INTO "attempts" VALUES(5,3,2,'list-4p2dcxrqfxgzwpgsnl-2','{"product_id":6418,"auto_confirm":true,"calculation_mode":"DESTINATION_AMOUNT","destination":{"unit_type":"CURRENCY","unit":"SGD","amount":7},"credit_party_identifier":{"mobile_number":"+6595123102"}}','2026-11-29T22:07:45.969992+00:00',2237512895,'2026-11-29T22:07:45.976823+00:00','DECLINED','DECLINED-INVALID-CREDIT-PARTY','5.19','0','USD',NULL,NULL,NULL,'2026-11-29T22:07:46.069531+00:00','2026-11-29T22:08:21.976823+00:00',NULL);
INSERT INTO "attempts" VALUES(6,5,2,'list-3jh6oun5phlx7srmhu-2','{"product_id":6418,"auto_confirm":true,"calculation_mode":"DESTINATION_AMOUNT","destination":{"unit_type":"CURRENCY","unit":"SGD","amount":6},"credit_party_identifier":{"mobile_number":"+6595123104"}}','2026-11-29T22:07:45.969992+00:00',2237512896,'2026-11-29T22:07:45.981919+00:00','DECLINED','DECLINED-OPERATOR-CURRENTLY-UNAVAILABLE','4.45','0','USD',NULL,NULL,NULL,'2026-11-29T22:07:46.069531+00:00','2026-11-29T22:08:21.981919+00:00',NULL);
INSERT INTO "attempts" VALUES(7,6,1,'bonus-okkrgjyehbwnchom3w-1','{"product_id":6418,"auto_confirm":true,"calculation_mode":"DESTINATION_AMOUNT","destination":{"unit_type":"CURRENCY","unit":"SGD","amount":5},"credit_party_identifier":{"mobile_number":"+6595123410"}}','2026-11-29T22:08:09.174219+00:00',2237512897,'2026-11-29T22:08:09.187223+00:00','COMPLETED','COMPLETED','3.71','0','USD','OP-2237512897',NULL,NULL,'2026-11-29T22:08:09.287469+00:00','2026-11-29T22:08:45.187223+00:00',NULL);
INSERT INTO "attempts" VALUES(8,7,1,'bonus-zguofnw2wxutdncekh-1','{"product_id":6418,"auto_confirm":true,"calculation_mode":"DESTINATION_AMOUNT","destination":{"unit_type":"CURRENCY","unit":"SGD","amount":6},"credit_party_identifier":{"mobile_number":"+6595123411"}}','2026-11-29T22:08:09.174219+00:00',2237512898,'2026-11-29T22:08:09.199643+00:00','COMPLETED','COMPLETED','4.45','0','USD','OP-2237512898',NULL,NULL,'2026-11-29T22:08:09.287469+00:00','2026-11-29T22:08:45.199643+00:00',NULL);
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
INSERT INTO "events" VALUES(1,1,0,'2026-11-29T22:07:31.448315+00:00',NULL,'pending','list read',NULL);
INSERT INTO "events" VALUES(2,2,0,'2026-11-29T22:07:31.448315+00:00',NULL,'pending','list read',NULL);
INSERT INTO "events" VALUES(3,3,0,'2026-11-29T22:07:31.448315+00:00',NULL,'pending','list read',NULL);
INSERT INTO "events" VALUES(4,5,0,'2026-11-29T22:07:31.448315+00:00',NULL,'pending','list read',NULL);
INSERT INTO "events" VALUES(5,4,0,'2026-11-29T22:07:31.448315+00:00',NULL,'refused','list read',NULL);
INSERT INTO "events" VALUES(6,1,1,'2026-11-29T22:07:31.490962+00:00','pending','in_flight','intent to send',NULL);
INSERT INTO "events" VALUES(7,2,1,'2026-11-29T22:07:31.490962+00:00','pending','in_flight','intent to send',NULL);
INSERT INTO "events" VALUES(8,3,1,'2026-11-29T22:07:31.490962+00:00','pending','in_flight','intent to send',NULL);
INSERT INTO "events" VALUES(9,5,1,'2026-11-29T22:07:31.490962+00:00','pending','in_flight','intent to send',NULL);
INSERT INTO "events" VALUES(10,1,1,'2026-11-29T22:07:31.528568+00:00','in_flight','accepted','answer to the creation','CONFIRMED');
INSERT INTO "events" VALUES(11,3,1,'2026-11-29T22:07:31.528568+00:00','in_flight','accepted','answer to the creation','CONFIRMED');
INSERT INTO "events" VALUES(12,2,1,'2026-11-29T22:07:31.528568+00:00','in_flight','accepted','answer to the creation','CONFIRMED');
INSERT INTO "events" VALUES(13,5,1,'2026-11-29T22:07:31.539968+00:00','in_flight','accepted','answer to the creation','CONFIRMED');
INSERT INTO "events" VALUES(14,1,1,'2026-11-29T22:07:31.539968+00:00','accepted','completed','status read','COMPLETED');
INSERT INTO "events" VALUES(15,3,1,'2026-11-29T22:07:31.539968+00:00','accepted','accepted','status read','SUBMITTED');
INSERT INTO "events" VALUES(16,2,1,'2026-11-29T22:07:31.539968+00:00','accepted','completed','status read','COMPLETED');
INSERT INTO "events" VALUES(17,3,1,'2026-11-29T22:07:31.612263+00:00','accepted','failed','status read','DECLINED-INVALID-CREDIT-PARTY');
INSERT INTO "events" VALUES(18,5,1,'2026-11-29T22:07:31.612263+00:00','accepted','failed','status read','DECLINED-OPERATOR-CURRENTLY-UNAVAILABLE');
INSERT INTO "events" VALUES(19,3,1,'2026-11-29T22:07:45.944767+00:00','failed','pending','retry asked for',NULL);
INSERT INTO "events" VALUES(20,5,1,'2026-11-29T22:07:45.944767+00:00','failed','pending','retry asked for',NULL);
INSERT INTO "events" VALUES(21,3,2,'2026-11-29T22:07:45.969992+00:00','pending','in_flight','intent to send',NULL);
INSERT INTO "events" VALUES(22,5,2,'2026-11-29T22:07:45.969992+00:00','pending','in_flight','intent to send',NULL);
INSERT INTO "events" VALUES(23,3,2,'2026-11-29T22:07:45.989533+00:00','in_flight','accepted','answer to the creation','CONFIRMED');
INSERT INTO "events" VALUES(24,5,2,'2026-11-29T22:07:45.989533+00:00','in_flight','accepted','answer to the creation','CONFIRMED');
INSERT INTO "events" VALUES(25,3,2,'2026-11-29T22:07:46.069531+00:00','accepted','failed','status read','DECLINED-INVALID-CREDIT-PARTY');
INSERT INTO "events" VALUES(26,5,2,'2026-11-29T22:07:46.069531+00:00','accepted','failed','status read','DECLINED-OPERATOR-CURRENTLY-UNAVAILABLE');
INSERT INTO "events" VALUES(27,6,0,'2026-11-29T22:08:09.100383+00:00',NULL,'pending','list read',NULL);
INSERT INTO "events" VALUES(28,7,0,'2026-11-29T22:08:09.100383+00:00',NULL,'pending','list read',NULL);
INSERT INTO "events" VALUES(29,6,1,'2026-11-29T22:08:09.174219+00:00','pending','in_flight','intent to send',NULL);
INSERT INTO "events" VALUES(30,7,1,'2026-11-29T22:08:09.174219+00:00','pending','in_flight','intent to send',NULL);
INSERT INTO "events" VALUES(31,6,1,'2026-11-29T22:08:09.209363+00:00','in_flight','accepted','answer to the creation','CONFIRMED');
INSERT INTO "events" VALUES(32,7,1,'2026-11-29T22:08:09.209363+00:00','in_flight','accepted','answer to the creation','CONFIRMED');
INSERT INTO "events" VALUES(33,6,1,'2026-11-29T22:08:09.287469+00:00','accepted','completed','status read','COMPLETED');
INSERT INTO "events" VALUES(34,7,1,'2026-11-29T22:08:09.287469+00:00','accepted','completed','status read','COMPLETED');
INSERT INTO "events" VALUES(35,8,0,'2026-11-29T22:09:13.176372+00:00',NULL,'pending','list read',NULL);
INSERT INTO "events" VALUES(36,9,0,'2026-11-29T22:09:13.176372+00:00',NULL,'pending','list read',NULL);
CREATE TABLE "hints" (
   "external_id" TEXT PRIMARY KEY,
   "received_at" TEXT NOT NULL
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
INSERT INTO "observations" VALUES(1,'the embedded sandbox','2026-11-29T22:07:52.942796+00:00','USD','9987.01','0','2026-11-29T22:07:45.981919+00:00');
INSERT INTO "observations" VALUES(2,'the embedded sandbox','2026-11-29T22:07:52.942796+00:00','EUR','10000','0','2026-11-29T22:07:45.981919+00:00');
CREATE TABLE "pin_keys" (
   "id" TEXT PRIMARY KEY
);
CREATE TABLE "reports" (
   "run_id" INTEGER PRIMARY KEY,
   "version" TEXT NOT NULL,
   "mark" TEXT NOT NULL,
   "files" TEXT
);
INSERT INTO "reports" VALUES(1,'0.1.0','2c98dd8b88027304','{"results.csv": "c4024fb7d16950e1a9fbd602b9297b56a3ebc76b146495aeb96905a13ce4739f", "results.xlsx": "b46107521315789be9982d2fd9328eeb982cbccfa5bdbb172b2c7a54a603b690", "results.jsonl": "13f7642df9c0ffe250da0c5ffab16fa590ae4293cdcc31866a40994c80048495", "summary.json": "874ed1ab9407d32ddc91c6b140e40628ef3ba5b36685856e6bcd4f80dd13b3f9", "list-pay-not-completed.csv": "bf053807e027c6ccb49cfd6327ddeea2bede6732a143dc48af8ef5f8cfc5deb5"}');
INSERT INTO "reports" VALUES(2,'0.1.0','19dfba6066d251a2','{"results.csv": "2caf11b84a22951eddaf6ff088dbf6c8b4930161be812d0fbbfc8bb8271fc1d0", "summary.json": "0ffb471ce97c5a368e6bc9469c8e34e663a9e3cee7361b202d4ebebce6d1976c"}');
INSERT INTO "reports" VALUES(3,'0.1.0','7e32cb891265da8d','{"results.csv": "b779c7c1ae9a4fa41a3e6aaa01869656ea4b715106cb613f35eac5a01e1604f6", "results.xlsx": "a7cdc0835791354713d8c3df4198a7fb99241d433227cbca799c7448613c95f9", "results.jsonl": "cb8bec1eae7d74989273455211ece53bd8614d986687662f0371f1de61ef0dd8", "summary.json": "da0004601f2c05e71cbb1bf9ee7f3b66e3239c41e92c70b9d4b97602e1c44851", "list-open-not-completed.csv": "8bfc34355efc4c7d2861449adee2282063c1eb3d205e4d674858bb4c7946f268"}');
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
, "operator_id" INTEGER, "retry_at" TEXT, "acknowledged" TEXT);
INSERT INTO "rows" VALUES(1,1,'reference:R-1',2,1,'completed','["R-1","+6595123400","5","SGD"]','[]','','',6418,'+6595123400','5','SGD','{"product_id":6418,"auto_confirm":true,"calculation_mode":"DESTINATION_AMOUNT","destination":{"unit_type":"CURRENCY","unit":"SGD","amount":5},"credit_party_identifier":{"mobile_number":"+6595123400"}}','3.71','USD',1,1310,NULL,NULL);
INSERT INTO "rows" VALUES(2,1,'reference:R-2',3,1,'completed','["R-2","+6595123401","12.5","SGD"]','[]','','',6418,'+6595123401','12.5','SGD','{"product_id":6418,"auto_confirm":true,"calculation_mode":"DESTINATION_AMOUNT","destination":{"unit_type":"CURRENCY","unit":"SGD","amount":12.5},"credit_party_identifier":{"mobile_number":"+6595123401"}}','9.28','USD',1,1310,NULL,NULL);
INSERT INTO "rows" VALUES(3,1,'reference:R-3',4,1,'failed','["R-3","+6595123102","7","SGD"]','[]','The provider answered DECLINED-INVALID-CREDIT-PARTY.','',6418,'+6595123102','7','SGD','{"product_id":6418,"auto_confirm":true,"calculation_mode":"DESTINATION_AMOUNT","destination":{"unit_type":"CURRENCY","unit":"SGD","amount":7},"credit_party_identifier":{"mobile_number":"+6595123102"}}','5.19','USD',2,1310,NULL,NULL);
INSERT INTO "rows" VALUES(4,1,'reference:R-4',5,1,'refused','["R-4","+6595123403","5000","SGD"]','[["amount", "5000 is out of range: product 6418 takes from 1 SGD to 100 SGD."]]','','',6418,'+6595123403','5000','SGD',NULL,NULL,NULL,0,1310,NULL,NULL);
INSERT INTO "rows" VALUES(5,1,'reference:R-5',6,1,'failed','["R-5","+6595123104","6","SGD"]','[]','The provider answered DECLINED-OPERATOR-CURRENTLY-UNAVAILABLE.','',6418,'+6595123104','6','SGD','{"product_id":6418,"auto_confirm":true,"calculation_mode":"DESTINATION_AMOUNT","destination":{"unit_type":"CURRENCY","unit":"SGD","amount":6},"credit_party_identifier":{"mobile_number":"+6595123104"}}','4.45','USD',2,1310,NULL,NULL);
INSERT INTO "rows" VALUES(6,2,'reference:B-1',2,1,'completed','["B-1","+6595123410","5"]','[]','','',6418,'+6595123410','5','SGD','{"product_id":6418,"auto_confirm":true,"calculation_mode":"DESTINATION_AMOUNT","destination":{"unit_type":"CURRENCY","unit":"SGD","amount":5},"credit_party_identifier":{"mobile_number":"+6595123410"}}','3.71','USD',1,1310,NULL,NULL);
INSERT INTO "rows" VALUES(7,2,'reference:B-2',3,1,'completed','["B-2","+6595123411","6"]','[]','','',6418,'+6595123411','6','SGD','{"product_id":6418,"auto_confirm":true,"calculation_mode":"DESTINATION_AMOUNT","destination":{"unit_type":"CURRENCY","unit":"SGD","amount":6},"credit_party_identifier":{"mobile_number":"+6595123411"}}','4.45','USD',1,1310,NULL,NULL);
INSERT INTO "rows" VALUES(8,3,'reference:O-1',2,1,'pending','["O-1","+6595123420","5"]','[]','','',6418,'+6595123420','5','SGD','{"product_id":6418,"auto_confirm":true,"calculation_mode":"DESTINATION_AMOUNT","destination":{"unit_type":"CURRENCY","unit":"SGD","amount":5},"credit_party_identifier":{"mobile_number":"+6595123420"}}','3.71','USD',0,1310,NULL,NULL);
INSERT INTO "rows" VALUES(9,3,'reference:O-2',3,1,'pending','["O-2","+6595123421","6"]','[]','','',6418,'+6595123421','6','SGD','{"product_id":6418,"auto_confirm":true,"calculation_mode":"DESTINATION_AMOUNT","destination":{"unit_type":"CURRENCY","unit":"SGD","amount":6},"credit_party_identifier":{"mobile_number":"+6595123421"}}','4.45','USD',0,1310,NULL,NULL);
CREATE TABLE "runs" (
   "id" INTEGER PRIMARY KEY,
   "job" TEXT NOT NULL,
   "run_key" TEXT NOT NULL,
   "environment" TEXT NOT NULL,
   "list_path" TEXT NOT NULL,
   "columns" TEXT NOT NULL,
   "created_at" TEXT NOT NULL
, "account" TEXT NOT NULL DEFAULT '', "guards" TEXT NOT NULL DEFAULT '{}', "decision" TEXT, "approval" TEXT, "purged_at" TEXT, "last_sent_at" TEXT, "reading" TEXT, "reporting" TEXT);
INSERT INTO "runs" VALUES(1,'list','pay','sandbox','pay.csv','["reference", "phone", "amount", "currency"]','2026-11-29T22:07:31.448315+00:00','the embedded sandbox','{"mode":"auto_confirm","caps":{"rows":null,"amounts":{},"row_amounts":{},"costs":{}},"velocity":null,"expect":{"rows":null,"totals":{}},"retry":{"attempts":1,"statuses":["REJECTED-OPERATOR-CURRENTLY-UNAVAILABLE","DECLINED-OPERATOR-CURRENTLY-UNAVAILABLE"],"wait":600.0},"stops":{"canary":0,"canary_share":"0.8","failed_share":null,"failed_share_after":20,"price_drift":null},"operators":{"failures":5,"pause":300.0,"patience":3600.0},"spacing":0.0}',NULL,NULL,NULL,NULL,'{"sheet": null, "encoding": null, "delimiter": null, "columns": {}, "constants": {}, "filters": [], "product": 6418, "auto_product": null, "default_country": null, "decimal_mark": "."}','{"folder": null, "formats": ["csv", "xlsx", "jsonl"]}');
INSERT INTO "runs" VALUES(2,'bonus','may','sandbox','bonus.csv','["reference", "phone", "amount"]','2026-11-29T22:08:09.100383+00:00','the embedded sandbox','{"mode":"auto_confirm","caps":{"rows":10,"amounts":{},"row_amounts":{},"costs":{"USD":"100"}},"velocity":null,"expect":{"rows":2,"totals":{}},"retry":{"attempts":1,"statuses":["REJECTED-OPERATOR-CURRENTLY-UNAVAILABLE","DECLINED-OPERATOR-CURRENTLY-UNAVAILABLE"],"wait":600.0},"stops":{"canary":0,"canary_share":"0.8","failed_share":null,"failed_share_after":20,"price_drift":null},"operators":{"failures":5,"pause":300.0,"patience":3600.0},"spacing":0.0}',NULL,NULL,NULL,NULL,'{"sheet": null, "encoding": null, "delimiter": null, "columns": {}, "constants": {}, "filters": [], "product": 6418, "auto_product": null, "default_country": null, "decimal_mark": "."}','{"folder": null, "formats": ["csv"]}');
INSERT INTO "runs" VALUES(3,'list','open','sandbox','open.csv','["reference", "phone", "amount"]','2026-11-29T22:09:13.176372+00:00','the embedded sandbox','{"mode":"auto_confirm","caps":{"rows":null,"amounts":{},"row_amounts":{},"costs":{}},"velocity":null,"expect":{"rows":null,"totals":{}},"retry":{"attempts":1,"statuses":["REJECTED-OPERATOR-CURRENTLY-UNAVAILABLE","DECLINED-OPERATOR-CURRENTLY-UNAVAILABLE"],"wait":600.0},"stops":{"canary":0,"canary_share":"0.8","failed_share":null,"failed_share_after":20,"price_drift":null},"operators":{"failures":5,"pause":300.0,"patience":3600.0},"spacing":0.0}',NULL,NULL,NULL,NULL,'{"sheet": null, "encoding": null, "delimiter": null, "columns": {}, "constants": {}, "filters": [], "product": 6418, "auto_product": null, "default_country": null, "decimal_mark": "."}','{"folder": null, "formats": ["csv", "xlsx", "jsonl"]}');
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE UNIQUE INDEX "idx_runs_job_run_key"
    ON "runs" ("job", "run_key");
CREATE UNIQUE INDEX "idx_rows_run_id_identity"
    ON "rows" ("run_id", "identity");
CREATE INDEX "idx_rows_run_id_line_id"
    ON "rows" ("run_id", "line", "id");
CREATE UNIQUE INDEX "idx_attempts_row_id_number"
    ON "attempts" ("row_id", "number");
CREATE UNIQUE INDEX "idx_attempts_external_id"
    ON "attempts" ("external_id");
CREATE INDEX "idx_events_row_id_id"
    ON "events" ("row_id", "id");
CREATE INDEX "idx_rows_credit_party"
    ON "rows" ("credit_party");
CREATE INDEX "idx_observations_account_id"
    ON "observations" ("account", "id");
CREATE INDEX "idx_rows_run_id_state_id_in_list_attempt"
    ON "rows" ("run_id", "state", "id", "in_list", "attempt");
CREATE INDEX idx_rows_noted ON rows (run_id, line) WHERE note <> '';
CREATE INDEX idx_rows_in_flight ON rows (credit_party) WHERE state = 'in_flight';
CREATE INDEX idx_attempts_created ON attempts (coalesce(creation_date, intent_at));
CREATE INDEX "idx_hints_received_at"
    ON "hints" ("received_at");
CREATE TRIGGER rows_insert_makes_report_old AFTER INSERT ON rows
            WHEN EXISTS (SELECT 1 FROM reports WHERE run_id = NEW.run_id)
            BEGIN DELETE FROM reports WHERE run_id = NEW.run_id; END;
CREATE TRIGGER rows_update_makes_report_old AFTER UPDATE ON rows
            WHEN EXISTS (SELECT 1 FROM reports WHERE run_id = OLD.run_id)
            BEGIN DELETE FROM reports WHERE run_id = OLD.run_id; END;
CREATE TRIGGER rows_delete_makes_report_old AFTER DELETE ON rows
            WHEN EXISTS (SELECT 1 FROM reports WHERE run_id = OLD.run_id)
            BEGIN DELETE FROM reports WHERE run_id = OLD.run_id; END;
CREATE TRIGGER runs_update_makes_report_old AFTER UPDATE ON runs
            WHEN EXISTS (SELECT 1 FROM reports WHERE run_id = OLD.id)
            BEGIN DELETE FROM reports WHERE run_id = OLD.id; END;
COMMIT;
