"""Authentication, the rate limit, and responses to requests that match no endpoint."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from bulk_topup.sandbox import EmbeddedSandbox, SandboxConfig

Refused = Callable[[httpx2.Response, int, int], None]
PATHS = ("/v1/balances", "/v1/no-such-thing", "/sandbox/books")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("auth", [None, ("key", "wrong"), ("wrong", "secret"), ("key", ""), ("key", "secret ")])
def test_requests_without_the_api_credentials_are_refused(
    running: EmbeddedSandbox, refused: Refused, path: str, auth: tuple[str, str] | None
) -> None:
    answer = httpx2.get(running.address + path, auth=auth)
    refused(answer, 401, 1000401)
    assert answer.json() == {"errors": [{"code": 1000401, "message": "Unauthorized"}]}


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC", "bAsIc"])
def test_the_name_of_basic_authentication_has_no_case(running: EmbeddedSandbox, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} a2V5OnNlY3JldA=="}
    assert httpx2.get(f"{running.base_url}/balances", headers=headers).status_code == 200


@pytest.mark.parametrize("header", ["Bearer a2V5OnNlY3JldA==", "Basic", "Basic ////", "a2V5OnNlY3JldA=="])
def test_another_authentication_scheme_is_refused(running: EmbeddedSandbox, refused: Refused, header: str) -> None:
    refused(httpx2.get(f"{running.base_url}/balances", headers={"Authorization": header}), 401, 1000401)


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/nothing", "/products/", "/products/6418/more", "/transactions//cancel", "/lookup", "//", "/async"),
        *("/lookup/credit-party/benefits", "/lookup/credit-party/status", "/lookup/credit-party"),
    ],
)
def test_an_unknown_path_is_not_found(api: httpx2.Client, refused: Refused, path: str) -> None:
    refused(api.get(path), 404, 1000404)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/async/transactions"),
        ("POST", "/transactions"),
        ("DELETE", "/transactions/2237512891"),
        ("GET", "/transactions/2237512891/cancel"),
        ("PUT", "/products/6418"),
        ("GET", "/lookup/mobile-number"),
    ],
)
def test_a_wrong_method_is_a_bad_request(api: httpx2.Client, refused: Refused, method: str, path: str) -> None:
    refused(api.request(method, path), 400, 1000400)


@pytest.mark.parametrize("id_", ["0", "-1", "abc", "1.5", "9223372036854775808", "٣", "1" * 30])
@pytest.mark.parametrize("path", ["/transactions/{}", "/transactions/{}/cancel", "/async/transactions/{}/confirm"])
def test_an_id_that_is_not_a_positive_number_is_a_bad_request(
    api: httpx2.Client, refused: Refused, path: str, id_: str
) -> None:
    method = "GET" if path.endswith("{}") else "POST"
    refused(api.request(method, path.format(id_)), 400, 1000400)


@pytest.mark.parametrize("query", ["page=0", "page=x", "page=-1", "per_page=0", "per_page=101", "page=", "page=1.0"])
@pytest.mark.parametrize("path", ["products", "transactions", "balances", "services", "countries", "operators"])
def test_a_page_out_of_bounds_is_a_bad_request(api: httpx2.Client, refused: Refused, path: str, query: str) -> None:
    refused(api.get(f"/{path}?{query}"), 400, 1000400)


def test_a_body_that_is_too_long_is_a_bad_request_and_the_connection_stays_open(
    api: httpx2.Client, refused: Refused
) -> None:
    refused(api.post("/async/transactions", content=b" " * 1_000_000), 400, 1000400)
    assert api.get("/balances").status_code == 200


@pytest.fixture
def limited(time: Any, config: Callable[..., SandboxConfig]) -> Iterator[httpx2.Client]:
    """A client of a sandbox that serves three requests per second."""
    with EmbeddedSandbox(config(rate_limit=3), time) as sandbox:
        with httpx2.Client(base_url=sandbox.base_url, auth=("key", "secret")) as client:
            yield client


def _rate(answer: httpx2.Response) -> tuple[int, str, str]:
    headers = answer.headers
    return answer.status_code, headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"]


def test_the_limit_can_be_changed_while_it_serves(limited: httpx2.Client, time: Any, refused: Refused) -> None:
    time.advance(1)
    url = str(limited.base_url).replace("/v1/", "/sandbox/rate-limit")
    assert limited.get(url).json() == {"limit": 3}
    assert _rate(limited.get("/balances")) == (200, "3", "2")
    assert limited.put(url, json={"limit": 1}).json() == {"limit": 1}
    answer = limited.get("/balances")
    refused(answer, 429, 1000429)
    assert _rate(answer) == (429, "1", "0")
    for wrong in (b"1", b'{"limit": -1}', b'{"limit": true}', b"{"):
        refused(limited.put(url, content=wrong), 400, 1000400)


def test_each_second_serves_as_many_requests_as_the_limit(limited: httpx2.Client, time: Any, refused: Refused) -> None:
    time.advance(1)
    assert [_rate(limited.get(path)) for path in ("/balances", "/nothing", "/transactions?page=0")] == [
        (200, "3", "2"),
        (404, "3", "1"),
        (400, "3", "0"),
    ]
    answer = limited.get("/balances")
    refused(answer, 429, 1000429)
    assert _rate(answer) == (429, "3", "0")
    assert answer.headers["retry-after"] == "1"
    time.advance(1)
    assert _rate(limited.get("/balances")) == (200, "3", "2")


def test_a_429_has_no_effect(limited: httpx2.Client, time: Any, body: Any, refused: Refused) -> None:
    time.advance(1)
    for _ in range(3):
        limited.get("/balances")
    request = body(3411)
    refused(limited.post("/async/transactions", json=request), 429, 1000429)
    time.advance(1)
    assert limited.get("/transactions", params={"external_id": request["external_id"]}).json() == []
    assert limited.get("/balances").json()[0]["holding"] == 0
    assert limited.post("/async/transactions", json=request).status_code == 201


def test_unauthenticated_requests_do_not_count_against_the_limit(limited: httpx2.Client, time: Any) -> None:
    time.advance(1)
    for _ in range(5):
        assert limited.get("/balances", auth=("key", "wrong")).status_code == 401
    assert _rate(limited.get("/balances")) == (200, "3", "2")


def test_without_a_limit_responses_have_no_rate_limit_headers(api: httpx2.Client) -> None:
    assert not [name for name in api.get("/balances").headers if "ratelimit" in name]


def test_a_sandbox_stops_although_clients_keep_their_connections_open(time: Any, config: Any) -> None:
    with httpx2.Client(auth=("key", "secret")) as client:
        with EmbeddedSandbox(config(), time) as sandbox:
            assert client.get(sandbox.books_url).status_code == 200
        with pytest.raises(httpx2.ConnectError):
            client.get(sandbox.books_url)
