"""One sandbox over a real socket for the whole folder, with a clock that only tests advance, and an HTTP client."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr, TypeAdapter

from bulk_topup.dvs import codec
from bulk_topup.dvs.models.account import Balance
from bulk_topup.dvs.models.catalogue import Country, LookupOperator, Operator, Service
from bulk_topup.dvs.models.product import PRODUCT
from bulk_topup.dvs.models.transaction import Transaction
from bulk_topup.sandbox import EmbeddedSandbox, SandboxConfig
from bulk_topup.sandbox.provider.provider import Provider

KEY, SECRET = "key", "secret"
PARTY = {"mobile_number": "+6595123555"}
PERSON = {"last_name": "Holt", "first_name": "Cleo", "nationality_country_iso_code": "GBR"}
#: What a request for each product needs besides its ID.
EXAMPLES: dict[int, dict[str, Any]] = {
    6418: {"destination": ("SGD", "5.5"), "credit_party_identifier": PARTY},
    3411: {"credit_party_identifier": PARTY},
    8803: {},
    8810: {"destination": ("EUR", "25")},
    7350: {
        "destination": ("NGN", "1500"),
        "credit_party_identifier": PARTY,
        "sender": PERSON,
        "beneficiary": {"last_name": "Abara", "first_name": "Chidi", "mobile_number": "+6595123556"},
    },
    6610: {
        "destination": ("INR", "199"),
        "credit_party_identifier": PARTY,
        "debit_party_identifier": {"mobile_number": "+442079460958"},
        "additional_identifier": {"purchaser_id": "till-0042"},
    },
    9105: {
        "destination": ("KES", "1500.25"),
        "credit_party_identifier": {"account_number": "30294429610", "account_qualifier": "PREPAID"},
        "statement_identifier": {"reference": "INV-1", "due_date": "2026-12-31"},
    },
    9240: {"destination": ("COP", "52000"), "credit_party_identifier": {"account_number": "778-1"}},
    9560: {},
    9565: {},
    9550: {"credit_party_identifier": {"account_number": "8944-500", "account_qualifier": "ICCID"}},
}
ANSWERS: dict[str, TypeAdapter[Any]] = {
    "product": PRODUCT,
    "transaction": TypeAdapter(Transaction),
    "balance": TypeAdapter(Balance),
    "service": TypeAdapter(Service),
    "country": TypeAdapter(Country),
    "operator": TypeAdapter(Operator),
    "lookup": TypeAdapter(LookupOperator),
}


class SteppedClock:
    """A clock that stops until a test advances it."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 1, 12, 0, 0, 123456, tzinfo=UTC)
        self.seconds = 1000.0

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self.set_forward(seconds)
        self.seconds += seconds

    def set_forward(self, seconds: float) -> None:
        """Set the wall clock; no time passes."""
        self.time += timedelta(seconds=seconds)


@pytest.fixture(scope="session")
def time() -> SteppedClock:
    """The clock of the folder's sandbox, whose delays are those of the reference."""
    return SteppedClock()


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., SandboxConfig]:
    """Return a function that creates a configuration with books in the temporary folder."""

    def make(**changes: Any) -> SandboxConfig:
        values: dict[str, Any] = {
            "api_key": KEY,
            "api_secret": SecretStr(SECRET),
            "time_scale": 1,
            "rate_limit": 0,
            "balances": {"USD": Decimal(1000), "EUR": Decimal(100)},
            "books": tmp_path / "books.jsonl",
        }
        return SandboxConfig(**values | changes)

    return make


@pytest.fixture
def open_provider(clock: Any, config: Callable[..., SandboxConfig]) -> Iterator[Callable[..., Provider]]:
    """Yield a function that opens a provider without a server; all of them are closed at the end."""
    opened: list[Provider] = []

    def start(**changes: Any) -> Provider:
        opened.append(Provider(config(**changes), clock))
        return opened[-1]

    yield start
    for provider in opened:
        provider.close()


@pytest.fixture(scope="session")
def running(time: SteppedClock) -> Iterator[EmbeddedSandbox]:
    """The sandbox of the folder; tests share it, so each checks only what it created."""
    balances = {"USD": Decimal(10_000_000), "EUR": Decimal("123.45"), "SGD": Decimal(0)}
    config = SandboxConfig(api_key=KEY, api_secret=SecretStr(SECRET), time_scale=1, rate_limit=0, balances=balances)
    with EmbeddedSandbox(config, time) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def api(running: EmbeddedSandbox) -> Iterator[httpx2.Client]:
    """An HTTP client of the folder's sandbox."""
    with httpx2.Client(base_url=running.base_url, auth=(KEY, SECRET)) as client:
        yield client


_numbers = count(1)


@pytest.fixture
def body() -> Callable[..., dict[str, Any]]:
    """Return a function that creates a valid request for a product, with changes; None omits a field."""

    def make(product_id: int = 6418, **changes: Any) -> dict[str, Any]:
        request: dict[str, Any] = {"external_id": f"test-{next(_numbers)}", "product_id": product_id}
        for name, value in EXAMPLES.get(product_id, EXAMPLES[3411]).items():
            request[name] = value
            if name == "destination":
                request["calculation_mode"] = "DESTINATION_AMOUNT"
                request[name] = {"unit_type": "CURRENCY", "unit": value[0], "amount": Decimal(value[1])}
        request |= changes
        return {name: value for name, value in request.items() if value is not None}

    return make


@pytest.fixture
def read() -> Callable[[str, httpx2.Response], Any]:
    """Return a function that reads a response, or each item of a list, with the model of the client."""

    def validate(kind: str, answer: httpx2.Response) -> Any:
        value = codec.decode(answer.content)
        model = ANSWERS[kind]
        return (
            [model.validate_python(item) for item in value] if isinstance(value, list) else model.validate_python(value)
        )

    return validate


@pytest.fixture
def post(api: httpx2.Client) -> Callable[..., httpx2.Response]:
    """Return a function that posts a body with exact decimals."""
    return lambda path, value=None: api.post(path, content=b"" if value is None else codec.encode(value))


@pytest.fixture
def create(
    post: Callable[..., httpx2.Response], read: Callable[..., Any], body: Callable[..., Any]
) -> Callable[..., Transaction]:
    """Return a function that creates a transaction and returns it as the client reads it."""

    def start(product_id: int = 6418, **changes: Any) -> Transaction:
        answer = post("/async/transactions", body(product_id, **changes))
        assert answer.status_code == 201, answer.text
        transaction: Transaction = read("transaction", answer)
        return transaction

    return start


@pytest.fixture
def refused() -> Callable[[httpx2.Response, int, int], None]:
    """Return a function that checks that a response is an error of the reference."""

    def check(answer: httpx2.Response, status: int, code: int) -> None:
        assert answer.status_code == status, answer.text
        [error] = answer.json()["errors"]
        assert error["code"] == code
        assert isinstance(error["message"], str)
        assert error["message"]
        assert answer.headers["content-type"].startswith("application/json")

    return check


@dataclass(frozen=True, kw_only=True)
class Started:
    """A `bulk-topup sandbox` in its own process."""

    program: Path
    process: subprocess.Popen[str]
    #: What it printed when it started to serve.
    printed: str
    base_url: str
    books_url: str
    auth: tuple[str, str]


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Yield a function that starts the command on a free port, or runs one that fails; at the end all are killed."""
    program = Path(sys.executable).with_name("bulk-topup")
    started: list[subprocess.Popen[str]] = []

    def start(*words: object, fails: bool = False) -> Any:
        process = subprocess.Popen(
            [program, "sandbox", "--port", "0", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )
        started.append(process)
        if fails:
            out, err = process.communicate(timeout=60)
            return subprocess.CompletedProcess(process.args, process.returncode, out, err)
        assert process.stdout is not None
        printed = "".join(iter(process.stdout.readline, "\n"))

        def find(pattern: str) -> str:
            found = re.search(pattern, printed)
            assert found, printed
            return found[1]

        return Started(
            program=program,
            process=process,
            printed=printed,
            base_url=find(r"running at (\S+)"),
            books_url=find(r"Its books: (\S+)"),
            auth=(find(r"DVS_API_KEY=(\S+)"), find(r"DVS_API_SECRET=(\S+)")),
        )

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
