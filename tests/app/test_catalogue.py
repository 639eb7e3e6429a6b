"""What is asked of DVS before the first payment: side by side, once, and not again while a kept answer is recent."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bulk_topup.app.catalogue import Asking, Catalogue
from bulk_topup.app.product_filter import ProductFilter
from bulk_topup.app.side_by_side import AskingProgress
from bulk_topup.domain.answer_ages import AnswerAges, ages_of
from bulk_topup.domain.environment import Environment
from bulk_topup.dvs import APIError, AsyncDVS, ErrorCode
from bulk_topup.dvs.models.catalogue import LookupOperator
from bulk_topup.dvs.models.product import UnknownProduct
from bulk_topup.ledger import LedgerStore
from bulk_topup.sandbox.catalogue.catalogue import Catalogue as SandboxCatalogue
from bulk_topup.sandbox.errors import ErrorResponse
from tests.conftest import HandClock

pytestmark = pytest.mark.anyio

AIRTIME, BUNDLE, MISSING = 6418, 6430, 999_999
#: Numbers of the sandbox's operators in Singapore and Mexico, and one that it does not know.
NUMBERS = ("+6595123100", "+6595123101", "+5215512345100")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[LedgerStore]:
    with LedgerStore(tmp_path / "ledger.db") as opened:
        yield opened


class Account:
    """An account of the sandbox, with the requests that its commands send."""

    def __init__(self, base_url: str, credentials: tuple[str, str], clock: HandClock) -> None:
        self.base_url = base_url
        self.credentials = credentials
        self.clock = clock
        self.asked: list[str] = []
        self.on_progress: Callable[[AskingProgress], object] = lambda _progress: None

    @asynccontextmanager
    async def command(
        self,
        ledger: LedgerStore | None,
        *,
        ages: AnswerAges | None = None,
        environment: Environment = Environment.PREPROD,
        key: str | None = None,
    ) -> AsyncIterator[Catalogue]:
        """Yield the catalogue of one command; `asked` has what it asks."""
        self.asked = []
        key, secret = key or self.credentials[0], self.credentials[1]
        async with AsyncDVS(self.base_url, key, secret, rate=10_000) as dvs:
            dvs.on_try = lambda _method, path, _status, _seconds: self.asked.append(path)
            asking = Asking(on_progress=self._receive)
            yield asking.catalogue(dvs, ledger, environment, ages or AnswerAges(), self.clock)

    def _receive(self, progress: AskingProgress) -> None:
        self.on_progress(progress)


@pytest.fixture
def account(sandbox: Any, credentials: tuple[str, str], clock: HandClock) -> Account:
    return Account(sandbox.base_url, credentials, clock)


async def test_a_second_command_asks_nothing_that_the_first_one_has_asked(
    account: Account, ledger: LedgerStore
) -> None:
    listed = ProductFilter(service_id=1)
    async with account.command(ledger) as catalogue:
        products = await catalogue.products([AIRTIME, BUNDLE])
        operators = await catalogue.operators_of(NUMBERS)
        known = {each.id for each in operators.values() if isinstance(each, LookupOperator)}
        lists = await catalogue.products_of(known, listed)
        everything = await catalogue.all_products({})
        all_operators = await catalogue.all_operators({"country_iso_code": "SGP"})
    assert len(account.asked) > 2 + len(NUMBERS) + len(known)
    async with account.command(ledger) as catalogue:
        assert await catalogue.products([AIRTIME, BUNDLE]) == products
        assert await catalogue.operators_of(NUMBERS) == operators
        assert await catalogue.products_of(known, listed) == lists
        assert await catalogue.all_products({}) == everything
        assert await catalogue.all_operators({"country_iso_code": "SGP"}) == all_operators
    assert account.asked == []


async def test_every_product_is_kept_exactly_as_it_was_read(account: Account, ledger: LedgerStore) -> None:
    async with account.command(ledger) as catalogue:
        before = await catalogue.all_products({})
    async with account.command(ledger) as catalogue:
        after = await catalogue.products([product.id for product in before])
    assert list(after.values()) == before
    assert {type(product) for product in before} - {UnknownProduct}
    assert account.asked == []


async def test_what_one_command_asks_about_a_product_it_asks_once(account: Account, ledger: LedgerStore) -> None:
    async with account.command(ledger, ages=ages_of(timedelta(), timedelta())) as catalogue:
        for _ in range(2):
            await catalogue.products([AIRTIME, AIRTIME, MISSING])
            await catalogue.operators_of([NUMBERS[0], NUMBERS[0]])
            account.clock.seconds += 7_200
    assert sorted(account.asked) == ["/lookup/mobile-number", f"/products/{AIRTIME}", f"/products/{MISSING}"]


async def test_products_of_an_operators_list_are_not_asked_again_one_by_one(
    account: Account, ledger: LedgerStore
) -> None:
    async with account.command(ledger) as catalogue:
        [operator] = (await catalogue.operators_of(NUMBERS[:1])).values()
        assert isinstance(operator, LookupOperator)
        [products] = (await catalogue.products_of([operator.id], ProductFilter())).values()
        account.asked.clear()
        assert await catalogue.products([product.id for product in products])
    assert account.asked == []


@pytest.mark.parametrize(
    ("age", "is_asked"), [(DAY, False), (DAY + timedelta(seconds=1), True), (-timedelta(seconds=1), True)]
)
async def test_an_answer_that_is_too_old_or_from_the_future_is_asked_for_again(
    account: Account, ledger: LedgerStore, age: timedelta, is_asked: bool
) -> None:
    async with account.command(ledger) as catalogue:
        await catalogue.products([AIRTIME])
        await catalogue.all_operators({})
    account.clock.seconds += age.total_seconds()
    async with account.command(ledger) as catalogue:
        await catalogue.products([AIRTIME])
        await catalogue.all_operators({})
    assert bool(account.asked) is is_asked
    assert (catalogue.oldest_kept is None) is is_asked


async def test_an_age_of_zero_asks_again_and_keeps_the_answer(account: Account, ledger: LedgerStore) -> None:
    async with account.command(ledger) as catalogue:
        await catalogue.products([AIRTIME])
    account.clock.seconds += 60
    async with account.command(ledger, ages=ages_of(timedelta())) as catalogue:
        await catalogue.products([AIRTIME])
        assert catalogue.asked_at([AIRTIME]) == account.clock.now()
    assert account.asked == [f"/products/{AIRTIME}"]
    async with account.command(ledger) as catalogue:
        await catalogue.products([AIRTIME])
        assert catalogue.asked_at([AIRTIME]) == account.clock.now()
    assert account.asked == []


async def test_before_rows_are_sent_products_are_not_older_than_an_hour(account: Account, ledger: LedgerStore) -> None:
    async with account.command(ledger) as catalogue:
        await catalogue.products([AIRTIME])
    account.clock.seconds += HOUR.total_seconds() + 1
    async with account.command(ledger, ages=AnswerAges().before_sending()) as catalogue:
        await catalogue.products([AIRTIME])
    assert account.asked == [f"/products/{AIRTIME}"]


@pytest.mark.parametrize("has_cost_cap", [False, True])
async def test_before_rows_are_sent_lists_to_choose_from_are_as_recent_as_products(
    has_cost_cap: bool, account: Account, ledger: LedgerStore
) -> None:
    async with account.command(ledger) as catalogue:
        await catalogue.products_of([1310], ProductFilter())
    account.clock.seconds += 1 if has_cost_cap else 3_601
    async with account.command(ledger, ages=AnswerAges().before_sending(has_cost_cap=has_cost_cap)) as catalogue:
        [products] = (await catalogue.products_of([1310], ProductFilter())).values()
        await catalogue.products([product.id for product in products])
    assert account.asked == ["/products"]


async def test_what_dvs_has_no_more_is_forgotten(
    account: Account, ledger: LedgerStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = NUMBERS[0]
    async with account.command(ledger) as catalogue:
        await catalogue.products([AIRTIME])
        await catalogue.operators_of([number])
    with monkeypatch.context() as changed:
        changed.setattr(SandboxCatalogue, "lookup_bodies", _refuse(ErrorCode.CREDIT_PARTY_MOBILE_NUMBER_INVALID))
        async with account.command(ledger, ages=ages_of(timedelta(), timedelta())) as catalogue:
            catalogue._receive_product(AIRTIME, (None, account.clock.now()))
            assert isinstance((await catalogue.operators_of([number]))[number], APIError)
            await catalogue.operators_of([number])
    async with account.command(ledger) as catalogue:
        assert (await catalogue.products([AIRTIME]))[AIRTIME] is not None
        assert isinstance((await catalogue.operators_of([number]))[number], LookupOperator)
    assert account.asked == [f"/products/{AIRTIME}", "/lookup/mobile-number"]


def _refuse(code: ErrorCode) -> Callable[..., Any]:
    def refuse(*_: object) -> Any:
        raise ErrorResponse(code)

    return refuse


async def test_the_operator_of_a_number_is_known_for_a_month(account: Account, ledger: LedgerStore) -> None:
    async with account.command(ledger) as catalogue:
        await catalogue.operators_of(NUMBERS[:1])
    account.clock.seconds += 30 * DAY.total_seconds()
    async with account.command(ledger) as catalogue:
        await catalogue.operators_of(NUMBERS[:1])
    assert account.asked == []
    account.clock.seconds += 1
    async with account.command(ledger) as catalogue:
        await catalogue.operators_of(NUMBERS[:1])
    assert account.asked == ["/lookup/mobile-number"]


async def test_answers_are_those_of_one_account_and_environment(account: Account, ledger: LedgerStore) -> None:
    async with account.command(ledger) as catalogue:
        await catalogue.products([AIRTIME])
    async with account.command(ledger, environment=Environment.PRODUCTION) as catalogue:
        await catalogue.products([AIRTIME])
    assert account.asked
    async with account.command(ledger, key="another") as catalogue:
        with pytest.raises(Exception, match="401"):
            await catalogue.products([AIRTIME])


async def test_a_product_that_the_account_lacks_is_asked_for_each_time(account: Account, ledger: LedgerStore) -> None:
    for _ in range(2):
        async with account.command(ledger) as catalogue:
            assert await catalogue.products([MISSING]) == {MISSING: None}
        assert account.asked == [f"/products/{MISSING}"]


async def test_a_stop_in_the_middle_keeps_what_was_answered(account: Account, ledger: LedgerStore) -> None:
    numbers = [f"+65951{number:05}" for number in range(200)]
    async with account.command(ledger) as catalogue:
        asking = asyncio.ensure_future(catalogue.operators_of(numbers))
        account.on_progress = lambda progress: progress.answered == 5 and asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    async with account.command(ledger) as catalogue:
        assert len(await catalogue.operators_of(numbers)) == len(numbers)
    assert 0 < len(account.asked) <= len(numbers) - 5


async def test_two_processes_may_ask_and_keep_at_the_same_time(account: Account, tmp_path: Path) -> None:
    with LedgerStore(tmp_path / "ledger.db") as first, LedgerStore(tmp_path / "ledger.db") as second:
        async with account.command(first) as one, account.command(second) as other:
            found = await asyncio.gather(one.operators_of(NUMBERS), other.operators_of(NUMBERS))
            assert found[0] == found[1]
            await asyncio.gather(one.all_products({}), other.all_products({}))
        async with account.command(second) as catalogue:
            await catalogue.all_products({})
            await catalogue.operators_of(NUMBERS)
    assert account.asked == []


async def test_a_purge_forgets_the_numbers_and_keeps_the_products(account: Account, ledger: LedgerStore) -> None:
    async with account.command(ledger) as catalogue:
        await catalogue.products([AIRTIME])
        await catalogue.operators_of(NUMBERS[:1])
    ledger.kept_answers.forget_people()
    async with account.command(ledger) as catalogue:
        await catalogue.products([AIRTIME])
        await catalogue.operators_of(NUMBERS[:1])
    assert account.asked == ["/lookup/mobile-number"]


async def test_progress_names_what_is_left(account: Account, ledger: LedgerStore) -> None:
    seen: list[AskingProgress] = []
    account.on_progress = seen.append
    async with account.command(ledger) as catalogue:
        await catalogue.products([AIRTIME, BUNDLE])
    assert [(each.what, each.answered, each.total) for each in seen] == [("products", 1, 2), ("products", 2, 2)]
    assert seen[0].seconds_left == pytest.approx(1 / 10_000)


async def test_a_number_that_dvs_does_not_know_is_asked_for_again_after_an_hour(
    account: Account, ledger: LedgerStore
) -> None:
    unknown = "+81312345678"
    for seconds, is_asked in ((0, True), (3_600, False), (1, True)):
        account.clock.seconds += seconds
        async with account.command(ledger) as catalogue:
            assert await catalogue.operators_of([unknown]) == {unknown: None}
        assert bool(account.asked) is is_asked
