"""The checks of the connection to the provider."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import trustme

from bulk_topup.app.doctor import CheckStatus, Finding, examine_provider
from bulk_topup.dvs import AsyncDVS

pytestmark = pytest.mark.anyio

WALLET = '[{"id":1,"unit_type":"CURRENCY","unit":"USD","available":%s,"holding":2.5}]'


async def found(dvs: AsyncDVS, clock: Any) -> dict[str, Finding]:
    return {finding.check: finding async for finding in examine_provider(dvs, clock)}


async def test_accepted_credentials_are_reported_with_wallets_rate_limit_and_clock(
    connect: Callable[..., Any], still_clock: Any
) -> None:
    headers = {"X-Ratelimit-Limit": "100", "X-Ratelimit-Remaining": "98"}
    async with connect(body=WALLET % "12.50", headers=headers) as dvs:
        findings = await found(dvs, still_clock)
    assert {finding.status for finding in findings.values()} == {CheckStatus.OK}
    assert {check: finding.message for check, finding in findings.items() if check != "connection"} == {
        "credentials": "API credentials accepted.",
        "clock": "This machine's clock agrees with DVS's.",
        "rate limit": "Rate limit: 100 requests per second, 98 remaining.",
        "balance": "12.50 USD available, 2.50 on hold.",
    }
    assert "plain http, which never leaves this machine" in findings["connection"].message


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
async def test_refused_credentials_are_bad_and_their_variables_are_named(
    connect: Callable[..., Any], still_clock: Any, status: str
) -> None:
    async with connect(status) as dvs:
        findings = await found(dvs, still_clock)
    assert findings["credentials"].status is CheckStatus.BAD
    assert "DVS_API_KEY and DVS_API_SECRET" in findings["credentials"].fix
    assert findings["credentials"].is_providers
    assert "balance" not in findings


@pytest.mark.parametrize(
    ("status", "expected"),
    [("503 Unavailable", CheckStatus.BAD), ("429 Too Many", CheckStatus.WARN), ("302 Found", CheckStatus.BAD)],
)
async def test_another_status_is_reported(
    connect: Callable[..., Any], still_clock: Any, status: str, expected: CheckStatus
) -> None:
    async with connect(status) as dvs:
        assert (await found(dvs, still_clock))["credentials"].status is expected


@pytest.mark.parametrize(
    ("ahead", "expected", "message"),
    [
        (31, CheckStatus.WARN, "31 s ahead of DVS's"),
        (-31, CheckStatus.WARN, "31 s behind DVS's"),
        (29, CheckStatus.OK, "29 s ahead of"),
    ],
)
async def test_a_clock_that_differs_by_more_than_half_a_minute_is_a_warning(
    connect: Callable[..., Any], still_clock: Any, ahead: int, expected: CheckStatus, message: str
) -> None:
    still_clock.moment += timedelta(seconds=ahead)
    async with connect() as dvs:
        finding = (await found(dvs, still_clock))["clock"]
    assert finding.status is expected
    assert message in finding.message
    assert ("NTP" in finding.fix) == (expected is CheckStatus.WARN)


@pytest.mark.parametrize("date", ["", "no date", "Tue, 24 Nov 99999 12:00:00 GMT"])
async def test_a_response_without_a_valid_date_is_no_problem(
    connect: Callable[..., Any], still_clock: Any, date: str
) -> None:
    async with connect(headers={"Date": date}) as dvs:
        assert "clock" not in await found(dvs, still_clock)


async def test_an_account_without_a_wallet_and_an_empty_wallet_are_reported(
    connect: Callable[..., Any], still_clock: Any
) -> None:
    async with connect() as dvs:
        assert (await found(dvs, still_clock))["balance"].status is CheckStatus.BAD
    async with connect(body=WALLET % "0") as dvs:
        finding = (await found(dvs, still_clock))["balance"]
    assert (finding.status, finding.message) == (CheckStatus.WARN, "0.00 USD available, 2.50 on hold.")
    assert "Top up" in finding.fix


async def test_invalid_balances_are_bad(connect: Callable[..., Any], still_clock: Any) -> None:
    async with connect(body='[{"unit":"USD"}]') as dvs:
        assert (await found(dvs, still_clock))["balance"].status is CheckStatus.BAD


@pytest.mark.parametrize(("days", "expected"), [(90, CheckStatus.OK), (10, CheckStatus.WARN)])
async def test_a_trusted_certificate_is_reported_with_its_expiry(
    connect: Callable[..., Any], still_clock: Any, authority: trustme.CA, days: int, expected: CheckStatus
) -> None:
    async with connect(tls=authority, ends_in=timedelta(days=days)) as dvs:
        finding = (await found(dvs, still_clock))["connection"]
    assert finding.status is expected
    assert "responds over TLSv1." in finding.message
    assert f"expires on {still_clock.now() + timedelta(days=days):%Y-%m-%d}" in finding.message
    assert "trustme" in finding.message


async def test_an_untrusted_certificate_is_bad_and_nothing_else_is_checked(
    connect: Callable[..., Any], still_clock: Any
) -> None:
    async with connect(tls=trustme.CA()) as dvs:
        findings = await found(dvs, still_clock)
    assert list(findings) == ["connection"]
    assert findings["connection"].status is CheckStatus.BAD
    assert "SSL_CERT_FILE" in findings["connection"].fix


async def test_no_response_is_bad_and_what_to_check_is_named(still_clock: Any) -> None:
    async with AsyncDVS("http://127.0.0.1:9/v1", "key", "test-secret") as dvs:
        findings = await found(dvs, still_clock)
    assert list(findings) == ["connection"]
    assert "HTTPS_PROXY" in findings["connection"].fix
