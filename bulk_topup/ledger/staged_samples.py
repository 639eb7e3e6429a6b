"""Samples of a staged list: some of its rows that are to be paid, spread over it."""

import json
from dataclasses import dataclass
from typing import Final

from bulk_topup.ledger.ledger_file import LedgerFile

#: The first rows to be paid after a line, folded and as they are written.
_IDENTITIES: Final = """
    SELECT identity, coalesce(written, identity) AS written FROM temp.staged
    WHERE line > :after AND state = 'pending' ORDER BY line LIMIT :limit
"""
_NEXT_CREDITING: Final = """
    SELECT line, request, amount_until IS NOT NULL AS is_asked FROM temp.staged
    WHERE line > :after AND state = 'pending' AND credit_party IS NOT NULL ORDER BY line LIMIT 1
"""
_LAST: Final = "SELECT coalesce(max(line), 0) FROM temp.staged"


@dataclass(frozen=True, slots=True)
class StagedSampleQueries:
    """Some rows of the staged list."""

    file: LedgerFile

    def identities(self, *, first: int, spread: int) -> list[tuple[str, str]]:
        """Return the identities of some staged rows that are to be paid, each as it is and as it is written.

        Those are the first ones, and others across the list.
        """
        found = self.file.fetch_all(_IDENTITIES, after=0, limit=first)
        last = self.file.fetch_all(_LAST)[0][0]
        for count in range(1, spread + 1):
            after = last * count // (spread + 1)
            found += self.file.fetch_all(_IDENTITIES, after=after, limit=1)
        return list(dict.fromkeys((row["identity"], row["written"]) for row in found))

    def requests(self, number: int) -> list[tuple[int, dict[str, object], bool]]:
        """Return some staged rows that are to be paid and have a credit party, apart.

        Each has its line, its request, and whether DVS was asked for its amount.
        """
        last = self.file.fetch_all(_LAST)[0][0]
        found = {}
        for count in range(number):
            for row in self.file.fetch_all(_NEXT_CREDITING, after=last * count // number):
                found[row["line"]] = (row["line"], json.loads(row["request"]), bool(row["is_asked"]))
        return list(found.values())
