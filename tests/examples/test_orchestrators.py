"""The examples for orchestrators: imported without them, and run with stand-ins for them."""

import runpy
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bulk_topup import Ledger, RowState
from bulk_topup.ledger import run_lock

pytestmark = pytest.mark.usefixtures("skipped_waits")

DAY = "2026-11-28"


class AirflowError(Exception):
    """Stands for airflow.sdk.exceptions.AirflowException: the task is retried."""


class AirflowFailError(AirflowError):
    """Stands for airflow.sdk.exceptions.AirflowFailException: the task is not retried."""


class AirflowSkipError(AirflowError):
    """Stands for airflow.sdk.exceptions.AirflowSkipException."""


class RetryError(Exception):
    """Stands for dagster.RetryRequested."""

    def __init__(self, *, max_retries: int, seconds_to_wait: float) -> None:
        super().__init__(max_retries, seconds_to_wait)


class DagsterFailure(Exception):  # noqa: N818 - Dagster's name
    """Stands for dagster.Failure."""

    def __init__(self, description: str, *, allow_retries: bool) -> None:
        super().__init__(description)
        assert not allow_retries


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that replaces a package by a module with these names."""

    def replace(name: str, **names: object) -> None:
        module = ModuleType(name)
        module.__spec__ = ModuleSpec(name, None)
        vars(module).update(names)
        monkeypatch.setitem(sys.modules, name, module)

    return replace


@pytest.fixture
def airflow(stand_in: Callable[..., None]) -> list[tuple[str, Any]]:
    """A stand-in for Airflow, and the calls that it received."""
    made: list[tuple[str, Any]] = []

    def dag(**options: Any) -> Any:
        def decorate(function: Any) -> Any:
            made.append(("dag", options))
            return function

        return decorate

    def task(function: Any) -> Any:
        return lambda **values: made.append((function.__name__, values))

    stand_in("airflow")
    stand_in("airflow.sdk", dag=dag, task=task)
    stand_in(
        "airflow.sdk.exceptions",
        AirflowException=AirflowError,
        AirflowFailException=AirflowFailError,
        AirflowSkipException=AirflowSkipError,
    )
    return made


@pytest.fixture
def dagster(stand_in: Callable[..., None]) -> list[tuple[str, Any]]:
    """A stand-in for Dagster, and the calls that it received."""
    made: list[tuple[str, Any]] = []

    def recorder(name: str) -> Any:
        def record(*values: Any, **options: Any) -> str:
            made.append((name, values or options))
            return name

        return record

    stand_in(
        "dagster",
        Definitions=recorder("definitions"),
        Failure=DagsterFailure,
        MonthlyPartitionsDefinition=recorder("partitions"),
        OpExecutionContext=object,
        RetryRequested=RetryError,
        build_schedule_from_partitioned_job=recorder("schedule"),
        job=lambda **_: lambda function: function,
        op=lambda function: function,
    )
    return made


@pytest.fixture
def payroll(folder: Path) -> Path:
    """A payroll of two rows, the second of which is declined."""
    (folder / "pay.csv").write_text("reference,phone,amount\nR-1,+6595123400,5\nR-2,+6595123102,5\n")
    file = folder / "payroll.toml"
    file.write_text('run_key = "{today:%Y-%m}"\nlist = "pay.csv"\nproduct = 6418\n')
    return file


def example(root: Path, name: str) -> dict[str, Any]:
    return runpy.run_path(str(root / "examples" / f"{name}.py"))


@pytest.mark.parametrize("name", ["airflow_dag", "dagster_job"])
def test_an_example_is_imported_without_its_orchestrator(name: str, root: Path) -> None:
    module = example(root, name)
    assert callable(module["pay"])
    assert not {"payroll_dag", "definitions"} & module.keys()


def test_the_dag_is_created_if_airflow_is_installed(airflow: list[tuple[str, Any]], root: Path) -> None:
    example(root, "airflow_dag")
    (_, options), task = airflow
    assert (options["schedule"], options["catchup"], options["max_active_runs"]) == ("0 17 28 * *", False, 1)
    assert options["default_args"]["retries"] > 0
    assert task == ("pay", {"ds": "{{ ds }}"})


def test_the_dagster_job_is_created_if_dagster_is_installed(dagster: list[tuple[str, Any]], root: Path) -> None:
    example(root, "dagster_job")
    assert [name for name, _ in dagster] == ["partitions", "schedule", "definitions"]


@pytest.fixture(params=["airflow_dag", "dagster_job"])
def orchestrated(
    request: pytest.FixtureRequest, airflow: object, dagster: object, root: Path, payroll: Path
) -> tuple[Callable[[str], dict[str, Any]], type[Exception], type[Exception]]:
    """Return the task of an orchestrator, and the exceptions that it raises with and without a retry."""
    assert airflow == dagster == []
    pay = example(root, request.param)["pay"]
    kinds = (AirflowError, AirflowFailError) if request.param == "airflow_dag" else (RetryError, DagsterFailure)
    return lambda day: pay(day, job=str(payroll)), *kinds


Orchestrated = tuple[Callable[[str], dict[str, Any]], type[Exception], type[Exception]]


def test_a_task_that_is_run_again_resumes_the_run_of_its_day(orchestrated: Orchestrated, folder: Path) -> None:
    pay, _, _ = orchestrated
    first, second = pay(DAY), pay(DAY)
    assert first == second
    assert (first["run"], first["exit_code"]) == ("payroll/2026-11", 1)
    assert pay("2026-10-28")["run"] == "payroll/2026-10"
    ledger = Ledger(folder / "ledger.db")
    assert [ledger.status(run).counts[RowState.COMPLETED] for run in ledger.runs()] == [1, 1]


def test_a_locked_run_is_retried_later(orchestrated: Orchestrated, folder: Path) -> None:
    pay, retried, final = orchestrated
    with run_lock(folder / "ledger.db", "payroll", "2026-11"), pytest.raises(retried) as caught:
        pay(DAY)
    assert not isinstance(caught.value, final)


def test_an_interrupted_run_is_retried_later(orchestrated: Orchestrated, payroll: Path) -> None:
    pay, retried, final = orchestrated
    # The canary fails, so the run stops before the second row is sent.
    payroll.write_text(payroll.read_text() + '[stops]\ncanary = 1\ncanary_share = "1"\n')
    payroll.with_name("pay.csv").write_text("reference,phone,amount\nR-1,+6595123102,5\nR-2,+6595123401,5\n")
    with pytest.raises(retried) as caught:
        pay(DAY)
    assert not isinstance(caught.value, final)


def test_a_refused_list_is_not_retried(orchestrated: Orchestrated, payroll: Path) -> None:
    pay, _, final = orchestrated
    payroll.with_name("pay.csv").write_text("reference,phone,amount\nR-1,06595123400,5\n")
    with pytest.raises(final, match="refused"):
        pay(DAY)


def test_an_empty_wallet_is_not_retried(orchestrated: Orchestrated, payroll: Path) -> None:
    pay, _, final = orchestrated
    lines = "".join(f"R-{row},+65951{23000 + row},100\n" for row in range(200))
    payroll.with_name("pay.csv").write_text(f"reference,phone,amount\n{lines}")
    with pytest.raises(final, match="Top up"):
        pay(DAY)


def test_rows_that_are_not_completed_are_a_warning_or_a_skipped_task(
    airflow: object, root: Path, payroll: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pay = example(root, "airflow_dag")["pay"]
    pay(DAY, job=str(payroll))
    assert "WARNING payroll/2026-11: INCOMPLETE" in capsys.readouterr().out
    with pytest.raises(AirflowSkipError):
        pay(DAY, job=str(payroll), skip_unless_all=True)
    assert airflow is not None
