"""Judges what an office did by the provider's books: who was paid, who was forgotten, and whether the books agree.

It knows the people behind the rows, not the rows' spelling: payments are counted by person, product and amount.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from bulk_topup.domain.row import Outcome
from bulk_topup.domain.states import RowState
from bulk_topup.sandbox.provider.transaction import Transaction
from chaos.histories.office import End, Office
from chaos.histories.people import CARDS, Due, card_name, core_of

#: Classes of transactions that pay nobody.
UNSUCCESSFUL: Final = frozenset({"REJECTED", "DECLINED", "CANCELLED"})


def payments(office: Office) -> Counter[Due]:
    """Return what the provider paid, or may still pay, since the period began."""
    people = {core: person.name for person in office.people for core in person.cores}
    found: Counter[Due] = Counter()
    for transaction in office.provider.transactions:
        if transaction.created_at >= office.period.start and _class_of(office, transaction) not in UNSUCCESSFUL:
            request = transaction.request
            core = core_of(request.credit_party or "")
            is_card = request.product_id in CARDS
            person = card_name(request.product_id) if is_card else people.get(core, f"nobody in the list ({core})")
            amount = None if request.destination is None else Decimal(request.destination.amount)
            found[Due(person, request.product_id, amount)] += 1
    return found


def paid_twice(office: Office) -> Iterator[str]:
    """Yield each payment of this period that is not due, or not so often."""
    for due, count in payments(office).items():
        if count > office.period.dues[due]:
            yield f"Paid twice: {_text(due)}: {count} payments, {office.period.dues[due]} due in {office.period.name}."


def unpaid(office: Office) -> Counter[Due]:
    """Return what is due in this period, and was not paid."""
    return office.period.dues - payments(office)


def wrong_success(office: Office, end: End) -> Iterator[str]:
    """Yield who is unpaid after a start of the whole list that said with exit code 0 that everyone is paid."""
    if end.code == 0:
        for due, count in unpaid(office).items():
            yield f"Forgotten: exit 0, but {_text(due)}: {count} unpaid."


def forgotten(office: Office, ends: Iterable[End]) -> Iterator[str]:
    """Yield who is neither paid nor named after the last starts of the whole list.

    A start that refused the list as a whole has said so. Else each line is in the run, and those that are completed
    are paid.

    Args:
        office: the office.
        ends: how these starts ended, without faults.
    """
    missing = unpaid(office)
    for end in ends:
        if end.is_refusal and end.code not in {0, None}:
            continue
        if end.finished is None:
            yield f"Unexpected end: {end}: {end.error!r}."
            continue
        with office.opened() as ledger:
            outcomes = {each.line: each for each in ledger.outcomes.rows(end.finished.run) if each.in_list}
        completed: Counter[Due] = Counter()
        for number, line in enumerate(office.lines, start=2):
            outcome = outcomes.get(number)
            if outcome is None:
                yield f"Forgotten: line {number} of {end.finished.run.name} ({_text(line.due)}) is in no report."
            elif outcome.state is RowState.COMPLETED and not outcome.note:
                completed[line.due] += 1
        for due, count in completed.items():
            if count > office.period.dues[due] - missing[due]:
                yield f"Forgotten: {count} rows of {end.finished.run.name} are completed, but {_text(due)} is unpaid."


def disagreeing_books(office: Office) -> Iterator[str]:
    """Yield where the ledger's rows and the provider's transactions and wallets differ."""
    if not office.ledger.exists():
        return
    office.provider.now()
    classes = {each.request.external_id: _class_of(office, each) for each in office.provider.transactions}
    with office.opened() as ledger:
        outcomes = [outcome for run in ledger.runs.all() for outcome in ledger.outcomes.rows(run)]
    known = {outcome.external_id: outcome.state for outcome in outcomes if outcome.external_id}
    for outcome in outcomes:
        found = classes.get(outcome.external_id or "")
        if outcome.state is RowState.COMPLETED and found != "COMPLETED":
            yield f"Books: line {outcome.line} is completed, and its transaction {found}."
        if outcome.state is RowState.FAILED and not (found is None or found in UNSUCCESSFUL):
            yield f"Books: line {outcome.line} is failed, and its transaction {found}."
    others = {each for each, class_ in classes.items() if class_ == "COMPLETED" and known.get(each) != "completed"}
    for external_id in others:
        if known.get(external_id) != "conflict" and not (office.is_amnesic and external_id not in known):
            yield f"Books: transaction {external_id} is completed, and its row {known.get(external_id)}."
    if not others:
        yield from _disagreeing_wallets(office, outcomes)


def _disagreeing_wallets(office: Office, outcomes: list[Outcome]) -> Iterator[str]:
    spent: dict[str, Decimal] = {}
    for outcome in outcomes:
        if outcome.state is RowState.COMPLETED and outcome.price_unit is not None:
            cost = (outcome.price or Decimal(0)) + (outcome.fee or Decimal(0))
            spent[outcome.price_unit] = spent.get(outcome.price_unit, Decimal(0)) + cost
    for unit, wallet in office.provider.wallets.items():
        if wallet.spent != spent.get(unit, Decimal(0)):
            yield f"Books: {wallet.spent} {unit} was spent, and the rows cost {spent.get(unit, Decimal(0))}."


def _class_of(office: Office, transaction: Transaction) -> str:
    return transaction.status(office.provider.now()).class_.name


def _text(due: Due) -> str:
    amount = "" if due.amount is None else f" {due.amount:f}"
    return f"{due.person}, product {due.product}{amount}"
