"""bulk-topup: pay long lists of people through the DT One Digital Value Services (DVS) API.

`__all__` names what scripts may import. `bulk_topup.dvs` is the API client, `bulk_topup.errors` has the exceptions.
"""

from typing import TYPE_CHECKING

from bulk_topup.__version__ import __version__ as __version__
from bulk_topup.system.lazy_imports import lazy_exports

if TYPE_CHECKING:
    from bulk_topup.api.job_result import JobResult
    from bulk_topup.api.ledger import Ledger
    from bulk_topup.api.plan_list import ListPlan, Refusal, plan_list
    from bulk_topup.api.run_job import run_job
    from bulk_topup.app.credentials import Credentials
    from bulk_topup.domain.environment import Environment
    from bulk_topup.domain.exit_codes import ExitCode, exit_code_for
    from bulk_topup.domain.row import Outcome
    from bulk_topup.domain.run import Run
    from bulk_topup.domain.states import RowState
    from bulk_topup.domain.summary import Summary
    from bulk_topup.engine import Progress
    from bulk_topup.errors import BulkTopupError, ConfirmationRequiredError
    from bulk_topup.jobs.job import Job
    from bulk_topup.security.redaction import install_redaction
else:
    __getattr__ = lazy_exports(
        __name__,
        **{
            "api.ledger": ("Ledger",),
            "api.plan_list": ("ListPlan", "Refusal", "plan_list"),
            "api.job_result": ("JobResult",),
            "api.run_job": ("run_job",),
            "app.credentials": ("Credentials",),
            "domain.environment": ("Environment",),
            "domain.exit_codes": ("ExitCode", "exit_code_for"),
            "domain.row": ("Outcome",),
            "domain.run": ("Run",),
            "domain.states": ("RowState",),
            "domain.summary": ("Summary",),
            "engine": ("Progress",),
            "errors": ("BulkTopupError", "ConfirmationRequiredError"),
            "jobs.job": ("Job",),
            "security.redaction": ("install_redaction",),
        },
    )

__all__ = [
    "BulkTopupError",
    "ConfirmationRequiredError",
    "Credentials",
    "Environment",
    "ExitCode",
    "Job",
    "JobResult",
    "Ledger",
    "ListPlan",
    "Outcome",
    "Progress",
    "Refusal",
    "RowState",
    "Run",
    "Summary",
    "exit_code_for",
    "install_redaction",
    "plan_list",
    "run_job",
]
