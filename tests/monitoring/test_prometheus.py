"""Prometheus metrics: its own parser reads what was written, to the last decimal."""

import stat
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from bulk_topup.domain.states import RowState
from bulk_topup.monitoring.prometheus import RunMetrics, exposition, write_metrics


def metrics(**values: Any) -> RunMetrics:
    some: dict[str, Any] = {
        "job": "payroll",
        "run": "2026-11",
        "environment": "sandbox",
        "account": "https://dvs.example/v1 (key 1a2b3c4d)",
        "started_at": Decimal("1795538478.507"),
        "seconds": Decimal("2.25"),
    }
    return RunMetrics(**{**some, **values})


def read(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@given(st.text(), st.text(), st.decimals(min_value=0, max_value=10**12, places=4))
def test_prometheus_reads_what_was_written_whatever_the_names(job: str, run: str, charged: Decimal) -> None:
    found = read(exposition(metrics(job=job, run=run, exit_code=1, charged={"USD": charged})))
    labels = {"job": job, "run": run, "environment": "sandbox", "kind": "charged", "currency": "USD"}
    assert found["bulk_topup_money", tuple(sorted(labels.items()))] == float(charged)


def test_the_account_is_named() -> None:
    assert 'account="https://dvs.example/v1 (key 1a2b3c4d)"} 1\n' in exposition(metrics())


def test_money_is_written_to_its_last_decimal() -> None:
    text = exposition(metrics(charged={"USD": Decimal("123456789012345678.123456789")}))
    assert "} 123456789012345678.123456789\n" in text


def test_every_metric_has_a_help_text_and_a_type() -> None:
    text = exposition(
        metrics(
            exit_code=0, counts=dict.fromkeys(RowState, 2), charged={"USD": Decimal(1)}, on_hold={"USD": Decimal(2)}
        )
    )
    families = list(text_string_to_metric_families(text))
    assert all(family.documentation and family.type in {"gauge", "counter"} for family in families)
    assert len({family.name for family in families}) == text.count("# HELP ") == text.count("# TYPE ")
    # The rules of promtool: names have a prefix, counters end in _total, and units are not abbreviated.
    for family in families:
        assert family.name.startswith("bulk_topup_")
        for sample in family.samples:
            assert (family.type == "counter") is sample.name.endswith("_total")
            assert set(sample.labels) >= {"job", "run", "environment"}


def test_while_the_job_is_running_there_is_no_exit_code() -> None:
    names = {name for name, _ in read(exposition(metrics()))}
    assert "bulk_topup_running" in names
    assert not names & {"bulk_topup_exit_code", "bulk_topup_end_timestamp_seconds"}


def test_the_file_can_be_read_by_the_collector_and_is_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "pay.prom"
    for code in (None, 0):
        write_metrics(file, metrics(exit_code=code))
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert 'bulk_topup_exit_code{job="payroll",run="2026-11",environment="sandbox"} 0\n' in file.read_text()
    assert list(tmp_path.iterdir()) == [file]
