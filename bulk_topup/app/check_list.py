"""Checks what a job file says about its list: format, columns, constants and filters; reads the list, sends nothing."""

from collections.abc import Iterator, Mapping

from bulk_topup.app.open_list import check_report_columns
from bulk_topup.domain.run import READING_VERSION
from bulk_topup.errors import BulkTopupError, ConfigurationError, ListError, MappingError
from bulk_topup.intake import Table, read_list
from bulk_topup.intake.filters import FilteredTable
from bulk_topup.intake.header_row import open_headed_table
from bulk_topup.jobs.diagnostics import Diagnostic
from bulk_topup.jobs.job import Job
from bulk_topup.jobs.toml_lines import KeyPath


def list_errors(job: Job, lines: Mapping[KeyPath, int]) -> Iterator[Diagnostic]:
    """Yield an error for each setting of a job that does not fit its list."""
    if job.schedule is not None and job.approval.required:
        text = "a job whose runs need an approval can't be started automatically; remove [schedule]"
        yield Diagnostic(line=lines.get(("schedule",)), key="schedule", message=text)
    try:
        _ = job.formats
    except ConfigurationError as error:
        yield diagnostic_of(error, lines, "default_country")
        return
    try:
        table = open_headed_table(job.source, job.columns, READING_VERSION)
    except ListError as error:
        keys = [
            key
            for key in ("sheet", "encoding", "delimiter", "header_row")
            if (key,) in lines and key.replace("_", "-") in str(error)
        ]
        yield diagnostic_of(error, lines, *keys[:1] or ["list"])
        return
    yield from _column_errors(job, table, lines)
    try:
        check_report_columns(job, table.header)
    except MappingError as error:
        yield diagnostic_of(error, lines, "report", "columns")
    for number, filter_ in enumerate(job.filters):
        try:
            FilteredTable(table, job.source.path.name, [filter_])
        except ListError as error:
            yield diagnostic_of(error, lines, "filters", number, "column")


def _column_errors(job: Job, table: Table, lines: Mapping[KeyPath, int]) -> Iterator[Diagnostic]:
    """Yield an error for each column or constant that does not fit the list; one for all if none fails alone."""
    try:
        read_list(job.source, mapping=job.columns, constants=job.all_constants, formats=job.formats, table=table)
    except (ListError, MappingError) as whole:
        single = [
            *(("columns", field, {field: column}, {}) for field, column in job.columns.items()),
            *(("constants", field, {}, {field: text}) for field, text in job.constants.items()),
        ]
        is_any = False
        for key, field, mapping, constants in single:
            try:
                read_list(job.source, mapping=mapping, constants=constants, formats=job.formats, table=table)
            except MappingError as error:
                if f'"{mapping.get(field)}"' in str(error) or field in str(error):
                    is_any = True
                    yield diagnostic_of(error, lines, key, field)
        if not is_any:
            yield diagnostic_of(whole, lines, "columns")


def diagnostic_of(error: BulkTopupError, lines: Mapping[KeyPath, int], *key: str | int) -> Diagnostic:
    """Return an error of a job at the line of its key, or of the table that has the key."""
    line = next((lines[key[:end]] for end in range(len(key), 0, -1) if key[:end] in lines), None)
    return Diagnostic(line=line, key=".".join(map(str, key)), message=str(error))
