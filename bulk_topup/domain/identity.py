"""Who a row is and what its attempts are called: pure functions, so that a lost ledger gives the same ids again."""

import base64
import hashlib
import re
import unicodedata
from functools import lru_cache

#: DVS takes external ids of at most this many characters (reference: Transactions, create).
EXTERNAL_ID_LENGTH = 40
#: How identities begin: by the list's own reference, by whom a row credits, and by its cells.
REFERENCE_PREFIX = "reference:"
PARTY_PREFIX = "party:"
CELLS_PREFIX = "cells:"
SLUG_LENGTH = 16
#: 90 bits of SHA-256: among a billion rows a chance of one in a billion that two share an id.
HASH_LENGTH = 18
#: Bytes of the hash that are written out: whole groups of eight characters, as many as are needed.
HASHED_BYTES = 5 * -(-HASH_LENGTH // 8)
#: What is left for the attempt's number, with the two dashes.
MAX_ATTEMPTS = 10 ** (EXTERNAL_ID_LENGTH - SLUG_LENGTH - HASH_LENGTH - 2) - 1


def reference_identity(reference: str) -> str:
    """Give the identity of a row that the list itself names."""
    return f"{REFERENCE_PREFIX}{reference}"


def party_identity(product_id: int, parties: tuple[str | None, ...]) -> str:
    """Give the identity of a row by whom it credits and with what; never by the amount."""
    return PARTY_PREFIX + _joined((str(product_id), *("" if part is None else part for part in parties)))


def unreadable_identity(cells: str) -> str:
    """Give the identity of a row that is refused before anybody can say whom it credits: its cells."""
    return CELLS_PREFIX + hashlib.sha256(cells.encode()).hexdigest()


def occurrence_identity(identity: str, occurrence: int) -> str:
    """Tell the second and further rows of one identity apart, in list order from 1."""
    return identity if occurrence == 1 else f"{identity}#{occurrence}"


def external_id(job: str, run_key: str, identity: str, attempt: int) -> str:
    """Give the external id of an attempt: `<job slug>-<hash>-<attempt>`, at most 40 characters.

    Args:
        job: the job's name.
        run_key: the run's key.
        identity: the row's identity inside the run.
        attempt: the attempt's number, from 1.

    Raises:
        ValueError: the attempt's number is out of bounds.
    """
    if not 1 <= attempt <= MAX_ATTEMPTS:
        raise ValueError(f"attempt {attempt} is not between 1 and {MAX_ATTEMPTS}")
    digest = hashlib.sha256(_joined((job, run_key, identity)).encode()).digest()
    hashed = base64.b32encode(digest[:HASHED_BYTES]).decode().lower()[:HASH_LENGTH]
    return f"{slug(job)}-{hashed}-{attempt}"


def looks_like(job: str, external_id: str) -> bool:
    """Tell whether an external id is made as those of a job's runs are; another job of the same slug makes the same."""
    return re.fullmatch(rf"{re.escape(slug(job))}-[a-z2-7]{{{HASH_LENGTH}}}-[1-9][0-9]*", external_id) is not None


@lru_cache(maxsize=64)
def slug(name: str) -> str:
    """Give a name's first characters as lower-case ASCII letters, digits and dashes; `run` when none are left."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_name).strip("-")[:SLUG_LENGTH].rstrip("-") or "run"


def _joined(parts: tuple[str, ...]) -> str:
    """Join so that no two different tuples give the same text."""
    return "".join(f"{len(part)}:{part}" for part in parts)
