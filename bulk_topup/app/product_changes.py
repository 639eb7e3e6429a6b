"""Checks that a list's products are still as its plan read them, where that was long ago; sends no payment."""

from typing import Final

from bulk_topup.app.catalogue import Catalogue
from bulk_topup.app.prepare import Prepared
from bulk_topup.domain.answer_ages import SENDING_AGE
from bulk_topup.errors import ProductsChangedError

#: Products that the error names.
NAMED: Final = 5


async def check_products(prepared: Prepared, catalogue: Catalogue) -> None:
    """Ask again for the list's products that are known for more than an hour, e.g. as long as a prompt waited.

    Args:
        prepared: the checked list.
        catalogue: what the list was checked with.

    Raises:
        ProductsChangedError: the prices, the amounts or the requirements of a product have changed; nothing was sent.
        DVSError: a product cannot be fetched.
    """
    if changed := await catalogue.changed_products(prepared.product_ids, SENDING_AGE):
        named = ", ".join(map(str, changed[:NAMED]))
        if (more := len(changed) - NAMED) > 0:
            named += f" and {more:,} more"
        noun = "Product" if len(changed) == 1 else "Products"
        raise ProductsChangedError(
            f"{noun} {named} changed after the plan was made. Nothing was sent. Run again to see the new plan."
        )
