"""The probe of a test environment: what it checks, what it leaves behind, and what its report never has."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from bulk_topup.app.doctor import ProbeReport, check_may_probe, probe_provider
from bulk_topup.app.doctor.beliefs import Belief, ProbeFinding
from bulk_topup.app.doctor.probe_findings import OF_CREATED
from bulk_topup.app.doctor.shapes import shape_of
from bulk_topup.cli.screens.probe import probe_json
from bulk_topup.domain.environment import Environment, ProviderOptions
from bulk_topup.dvs import AsyncDVS, NoResponseError, RetryPolicy, UnauthorizedError, codec
from bulk_topup.dvs.transports.base import HTTPRequest, HTTPResponse
from bulk_topup.errors import ConfigurationError
from bulk_topup.sandbox import EmbeddedSandbox, SandboxConfig
from bulk_topup.sandbox.fault_parser import parse_fault

pytestmark = pytest.mark.anyio

#: What the tests' sandbox is not like: its time runs faster, and the test's clock stands elsewhere.
OTHERWISE = {Belief.EXPIRY, Belief.CLOCK}


def _by_belief(report: ProbeReport) -> dict[Belief, ProbeFinding]:
    return {each.belief: each for each in report.findings}


@pytest.fixture
async def report(sandbox: Any, credentials: tuple[str, str], clock: Any) -> ProbeReport:
    async with AsyncDVS(sandbox.base_url, *credentials, rate=1000) as dvs:
        return await probe_provider(dvs, clock, nonce="0f3a")


async def test_every_belief_is_checked_and_the_sandbox_is_as_believed(report: ProbeReport) -> None:
    seen = _by_belief(report)
    assert set(seen) == set(Belief)
    assert len(report.findings) == len(Belief)
    unlike = {belief: each.seen for belief, each in seen.items() if each.agrees is not True}
    # Without a rate limit there is no period either.
    assert set(unlike) <= OTHERWISE | {Belief.RATE_LIMIT_STATED, Belief.RATE_LIMIT_PERIOD}, unlike
    assert report.differences == sum(each.agrees is False for each in report.findings) > 0


async def test_a_probe_confirms_only_the_test_numbers_and_leaves_nothing_on_hold(
    report: ProbeReport, sandbox: Any, credentials: tuple[str, str]
) -> None:
    assert report.findings
    transactions = httpx2.get(f"{sandbox.base_url}/transactions", auth=credentials).json()
    messages = sorted(each["status"]["message"] for each in transactions)
    assert messages == ["CANCELLED", "COMPLETED", "DECLINED-INVALID-CREDIT-PARTY"]
    balances = httpx2.get(f"{sandbox.base_url}/balances", auth=credentials).json()
    assert {each["holding"] for each in balances} == {0}


async def test_the_report_has_no_secrets_numbers_ids_and_amounts(
    report: ProbeReport, sandbox: Any, credentials: tuple[str, str]
) -> None:
    text = json.dumps(probe_json(report, Environment.PREPROD))
    transactions = httpx2.get(f"{sandbox.base_url}/transactions", auth=credentials).json()
    assert len(transactions) == 3
    for each in transactions:
        party = each["credit_party_identifier"]["mobile_number"]
        for hidden in (each["external_id"], str(each["id"]), party, party.removeprefix("+")):
            assert hidden not in text
    for hidden in (*credentials, sandbox.base_url, "127.0.0.1", "0f3a"):
        assert hidden not in text


def test_a_shape_has_names_and_types_and_no_value() -> None:
    body = {"id": 7, "on": True, "rate": 0.5, "name": "Amina", "none": None, "list": [{"pin": "1234"}], "empty": []}
    assert shape_of(body) == {
        "empty": [],
        "id": "whole number",
        "list": [{"pin": "text"}],
        "name": "text",
        "none": "null",
        "on": "boolean",
        "rate": "number",
    }
    deep: Any = "end"
    for _ in range(100):
        deep = [deep]
    assert "end" not in json.dumps(shape_of(deep))


@pytest.mark.parametrize(
    ("environment", "base_url"),
    [
        (Environment.PRODUCTION, None),
        (Environment.PRODUCTION, "http://127.0.0.1:1/v1"),
        (Environment.PREPROD, "https://dvs-api.dtone.com/v1"),
        (Environment.SANDBOX, "https://DVS-API.dtone.com:443/v1"),
    ],
)
def test_production_is_never_probed(environment: Environment, base_url: str | None) -> None:
    options = ProviderOptions(
        environment=environment, base_url=base_url, credentials=None, timeout=60.0, ledger=Path("ledger.db")
    )
    with pytest.raises(ConfigurationError, match="--env preprod"):
        check_may_probe(options)


async def test_what_cannot_be_checked_is_named_as_such(answering: Callable[..., Any], clock: Any) -> None:
    async with answering(body="[]") as dvs:
        report = await probe_provider(dvs, clock, nonce="0f3a")
    seen = _by_belief(report)
    assert set(seen) == set(Belief)
    assert seen[Belief.DUPLICATE_ANSWER].agrees is None
    assert seen[Belief.UNKNOWN_TRANSACTION].agrees is False
    assert "no mobile top-up" in str(report.shapes["stopped in unconfirmed"])


async def test_without_a_response_or_with_refused_credentials_nothing_is_probed(
    answering: Callable[..., Any], clock: Any
) -> None:
    refusal = '{"errors":[{"code":1000401,"message":"Unauthorized"}]}'
    async with answering("401 Unauthorized", body=refusal) as dvs:
        with pytest.raises(UnauthorizedError):
            await probe_provider(dvs, clock, nonce="0f3a")
    async with AsyncDVS("http://127.0.0.1:9/v1", "key", "secret", retries=RetryPolicy(tries=1), clock=clock) as dvs:
        with pytest.raises(NoResponseError):
            await probe_provider(dvs, clock, nonce="0f3a")


@pytest.fixture
def probe(time_scale: float, credentials: tuple[str, str], clock: Any) -> Callable[..., Any]:
    """Return a function that probes a sandbox with faults, and returns findings and the classes of transactions."""

    async def run(*faults: str) -> tuple[dict[Belief, ProbeFinding], list[str]]:
        key, secret = credentials
        config = SandboxConfig(
            time_scale=time_scale,
            rate_limit=0,
            api_key=key,
            api_secret=SecretStr(secret),
            faults=tuple(map(parse_fault, faults)),
        )
        with EmbeddedSandbox(config) as sandbox:
            async with AsyncDVS(sandbox.base_url, key, secret, rate=1000, clock=clock, timeout=10) as dvs:
                report = await probe_provider(dvs, clock, nonce="0f3a")
            books = httpx2.get(sandbox.books_url, auth=credentials).json()
        assert all(each.agrees is None for each in report.findings if each.seen.startswith("not checked"))
        return _by_belief(report), sorted(each["status_class"] for each in books["transactions"])

    return run


@pytest.mark.parametrize(
    ("field", "value"), [("external_id", "of-another"), ("id", "7/confirm"), ("id", True), ("external_id", None)]
)
async def test_a_probe_touches_no_transaction_that_may_be_anothers(
    sandbox: Any, credentials: tuple[str, str], clock: Any, monkeypatch: pytest.MonkeyPatch, field: str, value: object
) -> None:
    async with AsyncDVS(sandbox.base_url, *credentials, rate=1000) as dvs:
        exchange, paths = dvs.exchange, []

        async def lie(request: HTTPRequest, **more: Any) -> HTTPResponse:
            paths.append(request.path)
            response = await exchange(request, **more)
            if request.method != "POST":
                return response
            return replace(response, body=codec.encode({**codec.decode(response.body), field: value}))

        monkeypatch.setattr(dvs, "exchange", lie)
        seen = _by_belief(await probe_provider(dvs, clock, nonce="0f3a"))
    assert {path for path in paths if path.startswith(("/transactions/", "/async/transactions/"))} == {
        "/transactions/999999999"  # which nobody has
    }
    for belief in (Belief.CANCELLATION, Belief.CONFIRMATION_TOO_LATE, Belief.BALANCE_RELEASE, Belief.FINAL_COMPLETED):
        assert seen[belief].seen == "not checked (the answer is not about the probe's transaction)"


async def test_a_throttled_probe_waits_and_asks_again(probe: Callable[..., Any]) -> None:
    seen, transactions = await probe("throttle every=3 retry_after=2")
    unlike = {belief for belief, each in seen.items() if each.agrees is not True}
    assert unlike <= OTHERWISE | {Belief.RATE_LIMIT_STATED, Belief.RATE_LIMIT_PERIOD}
    assert transactions == ["CANCELLED", "COMPLETED", "DECLINED"]


@pytest.mark.parametrize(
    ("request_", "beliefs"),
    [
        ("GET /products", {Belief.PAGE_HEADERS, Belief.RATE_LIMIT_STATED, Belief.CLOCK, Belief.DUPLICATE_ANSWER}),
        ("GET /services", {Belief.RATE_LIMIT_PERIOD}),
        ("GET /transactions", {Belief.LIST_LAG}),
        ("GET /transactions/*", {Belief.UNKNOWN_TRANSACTION, Belief.FINAL_COMPLETED, Belief.FINAL_DECLINED}),
        ("POST /async/transactions", {*OF_CREATED, Belief.UNKNOWN_PRODUCT, Belief.INVALID_REQUEST}),
        ("POST /transactions/*/cancel", {Belief.CANCELLATION, Belief.CONFIRMATION_TOO_LATE, Belief.BALANCE_RELEASE}),
        ("POST /async/transactions/*/confirm", {Belief.CONFIRMATION_TOO_LATE}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize(
    "fault",
    [
        "throttle {} retry_after=400",
        "status_before {} status=503",
        "page_before {} status=404 body=html",
        "page_before {} status=403 body=empty",
        "reset {}",
    ],
)
async def test_an_answer_that_says_nothing_contradicts_no_belief(
    probe: Callable[..., Any], fault: str, request_: str, beliefs: set[Belief]
) -> None:
    seen, transactions = await probe(fault.format(request_))
    contradicted = {belief for belief, each in seen.items() if each.agrees is False}
    assert contradicted <= OTHERWISE | {Belief.RATE_LIMIT_STATED}
    assert {belief for belief in beliefs if seen[belief].agrees is not None} == set()
    if "GET" not in request_:
        why = next(seen[belief].seen for belief in beliefs)
        assert why.startswith("not checked (")
    assert "CONFIRMED" not in transactions
    assert transactions.count("COMPLETED") <= 1  # the one that is confirmed at once
