"""What a run reported: its pings, the figures of its metrics, and the records of its log."""

import json
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.helpers.smtp_and_http_receivers import Hook


def pinged(hook: Hook) -> list[str]:
    return [path.removeprefix("/ping-0c1d2e3f") for _, path, _ in hook.requests if path.startswith("/ping-")]


def figure(file: Path, name: str, **labels: str) -> float:
    (value,) = (
        sample.value
        for family in text_string_to_metric_families(file.read_text())
        for sample in family.samples
        if sample.name == f"bulk_topup_{name}" and labels.items() <= sample.labels.items()
    )
    return value


def logged(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]
