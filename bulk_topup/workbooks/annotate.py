"""Adds the outcomes of a run to the rows of a workbook; reads the workbook, and writes one file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from openpyxl import Workbook

from bulk_topup.domain.corrections import KeptCorrection
from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.run import Run
from bulk_topup.errors import InvalidInputError, PurgedRunError
from bulk_topup.system.files import atomic_write, sha256_of
from bulk_topup.system.temporary_files import temporaries_beside
from bulk_topup.workbooks.list_sheet import ListSheet
from bulk_topup.workbooks.workbook_file import cells_of, find_losses, open_workbook


class AnnotationError(InvalidInputError):
    """The workbook cannot be annotated."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AnnotateResult:
    """What was written to the workbook, and what was not."""

    file: Path
    sheet: str
    #: Rows that have their outcome now.
    rows: int
    #: Lines whose cells differ from the run's list; they have no outcome.
    differing: tuple[int, ...]
    #: Lines of the run that have no row in the workbook.
    missing: tuple[int, ...]
    #: Lines of the workbook that are not in the run.
    unknown: tuple[int, ...]
    #: Parts of the workbook that the file lacks or has differently.
    losses: tuple[str, ...]
    #: Whether there are formulas, whose values a spreadsheet program must compute again.
    has_formulas: bool

    @property
    def is_complete(self) -> bool:
        """Whether every row of the run and of the workbook has its outcome."""
        return not (self.differing or self.missing or self.unknown)


def annotate(
    run: Run,
    pages: Iterable[Outcomes],
    source: Path,
    target: Path,
    *,
    kept: Sequence[KeptCorrection] = (),
    sheet: str | None = None,
    reveal_pins: bool = False,
    allow_loss: bool = False,
    force: bool = False,
) -> AnnotateResult:
    """Write a workbook with the outcomes of a run next to its rows.

    Args:
        run: the run.
        pages: every row of the run, once, in the order of the list.
        source: the workbook that is the list of the run.
        target: the file to write, readable only by its owner; the workbook itself to change it.
        kept: corrections that the run keeps; their rows in the workbook have the values from before.
        sheet: name of the list's sheet; None for the one that has the columns of the run.
        reveal_pins: write PIN codes and serials instead of a mask.
        allow_loss: write even if the file lacks parts of the workbook.
        force: replace a file that exists.

    Raises:
        ListError: it is not a workbook, or has no such sheet, or none of the run's rows.
        AnnotationError: the file exists, cannot be written, or would lack parts of the workbook.
        PurgedRunError: the ledger no longer has the rows of the run.
    """
    if run.purged_at is not None:
        raise PurgedRunError(
            f"The personal data of run {run.name} is purged, so its rows can't be found in the workbook. "
            "`bulk-topup report` has the remaining data."
        )
    with open_workbook(source) as (workbook, warnings, digest):
        _check_target(source, target, force=force)
        table = ListSheet(source, run, workbook, sheet, kept)
        rows = table.fill(pages, reveal_pins=reveal_pins)
        has_formulas = _has_formulas(workbook)
        losses = _save(workbook, source, target, digest, warnings, has_formulas=has_formulas, allow_loss=allow_loss)
    return AnnotateResult(
        file=target,
        sheet=table.name,
        rows=rows,
        differing=tuple(table.differing),
        missing=tuple(table.missing),
        unknown=tuple(sorted(table.lines)),
        losses=tuple(losses),
        has_formulas=has_formulas,
    )


def _check_target(source: Path, target: Path, *, force: bool) -> None:
    if target.suffix.lower() != source.suffix.lower():
        raise AnnotationError(f"{target} must end in {source.suffix}, like the workbook. Choose another --output.")
    if target.exists() and not force and not _is_same_file(source, target):
        raise AnnotationError(f"{target} already exists. Choose another file with --output, or add --force.")


def _save(
    workbook: Workbook,
    source: Path,
    target: Path,
    digest: str,
    warnings: list[str],
    *,
    has_formulas: bool,
    allow_loss: bool,
) -> list[str]:
    """Save the workbook unless parts of it would be lost or the source changed; return what is lost.

    Args:
        workbook: the workbook with its outcomes.
        source: the file that it was read from.
        target: the file to write.
        digest: SHA-256 of the source when it was read.
        warnings: what openpyxl could not read of it.
        has_formulas: whether it has formulas.
        allow_loss: save even if parts are lost.
    """
    try:
        # Follow a link, so that the linked file changes.
        with atomic_write(target.resolve()) as temporary:
            with temporaries_beside(temporary):
                workbook.save(temporary)
            losses = [*warnings, *find_losses(source, temporary)]
            if has_formulas and _is_same_file(source, target):
                losses.append("the values of its formulas, until a spreadsheet program saves it")
            if losses and not allow_loss:
                raise AnnotationError(
                    f"{target.name} would lose or change parts of {source.name}: {'; '.join(losses)}. "
                    "Add --allow-loss to write it anyway, or use results.xlsx of the report."
                )
            if sha256_of(source) != digest:
                raise AnnotationError(f"{source} changed while being read. Run again once it is complete.")
    except OSError as error:
        raise AnnotationError(
            f"Can't write {target}: {error.strerror or error}. Choose another file with --output."
        ) from error
    return losses


def _is_same_file(source: Path, target: Path) -> bool:
    return target.resolve() == source.resolve()


def _has_formulas(workbook: Workbook) -> bool:
    return any(cell.data_type == "f" for sheet in workbook.worksheets for cell in cells_of(sheet))
