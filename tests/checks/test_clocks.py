"""The check of clocks finds what uses the machine's time, unless a docstring gives the reason."""

from pathlib import Path

import pytest

from checks.clocks import check_file, check_repository

PRODUCT = Path("bulk_topup/engine/runner.py")
TEST = Path("tests/engine/test_runner.py")


def _found(path: Path, text: str) -> list[str]:
    return [f"{finding.line} {finding.what}" for finding in check_file(path, text)]


@pytest.mark.parametrize(
    "use",
    [
        "time.sleep(1)",
        "await asyncio.sleep(0.5)",
        "await asyncio.sleep(seconds)",
        "time.monotonic()",
        "datetime.now(UTC)",
        "loop.call_later(1, stop)",
        "asyncio.get_running_loop().call_later(1, stop)",
        "started: float = field(default_factory=time.monotonic)",
        "from time import monotonic",
    ],
)
def test_the_product_neither_waits_nor_reads_the_time_by_the_machine(use: str) -> None:
    assert len(_found(PRODUCT, f"async def pay():\n    {use}\n")) == 1


def test_a_clock_a_value_and_a_sleep_of_nothing_are_accepted() -> None:
    body = ("await clock.sleep(1)", "clock.now()", "await asyncio.sleep(0)", "datetime.min")
    text = "async def pay(clock):\n" + "".join(f"    {line}\n" for line in body)
    assert _found(PRODUCT, text) == []


def test_tests_may_read_the_time_and_not_sleep() -> None:
    text = "def test_x():\n    datetime.now(UTC)\n    time.monotonic()\n    time.sleep(0.1)\n    time.sleep(0)\n"
    assert _found(TEST, text) == ["4 time.sleep"]


@pytest.mark.parametrize("place", ["module", "class", "function"])
def test_a_reason_in_a_docstring_counts_for_all_below_it_and_nothing_else(place: str) -> None:
    reason = '"""Wait.\n\nReal time because it waits for a socket.\n"""'
    docstrings = {each: reason if each == place else '"""Wait."""' for each in ("module", "class", "function")}
    text = (
        f"{docstrings['module']}\n\n\nclass Server:\n    {docstrings['class']}\n\n    def wait(self):\n"
        f"        {docstrings['function']}\n        time.sleep(1)\n\n\ndef other():\n    time.sleep(2)\n"
    )
    assert len(_found(PRODUCT, text)) == (0 if place == "module" else 1)


def test_only_a_line_that_starts_with_the_reason_counts() -> None:
    assert _found(PRODUCT, '"""Waits in Real time because of sockets."""\ntime.sleep(1)\n') == ["2 time.sleep"]


def test_only_product_and_tests_are_checked_and_not_the_clock_itself(tmp_path: Path) -> None:
    for name in ("bulk_topup/system/clock.py", "bulk_topup/run.py", "tests/test_run.py", "benchmarks/run.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("time.sleep(1)\n", encoding="utf-8")
    found = [finding.path.as_posix() for finding in check_repository(tmp_path)]
    assert found == ["bulk_topup/run.py", "tests/test_run.py"]
