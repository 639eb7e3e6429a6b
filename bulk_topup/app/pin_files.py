"""Writes the PINs and eSIMs of a run as one file a beneficiary; reads the ledger, and creates a new folder."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from bulk_topup.domain.environment import Environment
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.dvs.models.product import Product
from bulk_topup.errors import EnvironmentMismatchError, PurgedRunError
from bulk_topup.ledger import LedgerStore
from bulk_topup.report.pin_folder import PinFolder, write_pin_folder


def completed_products(run: Run, ledger: LedgerStore, environment: Environment) -> list[int]:
    """Return the IDs of the products of a run's completed rows, whose instructions its files need.

    Args:
        run: the run.
        ledger: an open ledger.
        environment: where products will be asked for.

    Raises:
        EnvironmentMismatchError: the run belongs to another environment, which has other products.
        PurgedRunError: the run has no PINs any more.
    """
    if run.environment != environment:
        raise EnvironmentMismatchError(
            f"Run {run.name} belongs to {run.environment}, not to {environment}. Add --env {run.environment}."
        )
    if run.purged_at is not None:
        raise PurgedRunError(
            f"The PINs of {run.name} were purged with its personal data. DVS has them: "
            "`bulk-topup transaction list --reveal-pins`."
        )
    groups = ledger.outcomes.groups(run)
    return sorted({each.product_id for each in groups if each.state is RowState.COMPLETED and each.product_id})


def write_pin_files(
    run: Run, *, ledger: LedgerStore, products: Mapping[int, Product | None], folder: Path
) -> PinFolder:
    """Write a file for each completed row that has a PIN or an eSIM, and an index of all rows.

    Args:
        run: the run.
        ledger: an open ledger, and nobody else uses it meanwhile.
        products: the products of its completed rows by ID; None for one that the account does not have any more.
        folder: a folder that does not exist yet.

    Raises:
        InvalidInputError: the folder exists.
        ReportError: it can't be written.
    """
    with closing(ledger.outcomes.pages(run, open_pins=True)) as pages:
        return write_pin_folder(run, pages, products, folder)
