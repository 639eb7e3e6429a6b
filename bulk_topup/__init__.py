"""bulk-topup: pay long lists of people through the DT One Digital Value Services (DVS) API.

What a script may import stands in `__all__`; `bulk_topup.dvs` is the API's client, `bulk_topup.errors` what is raised.
"""

from typing import TYPE_CHECKING

from bulk_topup.__version__ import __version__ as __version__
from bulk_topup.system.lazy_imports import lazily

if TYPE_CHECKING:
    from bulk_topup.engine import Progress
    from bulk_topup.environments import Environment
    from bulk_topup.errors import BulkTopupError
    from bulk_topup.exit_meanings import ExitMeaning, exit_meaning
    from bulk_topup.jobs import Job
    from bulk_topup.library.paying import JobResult, UnconfirmedError, run_job
    from bulk_topup.library.planning import ListPlan, Refusal, plan_list
    from bulk_topup.library.reading import Ledger
    from bulk_topup.records import Outcome, Run
    from bulk_topup.report import Summary
    from bulk_topup.settings import Credentials
    from bulk_topup.states import RowState
else:
    __getattr__ = lazily(
        __name__,
        **{
            "engine": ("Progress",),
            "environments": ("Environment",),
            "errors": ("BulkTopupError",),
            "exit_meanings": ("ExitMeaning", "exit_meaning"),
            "jobs": ("Job",),
            "library.paying": ("JobResult", "UnconfirmedError", "run_job"),
            "library.planning": ("ListPlan", "Refusal", "plan_list"),
            "library.reading": ("Ledger",),
            "records": ("Outcome", "Run"),
            "report": ("Summary",),
            "settings": ("Credentials",),
            "states": ("RowState",),
        },
    )

__all__ = [
    "BulkTopupError",
    "Credentials",
    "Environment",
    "ExitMeaning",
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
    "UnconfirmedError",
    "exit_meaning",
    "plan_list",
    "run_job",
]
