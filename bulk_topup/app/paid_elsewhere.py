"""Finds payments of today by another ledger or a purged run to beneficiaries of a new run; reads DVS and the ledger."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from bulk_topup.domain.earlier_payments import ELSEWHERE, EarlierPayments, RepeatedRun
from bulk_topup.domain.identity import stem_of
from bulk_topup.domain.identity_version import RunIds
from bulk_topup.domain.moves import state_for
from bulk_topup.domain.run import Run
from bulk_topup.domain.sameness import earlier_mobile_number, folded, folded_without_case, modern_mobile_number, near
from bulk_topup.domain.states import RowState
from bulk_topup.dvs import APIError, AsyncDVS, DVSError, TooManyRequestsError, UnauthorizedError
from bulk_topup.dvs.models.transaction import Party, TransactionOutcome, TransactionRequest
from bulk_topup.dvs.pagination import Pages
from bulk_topup.errors import AlreadyPaidError, NotComparedError
from bulk_topup.jobs.job import Job
from bulk_topup.ledger import LedgerStore
from bulk_topup.system.waits import all_of

#: Beneficiaries of a new run, spread over its list, of whom DVS is asked.
MAX_ASKED: Final = 5
#: Most pages that are read of the transactions of one beneficiary.
MAX_PAGES: Final = 10
#: Most payments that a message names.
_MAX_NAMED: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class ElsewherePayment:
    """A payment that this ledger does not know, or no longer since a purge, and that a row of the list would repeat."""

    line: int
    transaction_id: int
    external_id: str
    #: The message of its status.
    status: str
    #: When it was created, in UTC.
    created_at: datetime

    def as_json(self) -> dict[str, object]:
        """Return it as plain JSON values."""
        return {
            "line": self.line,
            "transaction_id": self.transaction_id,
            "external_id": self.external_id,
            "status": self.status,
            "created_at": self.created_at.isoformat(),
        }

    def sentence(self) -> str:
        """Return it for people, without the beneficiary and without a full stop."""
        at = f"{self.created_at:%Y-%m-%d %H:%M} UTC"
        return f"line {self.line}: transaction {self.transaction_id} ({self.status}), {at}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Elsewhere:
    """What DVS has for some beneficiaries of a new run."""

    #: Of how many of them DVS was asked and answered.
    asked: int = 0
    payments: tuple[ElsewherePayment, ...] = ()
    #: Why DVS does not answer such questions, in its words; empty if it does.
    unanswerable: str = ""

    @property
    def rows(self) -> int:
        """Rows of the list that repeat such a payment."""
        return len({each.line for each in self.payments})


#: Nothing was asked: the run is not new, has nothing to send, or pays in the sandbox.
NOT_ASKED: Final = Elsewhere()


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What DVS has of a beneficiary's last 24 hours."""

    line: int
    request: TransactionRequest
    #: Whether DVS was asked for the amount.
    is_asked: bool = False
    listed: tuple[TransactionOutcome, ...] = ()
    #: Why DVS does not answer; empty if it does.
    refusal: str = ""


def is_to_be_asked(run: Run | None, ledger: LedgerStore) -> bool:
    """Return True if no row of a run was sent yet, and nobody has decided that it repeats payments of another ledger.

    Args:
        run: the run; None for a new one.
        ledger: an open ledger.
    """
    if run is None:
        return True
    is_decided = any(ELSEWHERE in each.runs for each in run.paid_again)
    return not is_decided and not ledger.runs.is_sent(run)


async def ask_elsewhere(*, dvs: AsyncDVS, ledger: LedgerStore) -> list[Answer]:
    """Look up some beneficiaries of a staged list in DVS's transactions of the last 24 hours.

    Args:
        dvs: an open client.
        ledger: an open ledger.

    Raises:
        NotComparedError: DVS did not answer, which is not taken for no payment.
        UnauthorizedError: DVS refused the API credentials.
    """
    return await all_of(_ask(dvs, *sample) for sample in ledger.staged_samples.requests(MAX_ASKED))


def find_elsewhere(job: Job, ids: RunIds, answers: Iterable[Answer], ledger: LedgerStore) -> Elsewhere:
    """Return what DVS has for beneficiaries of a list that its rows would repeat.

    A payment counts with the same product and requested amount, unless it failed or was reversed. So do those of purged
    runs that would be compared. Those under external IDs of the run itself are its own: DVS refuses these IDs, and the
    run takes them over.

    Args:
        job: the job, its dates rendered.
        ids: what the external IDs of its rows are computed from.
        answers: the result of `ask_elsewhere`.
        ledger: an open ledger.
    """
    asked, unanswerable = 0, ""
    unknown: list[tuple[int, TransactionOutcome]] = []
    for answer in answers:
        if answer.refusal:
            unanswerable = answer.refusal
            continue
        asked += 1
        any_product = job.auto_product is not None
        candidates = {
            each.external_id: each for each in answer.listed if _repeats(answer, each, any_product=any_product)
        }
        # Of a purged run nobody knows whom it paid, but DVS does.
        lacking = ledger.lacking_ids.unknown(candidates) | ledger.lacking_ids.of_purged_runs(candidates)
        unknown.extend((answer.line, found) for external_id, found in candidates.items() if external_id in lacking)
    own = _own_ids(ids, [found.external_id for _, found in unknown], ledger)
    payments = tuple(
        ElsewherePayment(
            line=line,
            transaction_id=found.id,
            external_id=found.external_id,
            status=found.status.message,
            created_at=found.creation_date,
        )
        for line, found in unknown
        if found.external_id not in own
    )
    return Elsewhere(asked=asked, payments=payments, unanswerable=unanswerable)


def check_not_paid_elsewhere(job: Job, elsewhere: Elsewhere, *, pay_again: str | None, ledger: LedgerStore) -> None:
    """Raise AlreadyPaidError if another ledger paid beneficiaries of the list today, and they are not paid again."""
    if not elsewhere.payments or pay_again is not None:
        return
    named = "; ".join(each.sentence() for each in elsewhere.payments[:_MAX_NAMED])
    more = f" and {len(elsewhere.payments) - _MAX_NAMED:,} more" if len(elsewhere.payments) > _MAX_NAMED else ""
    raise AlreadyPaidError(
        f"{job.list} may have been paid today from elsewhere. DVS has payments of the same product and amount to its "
        f"beneficiaries that the ledger {ledger.path} does not know, or no longer since a purge: {named}{more}. "
        f"Nothing was sent. Of the list {elsewhere.asked} "
        f"{'beneficiary was' if elsewhere.asked == 1 else 'beneficiaries were'} looked up. Run it with the ledger that "
        "paid it, which --ledger names. If that is lost, rebuild the run first: `bulk-topup reconcile --rebuild` with "
        "the same list or job. If these are other payments, add --pay-again REASON."
    )


def with_elsewhere(earlier: EarlierPayments, elsewhere: Elsewhere, pay_again: str | None) -> EarlierPayments:
    """Return the earlier payments of a list with those of another ledger that it repeats on purpose."""
    if not elsewhere.payments or pay_again is None:
        return earlier
    times = [each.created_at for each in elsewhere.payments]
    repeated = RepeatedRun(
        run=ELSEWHERE,
        rows=elsewhere.rows,
        first=min(times),
        last=max(times),
        reason=pay_again,
    )
    return replace(earlier, repeated=(*earlier.repeated, repeated))


async def _ask(dvs: AsyncDVS, line: int, body: Mapping[str, object], is_asked: bool) -> Answer:
    request = TransactionRequest.model_validate({**body, "external_id": "-"})
    try:
        listed = await _list_of_party(dvs, request.credit_party_identifier or Party())
    except DVSError as error:
        if not _is_refusal(error):
            raise _not_compared(error) from error
        return Answer(line=line, request=request, is_asked=is_asked, refusal=str(error))
    return Answer(line=line, request=request, is_asked=is_asked, listed=tuple(listed))


def _own_ids(ids: RunIds, external_ids: Collection[str], ledger: LedgerStore) -> set[str]:
    """Return those external IDs that rows of the staged list have in its run: several may credit one beneficiary."""
    if not external_ids:
        return set()
    ledger.possible_ids.expect_staged((ids,))
    versions = ledger.possible_ids.versions_of({stem_of(each) for each in external_ids})
    return {each for each in external_ids if ids.version in versions.get(stem_of(each), ())}


def _is_refusal(error: DVSError) -> bool:
    """Return True if DVS itself says that it does not answer this; raise UnauthorizedError as it is."""
    if isinstance(error, UnauthorizedError):
        raise error
    return (
        isinstance(error, APIError)
        and bool(error.details)
        and not error.outcome_unknown
        and not isinstance(error, TooManyRequestsError)
    )


def _not_compared(error: DVSError) -> NotComparedError:
    return NotComparedError(
        "DVS's transactions of the last 24 hours can't be read, so it is unknown whether another ledger has paid this "
        f"list today. Nothing was sent. {str(error).rstrip('.')}. Run again once DVS responds."
    )


async def _list_of_party(dvs: AsyncDVS, party: Party) -> list[TransactionOutcome]:
    """Return the transactions of the last 24 hours that credit a party, also in its other usual spelling.

    Raises:
        NotComparedError: the list is longer than expected, or of other parties.
        DVSError: the list can't be read.
    """
    if (mobile := party.mobile_number) is not None:
        spellings = dict.fromkeys((mobile, earlier_mobile_number(modern_mobile_number(mobile))))
        lists = [dvs.transaction_outcomes.list(credit_party_mobile_number=each) for each in spellings]
    else:
        account = party.account_number or ""
        spellings = dict.fromkeys((account, folded(account)))
        lists = [dvs.transaction_outcomes.list(credit_party_account_number=each) for each in spellings]
    return [each for listed in lists for each in await _read(dvs, listed, party)]


async def _read(dvs: AsyncDVS, listed: Pages[TransactionOutcome], party: Party) -> list[TransactionOutcome]:
    found: list[TransactionOutcome] = []
    read = 0
    async with aclosing(listed.pages()) as pages:
        async for page in pages:
            found.extend(page.items)
            # Each of them may have paid the beneficiary.
            found += [await dvs.transaction_outcomes.read_again(entry) for entry in page.unreadable]
            read += 1
            if read == MAX_PAGES and not page.is_last:
                raise _not_compared(DVSError(f"DVS lists more than {len(found):,} for one beneficiary"))
    own = [each for each in found if _credits(party, each.credit_party_identifier)]
    if found and not own:
        raise _not_compared(DVSError("DVS listed other beneficiaries than it was asked for"))
    return own


def _credits(party: Party, found: Party | None) -> bool:
    """Return True if a listed transaction may credit the party that DVS was asked for."""
    if found is None:
        return True
    if party.mobile_number is not None:
        number = found.mobile_number
        return number is None or modern_mobile_number(number) == modern_mobile_number(party.mobile_number)
    return found.account_number is None or near(found.account_number) == near(party.account_number or "")


def _repeats(answer: Answer, found: TransactionOutcome, *, any_product: bool) -> bool:
    """Return True if a request would repeat a payment; an amount that DVS does not state may be the same.

    Where DVS was asked for it, the amount does not matter: a bill may have grown since it was paid.
    """
    request = answer.request
    if state_for(found) in {RowState.FAILED, RowState.REVERSED}:
        return False
    if found.product.id != request.product_id and not any_product:
        return False
    if answer.is_asked:
        bills = [side.statement_identifier and side.statement_identifier.reference for side in (request, found)]
        return None in bills or folded_without_case(bills[0] or "") == folded_without_case(bills[1] or "")
    stated = found.requested_values
    if stated is None or (stated.source is None and stated.destination is None):
        return True
    sides = [(request.source, stated.source), (request.destination, stated.destination)]
    return all(
        other is not None and (asked.unit, asked.amount) == (other.unit, other.amount)
        for asked, other in sides
        if asked is not None
    )
