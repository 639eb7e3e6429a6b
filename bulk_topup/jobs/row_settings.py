"""Which rows of its list a job pays: where they start, what is left out, and what is decided about them; pure."""

from collections.abc import Iterable
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from bulk_topup.domain.unseen_rows import HiddenRows
from bulk_topup.intake.files.source import MAX_HEADER_ROW
from bulk_topup.intake.filters import Filter


class RowSettings(BaseModel):
    """The rows that a job pays."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Filters that rows must meet to be paid; other rows are left out, counted and listed in a file of the report.
    filters: tuple[Filter, ...] = ()
    #: The line or the row of the sheet that has the column names; by default the first one, or the only one below
    #: titles that has names of columns.
    header_row: int | None = Field(default=None, ge=1, le=MAX_HEADER_ROW)
    #: XLSX: whether rows that are hidden, filtered out or struck through in the workbook are paid: pay or leave-out; a
    #: list that has any needs it.
    hidden_rows: HiddenRows | None = None
    #: "first" leaves out the later ones of rows that are the same in all columns that are used, counted on their own.
    keep: Literal["first"] | None = None

    #: Those of the filters that the command line gives.
    _given_filters: tuple[Filter, ...] = PrivateAttr(default=())

    @model_validator(mode="after")
    def _check_keep(self) -> Self:
        if self.keep is not None and getattr(self, "allow_duplicates", False):
            raise ValueError("A job has keep or allow_duplicates, not both. Remove one of them.")
        return self

    @property
    def given_filters(self) -> tuple[Filter, ...]:
        """Those of the filters that the command line gives; the run keeps them."""
        return self._given_filters

    def with_given_filters(self, filters: Iterable[Filter]) -> Self:
        """Return the job with filters of a command line in addition to its own."""
        added = tuple(filters)
        own = tuple(each for each in self.filters if each not in added)
        job = self.model_copy(update={"filters": (*own, *added)})
        job._given_filters = added  # noqa: SLF001 - the same class
        return job
