"""The external IDs under which any version may have paid a row, in every spelling that is likely; pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import product
from typing import Final

from bulk_topup.domain.identity import (
    REFERENCE_PREFIX,
    base_identity,
    folded_party_identity,
    folded_reference_identity,
    occurrence_identity,
    party_identity,
    party_of,
    reference_identity,
    stem_of,
)
from bulk_topup.domain.identity_version import IdentityVersion, RunIds
from bulk_topup.domain.sameness import earlier_mobile_number, folded, folded_without_case, modern_mobile_number

#: Of more equal rows of one beneficiary only so many are recognised under the spelling of their transactions.
MAX_EQUALS: Final = 9


def fold_identity(written: str, bill: str | None) -> str:
    """Return the folded identity of a row.

    Args:
        written: its identity as it is written; a number at its end stays.
        bill: the reference of the bill that it pays, which no written identity has.
    """
    if written.startswith(REFERENCE_PREFIX):
        return folded_reference_identity(written.removeprefix(REFERENCE_PREFIX))
    if not (parts := party_of(written)):
        return written
    product_id, mobile, account, qualifier = parts[:4]
    number = written[len(base_identity(written)) :]
    return folded_party_identity(int(product_id), mobile, account, qualifier, bill) + number


def likely_spellings(written: str) -> tuple[str, ...]:
    """Return identities that versions which fold no rows may have given to a row whose list was spelled otherwise.

    Args:
        written: its identity as it is written now, which is the first of them.
    """
    return tuple(dict.fromkeys((written, *_spellings(written))))


def possible_stems(versions: Sequence[RunIds], identity: str, written: str) -> dict[str, frozenset[IdentityVersion]]:
    """Return what the external IDs of a row may begin with, each with its versions; none for another spelling's.

    Args:
        versions: what IDs may be computed from, the run's own first; so are the results.
        identity: the row's folded identity.
        written: its identity as it is written.
    """
    found: dict[str, frozenset[IdentityVersion]] = {}
    for ids in versions:
        own = identity if ids.version.folds_rows else written
        stem = stem_of(ids.external_id(own, 1))
        found[stem] = found.get(stem, frozenset()) | {ids.version}
    for spelling in likely_spellings(written)[1:]:
        for ids in versions:
            if not ids.version.folds_rows:
                found.setdefault(stem_of(ids.external_id(spelling, 1)), frozenset())
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedTransaction:
    """What a transaction of DVS's list says about the row that it paid."""

    external_id: str
    product_id: int
    #: Mobile number, account number and qualifier of the credited party, as they were sent.
    party: tuple[str | None, str | None, str | None]
    #: The reference of the bill that was paid.
    bill: str | None
    #: When it was created, in UTC.
    created_at: datetime
    #: What was requested: units and amounts of the source and the destination, as far as they are stated.
    amounts: tuple[tuple[str, Decimal], ...] = ()
    #: Whether it paid or may pay.
    may_pay: bool = True


def number_among_equals(versions: Sequence[RunIds], listed: ListedTransaction) -> int | None:
    """Return the number among equal rows of the row that a transaction paid without a reference.

    It needs no spelling of the list: the transaction has that of its party.

    Args:
        versions: what IDs may be computed from; those that fold no rows count.
        listed: the transaction.

    Returns:
        The number, from 1; None if its external ID is computed from something else.
    """
    numbers = (_number_among_equals(ids, listed) for ids in versions if not ids.version.folds_rows)
    return next(filter(None, numbers), None)


def has_id_of_run(versions: Sequence[RunIds], listed: ListedTransaction) -> bool:
    """Return True if a transaction's external ID is that of a row of the run without a reference, for what it paid.

    It needs no list: the transaction states the product and the party that such an ID is computed from.

    Args:
        versions: what the run's IDs may be computed from.
        listed: the transaction.
    """
    return any(_number_among_equals(ids, listed) is not None for ids in versions)


def _number_among_equals(ids: RunIds, listed: ListedTransaction) -> int | None:
    stem = stem_of(listed.external_id)
    if ids.version.folds_rows:
        base = folded_party_identity(listed.product_id, *listed.party, listed.bill)
    else:
        base = party_identity(listed.product_id, listed.party)
    identities = (occurrence_identity(base, number) for number in range(1, MAX_EQUALS + 1))
    stems = (stem_of(ids.external_id(identity, 1)) for identity in identities)
    return next((number for number, each in enumerate(stems, start=1) if each == stem), None)


def _spellings(written: str) -> Iterator[str]:
    if written.startswith(REFERENCE_PREFIX):
        reference = written.removeprefix(REFERENCE_PREFIX)
        yield from map(reference_identity, _without_case(reference))
    elif parts := party_of(written):
        product_id, mobile, account, qualifier = parts[:4]
        modern = modern_mobile_number(mobile)
        mobiles = (mobile, modern, earlier_mobile_number(modern))
        number = written[len(base_identity(written)) :]
        for party in product(mobiles, (account, folded(account)), _without_case(qualifier)):
            yield party_identity(int(product_id), party) + number


def _without_case(text: str) -> tuple[str, ...]:
    plain = folded(text)
    return text, plain, plain.upper(), folded_without_case(text), plain.capitalize()
