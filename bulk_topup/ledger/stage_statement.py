"""The statement that stages checked rows, with the values that all of them have; pure."""

from collections.abc import Mapping

from bulk_topup.domain.row import StagedRow


def stage_statement(shared: Mapping[str, str | int | None]) -> str:
    """Return a statement that stages a row; its parameters are the values of a `StagedRow` that are not shared."""
    values = (_literal(shared[name]) if name in shared else "?" for name in StagedRow._fields)
    return f"INSERT INTO staged ({', '.join(StagedRow._fields)}) VALUES ({', '.join(values)})"  # noqa: S608


def _literal(value: str | int | None) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"
