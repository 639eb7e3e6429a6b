"""A provider that fails in every way while a list is paid, and a run that is killed halfway."""

import json
import signal
import subprocess
import urllib.request
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROWS = 150
EVERY_KIND = [
    {"kind": "drop", "method": "POST", "path": "/async/transactions", "probability": 0.1},
    {"kind": "half", "method": "POST", "path": "/async/transactions", "probability": 0.05},
    {"kind": "status_after", "method": "POST", "path": "/async/transactions", "probability": 0.05, "status": 502},
    {"kind": "status_before", "probability": 0.05, "status": 503},
    {"kind": "reset", "probability": 0.05},
    {"kind": "throttle", "probability": 0.05},
    {"kind": "stall", "method": "POST", "path": "/async/transactions", "every": 40, "seconds": 3},
    {"kind": "slow_body", "probability": 0.02, "parts": 3, "seconds": 0.01},
    {"kind": "latency", "probability": 0.2, "seconds": 0.01},
    {"kind": "restart", "method": "POST", "path": "/async/transactions", "every": 100, "seconds": 0.1},
]


@pytest.mark.parametrize("seed", [1, 2])
def test_every_row_is_paid_once_whatever_the_provider_and_the_network_do(
    start: Callable[..., subprocess.Popen[str]],
    options: tuple[str, ...],
    pay: Any,
    books: Any,
    results: Any,
    agree: Any,
    wait_until: Any,
    sandbox: Any,
    credentials: tuple[str, str],
    tmp_path: Path,
    seed: int,
) -> None:
    list_ = tmp_path / "bonus.csv"
    numbers = "".join(f"+6595123{400 + index},{1 + index % 9}\n" for index in range(ROWS))
    list_.write_text(f"phone,amount\n{numbers}")
    faults = [{**fault, "seed": seed * 100 + number} for number, fault in enumerate(EVERY_KIND)]
    _set_faults(sandbox, credentials, faults)
    paying = ("run", list_, "--product", 6418, "--rate", 300, "--poll-interval", 0.05, "--timeout", 1)
    process = start(*paying, *options)

    def is_half_paid() -> bool:
        try:
            return process.poll() is not None or len(books()["transactions"]) >= ROWS // 2
        except OSError:
            return False  # the sandbox restarts

    wait_until(is_half_paid)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    start(*paying, *options).communicate(timeout=110)
    _set_faults(sandbox, credentials, [])
    pay("run", list_, "--product", 6418, "--rate", 1000, "--poll-interval", 0.05)
    rows = results("list-bonus")
    assert [row["result_state"] for row in rows] == ["completed"] * ROWS
    agree(rows, books())
    assert len(books()["transactions"]) == ROWS


def _set_faults(sandbox: Any, credentials: tuple[str, str], faults: list[dict[str, Any]]) -> None:
    token = b64encode(":".join(credentials).encode()).decode()
    request = urllib.request.Request(  # noqa: S310 - the sandbox's own loopback address
        f"{sandbox.address}/sandbox/faults",
        data=json.dumps(faults).encode(),
        method="PUT",
        headers={"Authorization": f"Basic {token}"},
    )
    urllib.request.urlopen(request).close()  # noqa: S310
