"""Compute row identities and external IDs; pure, so that a lost ledger gives the same IDs again."""

import base64
import hashlib
import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache

from bulk_topup.domain.sameness import folded, folded_without_case, modern_mobile_number

#: Most characters of an external ID that DVS accepts (reference: Transactions, create).
EXTERNAL_ID_LENGTH = 40
#: Prefixes of identities: by the list's own reference, by the credit party, and by the cells.
REFERENCE_PREFIX = "reference:"
PARTY_PREFIX = "party:"
CELLS_PREFIX = "cells:"
SLUG_LENGTH = 16
#: 90 bits of SHA-256: among a billion rows the chance that two share an ID is one in a billion.
HASH_LENGTH = 18
#: The digits of an attempt's number: as many as fit beside the slug, the hash and the two dashes.
_ATTEMPT_DIGITS = EXTERNAL_ID_LENGTH - SLUG_LENGTH - HASH_LENGTH - 2
MAX_ATTEMPTS = 10**_ATTEMPT_DIGITS - 1
_ATTEMPT = re.compile(f"[1-9][0-9]{{0,{_ATTEMPT_DIGITS - 1}}}")
#: The length in front of a joined part, and the number of a second or later row.
_PART_LENGTH = re.compile("([0-9]+):")
_NUMBER = re.compile("#[0-9]+")
#: The form of external IDs: the slug, the hash and the attempt's number.
_FORM = re.compile(rf"(.+)-[a-z2-7]{{{HASH_LENGTH}}}-[1-9][0-9]*")


def reference_identity(reference: str) -> str:
    """Return the identity of a row by the list's own reference."""
    return f"{REFERENCE_PREFIX}{reference}"


def party_identity(product_id: int, parties: tuple[str | None, ...]) -> str:
    """Return the identity of a row by its product and credit party, never by the amount."""
    return PARTY_PREFIX + _join((str(product_id), *("" if part is None else part for part in parties)))


def folded_reference_identity(reference: str) -> str:
    """Return the identity of a row by the list's own reference, the same for all that are equal."""
    return reference_identity(folded_without_case(reference))


def folded_party_identity(
    product_id: int, mobile: str | None, account: str | None, qualifier: str | None, bill: str | None
) -> str:
    """Return the identity of a row by its product and credit party, the same for all parties that are equal.

    External IDs are computed from it, so it never changes for any row: other rules need another `IdentityVersion`.

    Args:
        product_id: the product.
        mobile: the mobile number in E.164 form.
        account: the account number, which alone counts where there are both.
        qualifier: the account qualifier.
        bill: the reference of the bill that is paid.
    """
    if not account:
        return party_identity(product_id, (modern_mobile_number(mobile or ""), "", ""))
    parts = ("", folded(account), folded_without_case(qualifier or ""), folded_without_case(bill or ""))
    return party_identity(product_id, parts if parts[-1] else parts[:-1])


def unreadable_identity(cells: str) -> str:
    """Return the identity of a row by its cells, for a row refused before its credit party is known."""
    return CELLS_PREFIX + hashlib.sha256(cells.encode()).hexdigest()


def occurrence_identity(identity: str, occurrence: int) -> str:
    """Return the identity with a number for the second and later rows of it, in list order from 1."""
    return identity if occurrence == 1 else f"{identity}#{occurrence}"


def base_identity(identity: str) -> str:
    """Return the identity of the first of the rows that share a product and credit party: the one without a number.

    The lengths in front of its parts say where it ends, so that a part such as "#2" is not taken for a number. An
    identity of another form is returned as it is.
    """
    _, end = _parts_of(identity)
    is_numbered = identity.startswith(PARTY_PREFIX) and _NUMBER.fullmatch(identity, min(end, len(identity)))
    return identity[:end] if is_numbered else identity


def party_of(identity: str) -> tuple[str, ...]:
    """Return the product and the texts of the credit party in an identity by them; empty for another identity."""
    return _parts_of(identity)[0] if identity.startswith(PARTY_PREFIX) else ()


def external_id(job: str, run_key: str, identity: str, attempt: int) -> str:
    """Return the external ID of an attempt: `<job slug>-<hash>-<attempt>`, at most 40 characters.

    Args:
        job: the job's name.
        run_key: the run's key.
        identity: the row's identity in the run.
        attempt: the attempt's number, from 1.

    Raises:
        ValueError: the attempt's number is out of bounds.
    """
    if not 1 <= attempt <= MAX_ATTEMPTS:
        raise ValueError(f"attempt {attempt} is not between 1 and {MAX_ATTEMPTS}")
    digest = hashlib.sha256(_join((job, run_key, identity)).encode()).digest()
    hashed = base64.b32encode(digest).decode().lower()[:HASH_LENGTH]
    return f"{slug(job)}-{hashed}-{attempt}"


def looks_like(jobs: Collection[str], external_id: str) -> bool:
    """Return True if an external ID has the form of one of the jobs; jobs with the same slug share it."""
    found = _FORM.fullmatch(external_id)
    return found is not None and found[1] in {slug(job) for job in jobs}


def may_be_computed(external_id: str) -> bool:
    """Return False if no version computes such an external ID for any job, so that another program has sent it.

    Spaces around an ID and capitals do not matter: in doubt it is one of ours. So is an ID that is not stated.
    """
    text = external_id.strip().lower()
    return not text or _FORM.fullmatch(text) is not None


def stem_of(external_id: str) -> str:
    """Return what the external IDs of all attempts of a row have in common."""
    return external_id.rpartition("-")[0]


def number_of(external_id: str) -> int | None:
    """Return the number of the attempt at the end of an external ID; None for an ID of another form."""
    number = external_id.rpartition("-")[2]
    return int(number) if _ATTEMPT.fullmatch(number) else None


@lru_cache(maxsize=64)
def slug(name: str) -> str:
    """Return a name's first characters as lower-case ASCII letters, digits and dashes; `run` if none are left."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_name).strip("-")[:SLUG_LENGTH].rstrip("-") or "run"


def _parts_of(identity: str) -> tuple[tuple[str, ...], int]:
    """Return the parts of an identity by credit party, and where they end."""
    parts, end = [], len(PARTY_PREFIX)
    while part := _PART_LENGTH.match(identity, end):
        end = part.end() + int(part[1])
        parts.append(identity[part.end() : end])
    return tuple(parts), end


def _join(parts: tuple[str, ...]) -> str:
    """Join so that no two different tuples give the same text."""
    return "".join(f"{len(part)}:{part}" for part in parts)
