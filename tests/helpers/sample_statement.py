"""The statement of a sample plan, when it was planned, and a shared secret that may approve it."""

from datetime import UTC, datetime

from bulk_topup.approvals.statement import PlanStatement
from bulk_topup.domain.guards import Guards

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
SECRET = b"an invented secret of forty bytes, long."
STATEMENT = PlanStatement(
    version="0.1.0",
    job="payroll",
    run_key="2026-11",
    environment="production",
    account="https://dvs.example/v1 (key 0011aabb)",
    list="payroll.csv",
    list_sha256="a1" * 32,
    rows=3,
    amounts={"SGD": "30", "GBP": "12.5"},
    costs={"USD": "38.1"},
    rows_without_known_cost=0,
    requests_sha256="b2" * 32,
    costs_sha256="c3" * 32,
    guards=Guards().model_dump_json(),
    not_by="planner",
    planned_by="petra",
    planned_at=NOW.isoformat(),
)
