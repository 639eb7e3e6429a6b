"""A folder with a file for each purchase and an index of all rows: written as a whole or not at all; writes only it."""

import csv
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bulk_topup.domain.outcome_columns import Outcomes
from bulk_topup.domain.purchase_secrets import SECRET_FIELDS, UndecryptedSecret
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.dvs.models.product import Product, ProductType
from bulk_topup.errors import InvalidInputError, ReportError
from bulk_topup.report.cells import fitted
from bulk_topup.report.columns import unused
from bulk_topup.report.pin_file import pin_text
from bulk_topup.report.qr_code import qr_png
from bulk_topup.report.reasons import reason
from bulk_topup.security.formulas import csv_text
from bulk_topup.system.files import OWNER_ENTERS, OWNER_ONLY, private_folder, sync_folder
from bulk_topup.system.temporary_files import temporary_file, temporary_folder

#: Names every row, with its files.
INDEX: Final = "index.csv"
#: The columns of the index after the list's own.
INDEX_COLUMNS: Final = ("pin_line", "pin_state", "pin_external_id", "pin_file", "pin_qr_code", "pin_problem")
#: Lines that a message names.
NAMED_LINES: Final = 20

#: External IDs as we create them, which every file system takes as a name.
_SAFE_NAME: Final = re.compile("[a-z0-9]+(?:-[a-z0-9]+)+")
_PIN_TYPES: Final = frozenset({ProductType.FIXED_VALUE_PIN_PURCHASE, ProductType.RANGED_VALUE_PIN_PURCHASE})


@dataclass(kw_only=True, slots=True)
class PinFolder:
    """What was written."""

    folder: Path
    #: Rows with a file.
    written: int = 0
    #: Rows that have none and need none: not completed, or without a PIN by their product.
    without: int = 0
    #: Rows whose PIN is missing, and the first of their lines, each with the reason.
    missing: int = 0
    missing_lines: list[tuple[int, str]] = field(default_factory=list)


def write_pin_folder(
    run: Run, pages: Iterable[Outcomes], products: Mapping[int, Product | None], folder: Path
) -> PinFolder:
    """Write a text file for each completed row with a PIN or an eSIM, and an index of all rows.

    Args:
        run: the run.
        pages: every row of the run once, with its secrets decrypted.
        products: the products of the completed rows, by ID; None for one that the account does not have any more.
        folder: a folder that does not exist yet; it exists afterwards if all of its files are complete.

    Raises:
        InvalidInputError: the folder exists.
        ReportError: it can't be written.
    """
    found = PinFolder(folder=folder)
    with _new_folder(folder) as part:
        with _private_file(part / INDEX) as descriptor, _index(descriptor, run) as write:
            for page in pages:
                for row in page.rows():
                    text, picture, problem = _write_row(row, products, part, found)
                    cells = (*fitted(row.cells, len(run.columns)), str(row.line), row.state, row.external_id or "")
                    write([csv_text(cell) for cell in (*cells, text, picture, problem)])
        sync_folder(part)
    return found


def check_is_new(folder: Path) -> None:
    """Raise InvalidInputError if a folder of this name exists, or anything else."""
    if os.path.lexists(folder):
        raise InvalidInputError(f"{folder} already exists, and is not changed. Choose another with --output-dir.")


def _write_row(
    row: Outcome, products: Mapping[int, Product | None], part: Path, found: PinFolder
) -> tuple[str, str, str]:
    """Write a row's files, and return their names and why there are none, each empty if it does not apply."""
    product = None if row.product_id is None else products.get(row.product_id)
    if row.state is not RowState.COMPLETED:
        found.without += 1
        return "", "", reason(row.message, row.problems) or f"The row is {row.state.replace('_', ' ')}."
    secrets = [secret for name in SECRET_FIELDS if (secret := getattr(row, name))]
    unreadable = next((secret for secret in secrets if isinstance(secret, UndecryptedSecret)), None)
    if unreadable is not None or (not secrets and _must_have_pin(row, product)):
        problem = unreadable or (
            f"DVS gave no PIN. See `bulk-topup transaction show {row.transaction_id} --reveal-pins`."
        )
        found.missing += 1
        if len(found.missing_lines) < NAMED_LINES:
            found.missing_lines.append((row.line, problem))
        return "", "", problem
    if not secrets:
        found.without += 1
        return "", "", "DVS gave no PIN: the product has none, or recharged an eSIM."
    name = _name(row)
    picture = qr_png(row.esim_activation_code) if row.esim_activation_code else None
    picture_name = "" if picture is None else f"{name}.png"
    _write(part / f"{name}.txt", pin_text(row, product, picture_name or None).encode(errors="backslashreplace"))
    if picture is not None:
        _write(part / picture_name, picture)
    found.written += 1
    return f"{name}.txt", picture_name, ""


def _must_have_pin(row: Outcome, product: Product | None) -> bool:
    """Return True if a completed row of this product has to have a PIN: nobody else can have received it."""
    return row.credit_party is None and product is not None and product.type in _PIN_TYPES


def _name(row: Outcome) -> str:
    """Return the name of a row's files: its external ID, or one that stands for it if no ID of ours looks so."""
    external_id = row.external_id or ""
    if _SAFE_NAME.fullmatch(external_id):
        return external_id
    return f"row-{row.line}-{hashlib.sha256(external_id.encode(errors='surrogatepass')).hexdigest()[:16]}"


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Yield a private folder that gets its name at the end of the block; an error leaves nothing behind."""
    check_is_new(folder)
    try:
        private_folder(folder.parent)
        with temporary_file(folder) as marker, temporary_folder(marker) as part:
            part.chmod(OWNER_ENTERS)
            yield part
            check_is_new(folder)  # another process may have written it meanwhile
            part.rename(folder)
            sync_folder(folder.parent)
    except OSError as error:
        raise ReportError(f"Can't write {folder}: {error.strerror}. Choose another with --output-dir.") from None


@contextmanager
def _private_file(path: Path) -> Iterator[int]:
    """Yield the descriptor of a new private file, which is on disk after the block; an existing one is an error."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_WRONLY, OWNER_ONLY)
    try:
        yield descriptor
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(path: Path, content: bytes) -> None:
    with _private_file(path) as descriptor, open(descriptor, "wb", closefd=False) as file:
        file.write(content)


@contextmanager
def _index(descriptor: int, run: Run) -> Iterator[Callable[[Iterable[str]], object]]:
    """Yield a function that writes a row to the index."""
    columns = list(run.columns)
    for name in INDEX_COLUMNS:
        columns.append(unused(name, columns))
    # With a byte order mark, without which spreadsheet programs read another encoding.
    with open(descriptor, "w", encoding="utf-8-sig", errors="backslashreplace", newline="", closefd=False) as file:
        writer = csv.writer(file)
        writer.writerow(map(csv_text, columns))
        yield writer.writerow
