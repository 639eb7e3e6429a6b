"""What a run would have spent at its end, summed exactly, and a digest of the rows that a list pays."""

import hashlib
from decimal import Decimal
from typing import Final

from bulk_topup.domain.identity import external_id
from bulk_topup.domain.money import PRECISE
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.domain.totals import Digest, Total
from bulk_topup.ledger import statements as sql
from bulk_topup.ledger.connection import translate_errors
from bulk_topup.ledger.spending import Spending

#: Rows that a start with the staged list would send.
_STAGED: Final = f"""
    SELECT s.unit, s.amount, s.cost_unit, s.cost, count(*)
    FROM temp.staged AS s LEFT JOIN rows AS r ON r.run_id = :run_id AND r.identity = s.identity
    WHERE s.state = 'pending' AND (r.id IS NULL OR r.state IN ('{RowState.REFUSED}', '{RowState.PENDING}'))
    GROUP BY s.unit, s.amount, s.cost_unit, s.cost
"""  # noqa: S608 - composed of constants
#: Rows that wait, and those that were chosen for a retry.
_STORED: Final = """
    SELECT unit, amount, cost_unit, cost, count(*) FROM rows
    WHERE run_id = :run_id AND in_list = 1
      AND (state = 'pending' OR state = 'failed' AND id IN (SELECT id FROM temp.retried))
    GROUP BY unit, amount, cost_unit, cost
"""
#: Every row of the staged list that is to be paid, whether or not it was sent by now.
_REQUESTS: Final = """
    SELECT identity, request, unit, amount, cost_unit, cost FROM temp.staged WHERE state = 'pending'
    ORDER BY line
"""


class Totals(Spending):
    """The money of a run before it is sent."""

    def staged_spending(self, run: Run | None) -> Total:
        """Give what a run has spent together with what the staged list would have it send."""
        return self._with(run, _STAGED)

    def spending(self, run: Run) -> Total:
        """Give what a run has spent together with what waits in it and what was chosen for a retry."""
        with self._transaction() as connection:
            connection.execute(sql.CREATE_RETRIED)
        return self._with(run, _STORED)

    def staged_digest(self, job: str, run_key: str) -> Digest:
        """Sum and hash all rows that the staged list pays in that run, sent or not, in list order.

        Every text is hashed with its length before it, so that no two different lists of rows give the same bytes.
        """
        requests, costs = hashlib.sha256(), hashlib.sha256()
        total = Total()
        with translate_errors(self.path):
            for identity, request, unit, amount, cost_unit, cost in self._connection.execute(_REQUESTS):
                for text in (identity, external_id(job, run_key, identity, 1), request):
                    requests.update(_framed(text))
                for text in (cost_unit, cost):
                    costs.update(_framed(text or ""))
                _count(total, unit, amount, cost_unit, cost, 1)
        return Digest(total=total, requests=requests.hexdigest(), costs=costs.hexdigest())

    def _with(self, run: Run | None, statement: str) -> Total:
        total = Total()
        if run is not None:
            spent = self.spent(run)
            total = Total(rows=spent.rows, amounts=spent.amounts, costs=spent.costs)
        for group in self._all(statement, run_id=run.id if run else None):
            _count(total, *group)
        return total


def _count(
    total: Total, unit: str | None, amount: str | None, cost_unit: str | None, cost: str | None, count: int
) -> None:
    total.rows += count
    if amount is not None and unit is not None:
        _add(total.amounts, unit, amount, count)
    if cost is None or cost_unit is None:
        total.unpriced += count
    else:
        _add(total.costs, cost_unit, cost, count)


def _add(sums: dict[str, Decimal], unit: str, amount: str, count: int) -> None:
    sums[unit] = PRECISE.fma(Decimal(amount), count, sums.get(unit, Decimal(0)))


def _framed(text: str) -> bytes:
    encoded = text.encode()
    return b"%d:%b" % (len(encoded), encoded)
