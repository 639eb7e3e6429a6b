"""Opens a catalogue by name: the small one, or one of real size; touches nothing."""

from collections.abc import Sequence
from functools import lru_cache

from bulk_topup.dvs.models.catalogue import Operator
from bulk_topup.sandbox.catalogue.catalogue import Catalogue
from bulk_topup.sandbox.catalogue.catalogue_name import CatalogueName
from bulk_topup.sandbox.catalogue.entries import Entry, entry_of
from bulk_topup.sandbox.catalogue.operators import COUNTRIES, OPERATORS
from bulk_topup.sandbox.catalogue.products import PRODUCTS


def open_catalogue(name: CatalogueName) -> Catalogue:
    """Return a catalogue without changes."""
    if name.size == "small":
        return Catalogue(str(name), map(entry_of, PRODUCTS), OPERATORS.values(), COUNTRIES.values())
    entries, operators = _real_size(name.seed)
    countries = COUNTRIES | {operator.country.iso_code: operator.country for operator in operators}
    return Catalogue(str(name), entries, operators, countries.values())


@lru_cache(maxsize=1)
def _real_size(seed: int) -> tuple[Sequence[Entry], Sequence[Operator]]:
    """Generate the catalogue of real size once, also for a sandbox that restarts."""
    from bulk_topup.sandbox.catalogue.real_size import generate  # heavy, and rarely needed

    return generate(seed)
