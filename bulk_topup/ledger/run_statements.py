"""The SQL that writes a run itself, by name; constants alone."""

from typing import Final

INSERT_RUN: Final = """
    INSERT INTO runs (job, run_key, environment, account, guards, approval, list_path, columns, reading, reporting,
        comparison, created_at, folded_job, folded_key, identity_version, id_job, id_run_key, reading_version,
        time_zone, left_open)
    VALUES (:job, :run_key, :environment, :account, :guards, :approval, :list_path, :columns, :reading, :reporting,
        :comparison, :at, :folded_job, :folded_key, :identity_version, :id_job, :id_run_key, :reading_version,
        :time_zone, :left_open)
    RETURNING id
"""

UPDATE_RUN: Final = """
    UPDATE runs SET account = :account, guards = :guards, approval = coalesce(:approval, approval),
        list_path = :list_path, columns = :columns, reading = :reading, reporting = :reporting,
        comparison = coalesce(comparison, :comparison), time_zone = coalesce(:time_zone, time_zone)
    WHERE id = :id
    RETURNING id
"""

#: Until a rebuild has looked up every row.
START_REBUILDING: Final = "UPDATE runs SET rebuilding = 1 WHERE id = :run_id"
