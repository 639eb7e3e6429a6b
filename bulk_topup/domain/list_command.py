"""The command that runs the list of a run again, with the options that decide how it is read; pure."""

import json
import shlex
from collections.abc import Iterator
from typing import Final

from bulk_topup.domain.environment import BASE_URLS, Environment, address_of_account, default_ledger
from bulk_topup.domain.run import BARE_LIST, Run

#: The options of a command line by the settings of a job that the ledger keeps with a run.
_OPTIONS: Final = {
    "product": "--product",
    "sheet": "--sheet",
    "encoding": "--encoding",
    "delimiter": "--delimiter",
    "default_country": "--default-country",
    "decimal_mark": "--decimal-mark",
    "calculation_mode": "--calculation-mode",
    "hidden_rows": "--hidden-rows",
}
_FLAGS: Final = {"allow_duplicates": "--allow-duplicates"}
_PAIRS: Final = {"columns": "--map", "constants": "--constant"}
#: The names of delimiters on a command line.
_DELIMITERS: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_DEFAULTS: Final = {"decimal_mark": "."}


def place_options(run: Run) -> list[str]:
    """Return the options that name a run's environment, and its address and ledger where they are not usual."""
    environment = Environment(run.environment)
    words = ["--env", environment.value]
    if (address := address_of_account(run.account)) is not None and address != BASE_URLS.get(environment):
        words += ["--base-url", address]
    if run.ledger is not None and run.ledger != default_ledger(environment):
        words += ["--ledger", str(run.ledger)]
    return words


def list_command(run: Run, *more: str) -> str:
    """Return the command that runs a run's list with more words; an empty text where a job file decides that."""
    if run.job != BARE_LIST:
        return ""
    words = ["bulk-topup", "run", run.list_path, "--run-key", run.run_key, *_reading_options(run), *place_options(run)]
    return shlex.join([*words, *more])


def rebuild_way(run: Run) -> str:
    """Return how to rebuild a run whose ledger is lost: a command in backticks, and for a job what its JOB means."""
    if run.job == BARE_LIST:
        words = [run.list_path, "--run-key", run.run_key, *_reading_options(run), *place_options(run)]
        return f"`{shlex.join(['bulk-topup', 'reconcile', '--rebuild', *words])}`."
    command = shlex.join(["bulk-topup", "reconcile", "--rebuild", "JOB", "--run-key", run.run_key, *place_options(run)])
    return f"`{command}`, with the job file of {run.job} in place of JOB."


def _reading_options(run: Run) -> Iterator[str]:
    settings = json.loads(run.reading or "{}")
    for name, option in _OPTIONS.items():
        value = settings.get(name)
        if value is not None and value != _DEFAULTS.get(name):
            yield from (option, _DELIMITERS.get(value, str(value)) if name == "delimiter" else str(value))
    for name, option in _PAIRS.items():
        for field, value in (settings.get(name) or {}).items():
            yield from (option, f"{field}={value}")
    yield from (option for name, option in _FLAGS.items() if settings.get(name))
