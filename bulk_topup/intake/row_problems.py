"""Puts the problems of cells and rows into the frames of a list; pure."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from bulk_topup.domain.problems import FRAME_FIELDS

_PROBLEMS: Final = pl.List(pl.Struct(dict.fromkeys(FRAME_FIELDS, pl.String)))

#: Index of a row in its batch, and a value for each of `FRAME_FIELDS`.
RowProblem = tuple[int, str, str, str, str | None]


def with_problems(frame: pl.DataFrame, problems: Sequence[RowProblem]) -> pl.DataFrame:
    """Return the frame with each row's problems in the order in which they were found; most batches have none."""
    if not problems:
        return frame.with_columns(problems=pl.lit([], dtype=_PROBLEMS))
    schema = {"row": pl.UInt32, **dict.fromkeys(FRAME_FIELDS, pl.String)}
    found = pl.DataFrame(problems, schema=schema, orient="row")
    by_row = found.group_by("row", maintain_order=True).agg(problems=pl.struct(FRAME_FIELDS))
    joined = frame.with_row_index("row").join(by_row, on="row", how="left", maintain_order="left")
    return joined.drop("row").with_columns(pl.col("problems").fill_null([]))
