"""Faults: what a client observes, what the books contain, and that the same requests meet the same faults."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.cli.commands.sandbox import sandbox_command
from bulk_topup.errors import ConfigurationError
from bulk_topup.sandbox import EmbeddedSandbox, SandboxConfig
from bulk_topup.sandbox.fault_base import LONGEST_WAIT
from bulk_topup.sandbox.fault_parser import load_faults, make_faults, parse_fault, read_faults
from bulk_topup.sandbox.faults import (
    KINDS,
    AnyFault,
    Drop,
    Faults,
    Latency,
    Reset,
    Restart,
    Stall,
    StatusBefore,
    Throttle,
)

AUTH = ("key", "secret")
CREATE = "/v1/async/transactions"
CARD = {"product_id": 8803, "auto_confirm": True}


class Trial:
    """A sandbox whose faults a test sets, with a client that survives dropped connections."""

    def __init__(self, sandbox: EmbeddedSandbox, client: httpx2.Client) -> None:
        self.sandbox = sandbox
        self.client = client

    def set(self, *faults: str) -> None:
        """Replace the faults."""
        values = Faults([parse_fault(fault) for fault in faults], keeps_books=True).report()
        answer = self.client.put("/sandbox/faults", json=[value["fault"] for value in values])
        assert answer.status_code == 200, answer.text

    def create(self, external_id: str) -> httpx2.Response:
        """Buy a gift card."""
        return self.client.post(CREATE, json=CARD | {"external_id": external_id})

    def created(self) -> list[str]:
        """Return the external IDs of the transactions in the provider's books."""
        books = self.client.get("/sandbox/books").json()
        return [transaction["external_id"] for transaction in books["transactions"]]

    def counts(self) -> list[tuple[int, int]]:
        """Return how often each fault was met and used."""
        return [(entry["met"], entry["used"]) for entry in self.client.get("/sandbox/faults").json()]


@contextmanager
def _serving(config: SandboxConfig, clock: Any) -> Iterator[Trial]:
    with (
        EmbeddedSandbox(config, clock) as sandbox,
        httpx2.Client(base_url=sandbox.address, auth=AUTH) as client,
    ):
        yield Trial(sandbox, client)


@pytest.fixture
def trial(config: Callable[..., SandboxConfig], clock: Any) -> Iterator[Trial]:
    """A sandbox with its own books and a clock that tests advance."""
    with _serving(config(), clock) as started:
        yield started


def test_without_faults_nothing_is_counted_and_requests_succeed(trial: Trial) -> None:
    assert trial.counts() == []
    assert trial.create("a").status_code == 201


def test_a_reset_happens_before_the_request_is_processed(trial: Trial) -> None:
    trial.set("reset first=2")
    with pytest.raises(httpx2.ReadError, match="reset"):
        trial.client.get("/v1/balances")
    with pytest.raises(httpx2.TransportError):
        trial.create("a")
    assert trial.created() == []
    assert trial.create("a").status_code == 201


def test_a_dropped_request_is_processed_and_has_no_response(trial: Trial) -> None:
    trial.set("drop POST /async/transactions first=1")
    with pytest.raises(httpx2.RemoteProtocolError):
        trial.create("a")
    assert trial.created() == ["a"]
    assert trial.create("a").json()["errors"][0]["code"] == 1007001


def test_a_half_response_is_its_first_half(trial: Trial) -> None:
    trial.set("half first=1")
    parts: list[bytes] = []
    with trial.client.stream("POST", CREATE, json=CARD | {"external_id": "a"}) as answer:
        assert answer.status_code == 201
        with pytest.raises(httpx2.RemoteProtocolError):
            parts.extend(answer.iter_raw())
    got = b"".join(parts)
    assert len(got) == int(answer.headers["content-length"]) // 2
    assert got.startswith(b'{"id":')
    assert trial.created() == ["a"]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_request_with_an_error_before_is_not_processed_and_one_with_an_error_after_is(
    trial: Trial, status: int
) -> None:
    trial.set(f"status_before status={status} first=1")
    before = trial.create("before")
    trial.set(f"status_after status={status} first=1")
    after = trial.create("after")
    assert (before.status_code, after.status_code) == (status, status)
    assert before.content == after.content
    assert before.headers["content-type"].partition(";")[0] == (
        "application/json" if status in {500, 503} else "text/html"
    )
    assert trial.created() == ["after"]


def test_a_throttled_response_has_retry_after_only_if_the_fault_sets_it(trial: Trial) -> None:
    trial.set("throttle retry_after=7 first=1", "throttle first=2")
    with_header, without_header = trial.create("a"), trial.create("a")
    assert (with_header.status_code, with_header.headers["retry-after"]) == (429, "7")
    assert with_header.json() == {"errors": [{"code": 1000429, "message": "Too many requests"}]}
    assert without_header.status_code == 429
    assert "retry-after" not in without_header.headers
    assert trial.created() == []
    assert trial.counts() == [(2, 1), (2, 1)]


def test_waits_are_real_seconds_whatever_the_time_scale(config: Callable[..., SandboxConfig], clock: Any) -> None:
    with _serving(config(time_scale=0.001), clock) as trial:
        trial.set("latency seconds=4", "latency seconds=2", "stall seconds=30 first=1")
        assert trial.create("a").status_code == 201
    assert clock.slept == [6, 30]


def test_a_stalled_response_is_complete_and_shows_the_state_before_the_wait(trial: Trial) -> None:
    trial.set("stall seconds=60 first=1")
    assert trial.create("a").json()["status"]["message"] == "CONFIRMED"
    assert trial.client.get("/v1/transactions/2237512891").json()["status"]["message"] == "COMPLETED"


@pytest.mark.parametrize(("parts", "waits"), [(2, 1), (7, 6), (1000, None)])
def test_a_slow_body_is_the_same_body_in_parts(trial: Trial, clock: Any, parts: int, waits: int | None) -> None:
    whole = trial.client.get("/v1/services").content
    trial.set(f"slow_body parts={parts} seconds=0.5")
    assert trial.client.get("/v1/services").content == whole
    assert set(clock.slept) == {0.5}
    assert waits is None or len(clock.slept) == waits
    assert len(clock.slept) < parts


def test_a_restart_keeps_the_books_and_the_faults_and_drops_every_connection(trial: Trial) -> None:
    with httpx2.Client(base_url=trial.sandbox.address, auth=AUTH) as bystander:
        bystander.get("/v1/balances")
        trial.set("restart POST /async/transactions first=1")
        with pytest.raises(httpx2.TransportError):
            trial.create("a")
        while True:
            with suppress(httpx2.TransportError):
                assert trial.created() == ["a"]
                break
        assert bystander.get("/v1/balances").status_code == 200
    assert trial.counts() == [(1, 1)]
    assert trial.create("b").status_code == 201


def test_a_sandbox_that_is_down_can_be_stopped(config: Callable[..., SandboxConfig]) -> None:
    with _serving(config(faults=[Restart(seconds=LONGEST_WAIT)]), None) as trial:
        with pytest.raises(httpx2.TransportError):
            trial.create("a")


def test_a_sandbox_that_stops_cancels_its_waits_and_prints_nothing(command: Callable[..., Any]) -> None:
    started = command(
        "--fault", "latency /services seconds=600", "--fault", "drop first=1", "--fault", "reset /services"
    )
    with httpx2.Client(base_url=started.base_url, auth=started.auth) as client:
        with pytest.raises(httpx2.RemoteProtocolError):
            client.get("/balances")
        with suppress(httpx2.ReadTimeout):
            client.get("/services", timeout=httpx2.Timeout(60, read=0.1))
        started.process.send_signal(signal.SIGTERM)
        out, err = started.process.communicate(timeout=30)
    assert (started.process.returncode, out, err) == (0, "", "")


def test_faults_are_shown_set_and_cleared_while_it_runs_and_never_hit_these_requests(trial: Trial) -> None:
    trial.set("reset", "drop GET /transactions/* every=2")
    assert trial.client.get("/sandbox/faults").json() == [
        {"fault": {"kind": "reset"}, "met": 0, "used": 0},
        {"fault": {"kind": "drop", "method": "GET", "path": "/transactions/*", "every": 2}, "met": 0, "used": 0},
    ]
    assert trial.client.delete("/sandbox/faults").json() == []
    assert trial.create("a").status_code == 201
    assert httpx2.get(f"{trial.sandbox.address}/sandbox/faults").status_code == 401


@pytest.mark.parametrize("body", ["", "{}", '[{"kind": "boom"}]', '[{"kind": "drop", "probability": 2}]', "[" * 2000])
def test_a_body_that_is_not_a_list_of_faults_is_a_bad_request_and_changes_nothing(
    trial: Trial, refused: Callable[[httpx2.Response, int, int], None], body: str
) -> None:
    trial.set("drop GET /transactions/*")
    refused(trial.client.put("/sandbox/faults", content=body), 400, 1000400)
    assert len(trial.counts()) == 1


def test_a_restart_without_books_is_refused_in_settings_and_requests(
    config: Callable[..., SandboxConfig], clock: Any, refused: Callable[[httpx2.Response, int, int], None]
) -> None:
    with pytest.raises(ConfigurationError, match="--books"):
        EmbeddedSandbox(config(books=None, faults=[Restart()]))
    with _serving(config(books=None), clock) as trial:
        refused(trial.client.put("/sandbox/faults", json=[{"kind": "restart"}]), 400, 1000400)


def test_the_command_reads_faults_from_words_and_from_a_file(command: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "faults.toml").write_text('[[fault]]\nkind = "throttle"\nfirst = 1\nretry_after = 0\n')
    started = command("--faults", "faults.toml", "--fault", "status_before GET /balances status=504 first=1")
    with httpx2.Client(base_url=started.base_url, auth=started.auth) as client:
        assert [client.get("/balances").status_code for _ in range(3)] == [504, 200, 200]
        assert client.get("/services").status_code == 200


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--fault", "boom"), 2, "unknown kind. Start with one of latency, stall"),
        (("--fault", "drop probability=2"), 2, "<= 1.0"),
        (("--faults", "missing.toml"), 3, "Can't read fault file missing.toml: No such file"),
    ],
)
def test_an_invalid_fault_is_an_error(words: tuple[str, ...], code: int, says: str) -> None:
    ended = CliRunner().invoke(sandbox_command, words)
    assert ended.exit_code == code
    assert says in ended.output


def test_the_command_cannot_restart_without_books(command: Callable[..., Any]) -> None:
    ended = command("--fault", "restart", fails=True)
    assert (ended.returncode, ended.stderr.count("\n")) == (3, 1)
    assert "loses all payments. Add --books" in ended.stderr


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "unknown kind"),
        ("drop twice", '"twice" is not a setting'),
        ("drop FETCH", "FETCH"),
        ("drop GET POST", "method appears twice"),
        ("drop first=1 every=2", "only one of probability, first and every"),
        ("drop first=0", ">= 1"),
        ("drop seconds=1", "unknown field `seconds`"),
        ("latency", "missing required field `seconds`"),
        ("latency seconds=nan", "seconds"),
        ("latency seconds=601", "<= 600"),
        ("latency seconds=1 spread=1", "fixed has no spread"),
        ("status_before status=404", "404"),
        ("slow_body parts=1", ">= 2"),
        ("throttle retry_after=soon", "retry_after"),
    ],
)
def test_an_error_quotes_the_words_that_are_not_a_fault(text: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_fault(text)
    assert says in str(caught.value)
    assert f'Fault "{text}"' in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_the_same_in_words_and_in_json(kind: str) -> None:
    words = f"{kind} POST /async/transactions/*/confirm probability=0.25 seed=7"
    more = {"seconds": 0.5} if kind in {"latency", "stall"} else {}
    fault = parse_fault(" ".join((words, *(f"{name}={value}" for name, value in more.items()))))
    [entry] = Faults([fault], keeps_books=True).report()
    assert make_faults([entry["fault"]], "It") == [fault]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[fault]]\nkind = 'boom'\n", "Kinds are latency"),
        ("kind = 'drop'\n", "must contain [[fault]] tables and nothing else"),
        ("[fault]\nkind = 'drop'\n", "is not a list of faults"),
        ("[[fault\n", "not valid TOML"),
    ],
)
def test_an_error_names_the_file_that_contains_anything_else(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_faults(path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)


def test_more_than_100_faults_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="100"):
        read_faults(b"[" + b",".join([b'{"kind":"drop"}'] * 101) + b"]")


@pytest.mark.parametrize(
    ("fault", "method", "path", "matches"),
    [
        (Reset(), "GET", "/v1/balances", True),
        (Reset(method="GET"), "POST", "/v1/balances", False),
        (Reset(path="/balances"), "GET", "/v1/balances", True),
        (Reset(path="/balances"), "GET", "/v1/balances/1", False),
        (Reset(path="/transactions/*"), "GET", "/v1/transactions/22", True),
        (Reset(path="/transactions/*"), "GET", "/v1/transactions", False),
        (Reset(path="/transactions/*"), "POST", "/v1/transactions/22/cancel", False),
        (Reset(path="/transactions/*/cancel"), "POST", "/v1/transactions/22/cancel", True),
        (Reset(path="/a.b"), "GET", "/v1/axb", False),
    ],
)
def test_method_and_path_select_requests(fault: AnyFault, method: str, path: str, matches: bool) -> None:
    assert fault.matches(method, path) is matches


def _happened(faults: Faults, count: int) -> list[object]:
    return [each and each.fault for each in (faults.inject("POST", CREATE) for _ in range(count))]


@given(seed=st.integers(-(2**63), 2**63 - 1), probability=st.floats(0, 1), count=st.integers(1, 50))
def test_the_same_sequence_meets_the_same_faults_whatever_other_requests_arrive(
    seed: int, probability: float, count: int
) -> None:
    drop = Drop(method="POST", seed=seed, probability=probability)
    one, other = (Faults([drop], keeps_books=False) for _ in range(2))
    for _ in range(3):
        other.inject("GET", "/v1/balances")
    assert _happened(one, count) == _happened(other, count)


def test_another_seed_hits_other_requests_and_the_share_is_the_probability() -> None:
    happened = [
        [drop is not None for drop in _happened(Faults([Drop(seed=seed, probability=0.3)], keeps_books=False), 2000)]
        for seed in (1, 2)
    ]
    assert happened[0] != happened[1]
    assert all(500 < sum(drops) < 700 for drops in happened)


def test_first_and_every_select_requests_by_their_number() -> None:
    assert [bool(drop) for drop in _happened(Faults([Drop(first=2)], keeps_books=False), 4)] == [
        True,
        True,
        False,
        False,
    ]
    assert [bool(drop) for drop in _happened(Faults([Drop(every=3)], keeps_books=False), 6)] == [False, False, True] * 2


def test_the_first_fault_that_hits_is_injected_and_latencies_add_up() -> None:
    refuse = StatusBefore()
    faults = Faults([Latency(seconds=1), Throttle(every=2), Latency(seconds=0.5), refuse], keeps_books=False)
    injections = [faults.inject("POST", CREATE) for _ in range(2)]
    assert [each and each.fault for each in injections] == [refuse, Throttle(every=2)]
    assert [each and each.latency for each in injections] == [1.5, 1.5]
    assert [(count.met, count.used) for count in faults.counts] == [(2, 2), (2, 1), (2, 2), (2, 1)]


@given(
    seconds=st.floats(0, LONGEST_WAIT),
    spread=st.floats(0, LONGEST_WAIT),
    distribution=st.sampled_from(["fixed", "uniform", "exponential", "lognormal"]),
    number=st.integers(1, 1000),
)
def test_every_wait_is_limited_and_the_same_each_time(
    seconds: float, spread: float, distribution: Any, number: int
) -> None:
    spread = spread if distribution in {"uniform", "lognormal"} else 0.0
    stall = Stall(seconds=seconds, spread=spread, distribution=distribution)
    assert 0 <= stall.wait(number) <= LONGEST_WAIT
    assert stall.wait(number) == stall.wait(number)


@pytest.mark.parametrize(
    ("distribution", "spread", "quarter", "half"),
    [("uniform", 2, 9, 10), ("exponential", 0, 2.877, 6.931), ("lognormal", 0.5, 7.137, 10)],
)
def test_waits_follow_their_distribution(distribution: Any, spread: float, quarter: float, half: float) -> None:
    latency = Latency(seconds=10, spread=spread, distribution=distribution)
    waits = sorted(latency.wait(number) for number in range(1, 2001))
    assert waits[500] == pytest.approx(quarter, rel=0.1)
    assert waits[1000] == pytest.approx(half, rel=0.1)


@pytest.mark.parametrize("fault", ["page_before", "page_after"])
@pytest.mark.parametrize(
    ("body", "start"), [("html", b"<html>"), ("text", b"403 up"), ("json", b'{"stat'), ("empty", b"")]
)
def test_a_page_of_a_gateway_has_any_status_and_no_error_of_the_api(
    trial: Trial, fault: str, body: str, start: bytes
) -> None:
    trial.set(f"{fault} POST /async/transactions status=403 body={body}")
    answer = trial.create(f"page-{fault}-{body}")
    assert (answer.status_code, answer.content[:6]) == (403, start)
    assert trial.created() == ([f"page-{fault}-{body}"] if fault == "page_after" else [])


def test_an_odd_status_keeps_the_code_of_an_error_and_changes_no_success(trial: Trial) -> None:
    trial.set("odd_status POST /async/transactions status=422")
    assert trial.create("odd-1").status_code == 201
    again = trial.create("odd-1")
    assert (again.status_code, again.json()["errors"][0]["code"]) == (422, 1007001)


def _airtime(trial: Trial, external_id: str) -> dict[str, Any]:
    body = {
        "external_id": external_id,
        "product_id": 3411,
        "auto_confirm": True,
        "credit_party_identifier": {"mobile_number": "+6595123555"},
    }
    answer: dict[str, Any] = trial.client.post(CREATE, json=body).raise_for_status().json()
    return answer


@pytest.mark.parametrize(
    ("spelling", "number"),
    [
        ("digits", "6595123555"),
        ("spaced", "+65 9512 3555"),
        ("dialled", "006595123555"),
        ("national", "95123555"),
        ("null", None),
        ("another", "+6595123556"),
    ],
)
def test_an_echo_spells_the_credited_number_otherwise(trial: Trial, spelling: str, number: str | None) -> None:
    trial.set(f"echo spelling={spelling}")
    assert _airtime(trial, "echo-1")["credit_party_identifier"]["mobile_number"] == number
    [listed] = trial.client.get("/v1/transactions").json()
    assert listed["credit_party_identifier"]["mobile_number"] == number


def test_a_list_that_lags_lacks_what_is_young_and_single_transactions_do_not(trial: Trial, clock: Any) -> None:
    trial.set("lag seconds=60")
    made = _airtime(trial, "lag-1")
    assert trial.client.get("/v1/transactions?external_id=lag-1").json() == []
    assert trial.client.get(f"/v1/transactions/{made['id']}").json()["external_id"] == "lag-1"
    clock.seconds += 60
    assert len(trial.client.get("/v1/transactions?external_id=lag-1").json()) == 1


def test_prices_are_missing_negative_or_foreign_in_the_transactions_that_are_meant(trial: Trial, clock: Any) -> None:
    trial.set("prices price=negative")
    made = _airtime(trial, "price-1")
    assert made["prices"]["wholesale"]["amount"] < 0
    trial.set("prices price=foreign when=open")
    assert trial.client.get(f"/v1/transactions/{made['id']}").json()["prices"]["wholesale"]["unit"] == "XTS"
    clock.seconds += 60
    assert trial.client.get(f"/v1/transactions/{made['id']}").json()["prices"]["wholesale"]["unit"] == "USD"
    trial.set("prices when=final")
    assert "prices" not in trial.client.get(f"/v1/transactions/{made['id']}").json()


def test_transactions_of_others_come_first_in_a_list_and_can_not_be_read(trial: Trial) -> None:
    trial.set("foreign")
    made = _airtime(trial, "own-1")
    listed = trial.client.get("/v1/transactions").json()
    assert [each["external_id"] if isinstance(each, dict) else each for each in listed] == [
        None,
        17,
        "foreign-1",
        "transaction",
        "own-1",
    ]
    assert trial.client.get(f"/v1/transactions/{made['id']}").json()["external_id"] == "own-1"
    assert all("external_id" not in each for each in trial.client.get("/v1/operators").json())


@pytest.mark.parametrize(("entries", "found"), [("repeated", ["a", "a", "b"]), ("lost", ["b"])])
def test_pages_shift_by_an_entry(trial: Trial, entries: str, found: list[str]) -> None:
    for id_ in "ab":
        _airtime(trial, id_)
    trial.set(f"shift entries={entries}")
    assert [each["external_id"] for each in trial.client.get("/v1/transactions").json()] == found
    assert len(trial.client.get("/v1/transactions?external_id=a").json()) == 1


def test_a_header_has_an_absurd_value(trial: Trial) -> None:
    trial.set("odd_header name=X-Total-Pages value=empty")
    response = trial.client.get("/v1/transactions")
    assert (response.headers["X-Total-Pages"], response.headers["X-Page"]) == ("", "1")
    trial.set("odd_header value=huge")
    assert trial.client.get("/v1/transactions").headers["X-Ratelimit-Limit"] == "99999999999999999999"


def test_a_latency_of_the_sandbox_delays_each_request_to_the_api_beside_the_faults(
    config: Callable[..., SandboxConfig], clock: Any
) -> None:
    with EmbeddedSandbox(config(latency=4), clock) as sandbox, httpx2.Client(auth=AUTH) as api:
        services, faults = f"{sandbox.base_url}/services", f"{sandbox.address}/sandbox/faults"
        before = clock.seconds
        assert api.get(services).status_code == 200
        assert clock.seconds - before == 4
        api.put(faults, json=[{"kind": "latency", "seconds": 2}])
        api.get(services)
        assert clock.seconds - before == 10
        api.delete(faults)
        api.get(services)
        assert clock.seconds - before == 14
