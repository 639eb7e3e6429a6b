"""One run under any spelling of its name: continued, never paid again, also after an upgrade and a lost ledger."""

import json
import sqlite3
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from bulk_topup.domain.identity import external_id
from bulk_topup.ledger import run_file, run_lock
from tests.helpers.earlier_ledgers import make_earlier, write_earlier

Pay = Callable[..., Any]
Books = Callable[[], dict[str, Any]]

PAYING = ("--product", 6418)
NFC = "Café"
NFD = unicodedata.normalize("NFD", NFC)
#: Beneficiaries whose payments complete, in list order.
PARTIES = tuple(f"+6595123{number}" for number in (400, 401, 403, 404, 405, 406))


def write_list(path: Path, parties: Sequence[str] = PARTIES) -> Path:
    path.write_text("reference,phone,amount\n" + "".join(f"R-{n},{party},5\n" for n, party in enumerate(parties)))
    return path


@pytest.fixture
def list_(tmp_path: Path) -> Path:
    return write_list(tmp_path / "pay.csv")


@pytest.fixture
def paid(books: Books) -> Callable[[], list[str]]:
    """Return a function that returns the beneficiaries of all transactions, each as often as it was paid."""
    return lambda: sorted(each["credit_party"] for each in books()["transactions"])


@pytest.fixture
def ids(books: Books) -> Callable[[], set[str]]:
    """Return a function that returns the external IDs of all transactions."""
    return lambda: {each["external_id"] for each in books()["transactions"]}


@pytest.fixture
def edit(tmp_path: Path) -> Callable[..., None]:
    """Return a function that changes the ledger's database directly."""

    def execute(*statements: str) -> None:
        with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as connection:
            for statement in statements:
                assert connection.execute(statement).rowcount

    return execute


@pytest.fixture
def of_an_earlier_version(tmp_path: Path) -> Callable[..., None]:
    """Return a function that writes a ledger of an earlier version, with runs that were created and not sent."""
    return partial(write_earlier, tmp_path / "ledger.db")


@pytest.fixture
def lose(tmp_path: Path) -> Callable[[], None]:
    """Return a function that deletes the ledger."""

    def delete() -> None:
        for file in tmp_path.glob("ledger.db*"):
            file.unlink()

    return delete


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (NFC, NFD),
        (NFD, NFC),
        ("2026-11", "2026-11 "),
        ("Rewards", "REWARDS"),
        ("2026-11", "2026–11"),
        ("november rewards", "November  Rewards"),
    ],
)
def test_another_spelling_of_the_run_key_continues_the_run_and_pays_nothing(
    pay: Pay, paid: Callable[[], list[str]], list_: Path, tmp_path: Path, first: str, second: str
) -> None:
    pay("run", list_, *PAYING, "--run-key", first)
    shown = json.loads(pay("plan", list_, *PAYING, "--run-key", second, "--json").stdout)
    assert shown["run"] == f"list/{first}"
    again = json.loads(pay("run", list_, *PAYING, "--run-key", second, "--json").stdout)
    assert (again["run"], again["counts"]["completed"]) == (f"list/{first}", len(PARTIES))
    assert paid() == sorted(PARTIES)
    assert len(json.loads(pay("status", "--json").stdout)) == 1
    assert json.loads(pay("status", f"list/{second}", "--json").stdout)["run"] == f"list/{first}"
    assert len(list((tmp_path / "reports").iterdir())) == 1
    pay("resume", f"LIST/{second}")
    assert len(list((tmp_path / "reports").iterdir())) == 1


@pytest.mark.parametrize("second", [NFD, NFC.upper(), f"{NFC} "])
def test_another_spelling_of_the_job_name_continues_the_run_and_pays_nothing(
    pay: Pay, paid: Callable[[], list[str]], list_: Path, tmp_path: Path, second: str
) -> None:
    for number, name in enumerate((NFC, second)):
        job = tmp_path / f"job{number}.toml"
        job.write_text(f'name = "{name}"\nrun_key = "1"\nlist = "{list_.name}"\nproduct = 6418\n')
        pay("run", job)
    assert paid() == sorted(PARTIES)
    assert [run["run"] for run in json.loads(pay("status", "--json").stdout)] == [f"{NFC}/1"]


def test_a_renamed_list_in_another_unicode_form_is_the_same_run(
    pay: Pay, paid: Callable[[], list[str]], tmp_path: Path
) -> None:
    pay("run", write_list(tmp_path / f"{NFC}.csv"), *PAYING)
    pay("run", write_list(tmp_path / f"{NFD}.csv"), *PAYING)
    assert paid() == sorted(PARTIES)


def test_a_lost_ledger_gives_the_same_ids_under_another_spelling(
    pay: Pay, paid: Callable[[], list[str]], lose: Callable[[], None], list_: Path
) -> None:
    pay("run", list_, *PAYING, "--run-key", "Rewards 2026–11")
    lose()
    found = json.loads(pay("run", list_, *PAYING, "--run-key", "rewards  2026-11", "--json").stdout)
    assert found["counts"]["completed"] == len(PARTIES)
    assert paid() == sorted(PARTIES)


def test_two_starts_at_once_under_two_spellings_are_one_run(pay: Pay, list_: Path, tmp_path: Path) -> None:
    with run_lock(tmp_path / "ledger.db", "list", "Rewards"):
        pay("run", list_, *PAYING, "--run-key", "rewards", code=5)


def test_an_earlier_program_that_still_pays_the_run_excludes_a_start_under_another_spelling(
    pay: Pay, of_an_earlier_version: Pay, list_: Path, tmp_path: Path
) -> None:
    of_an_earlier_version(("list", "Rewards"))
    with FileLock(run_file(tmp_path / "ledger.db", "list", "Rewards", "lock"), timeout=0):
        pay("run", list_, *PAYING, "--run-key", "REWARDS", code=5)


def test_a_problem_is_printed_once_whatever_the_spelling(pay: Pay, list_: Path) -> None:
    write_list(list_, ("+6595123400", "+6595123102"))
    assert "1 of 2 rows completed" in pay("run", list_, *PAYING, "--run-key", "Rewards", "--quiet", code=1).stderr
    assert pay("run", list_, *PAYING, "--run-key", "REWARDS", "--quiet", code=1).stderr == ""


def test_a_job_that_retries_names_its_job_in_any_spelling(pay: Pay, list_: Path, tmp_path: Path) -> None:
    (tmp_path / "job.toml").write_text(f'name = "{NFC}"\nrun_key = "1"\nlist = "{list_.name}"\nproduct = 6418\n')
    pay("run", "job.toml")
    (tmp_path / "retry.toml").write_text(f'retry_of = "{NFD.upper()}"\n')
    assert f"No failed row of run {NFC}/1 may succeed" in pay("retry", "retry.toml").stdout


def test_an_approved_plan_is_paid_under_another_spelling(
    pay: Pay, invoke: Pay, paid: Callable[[], list[str]], list_: Path, tmp_path: Path
) -> None:
    public = json.loads(invoke("approval-key", "new", "--output", "key", "--json").stdout)["public_key"]
    job = tmp_path / "job.toml"
    job.write_text(
        f'run_key = "Rewards"\nlist = "{list_.name}"\nproduct = 6418\n'
        f'[approval]\nrequired = true\nnot_by = "nobody"\nkeys = ["{public}"]\n'
    )
    pay("plan", job, "--output", "plan.json")
    invoke("approve", "plan.json", "--key", "key", "--yes")
    pay("run", job, "--run-key", "another", "--approved", "plan.approved.json", code=3)
    pay("run", job, "--run-key", "rewards", "--approved", "plan.approved.json")
    pay("run", job, "--run-key", "REWARDS", "--approved", "plan.approved.json")
    assert paid() == sorted(PARTIES)


def test_a_plan_that_was_approved_before_an_upgrade_is_paid(
    pay: Pay, invoke: Pay, paid: Callable[[], list[str]], list_: Path, of_an_earlier_version: Pay, lose: Pay
) -> None:
    public = json.loads(invoke("approval-key", "new", "--output", "key", "--json").stdout)["public_key"]
    job = list_.with_name("list.toml")
    job.write_text(
        f'run_key = "Rewards"\nlist = "{list_.name}"\nproduct = 6418\n'
        f'[approval]\nrequired = true\nnot_by = "nobody"\nkeys = ["{public}"]\n'
    )
    of_an_earlier_version(("list", "Rewards"))
    pay("plan", job, "--output", "plan.json")
    invoke("approve", "plan.json", "--key", "key", "--yes")
    lose()
    write_list(list_, PARTIES[1:])
    pay("run", job, "--approved", "plan.approved.json", code=3)
    write_list(list_)
    pay("run", job, "--approved", "plan.approved.json")
    assert paid() == sorted(PARTIES)


#: What makes of six completed rows one in each state in which an earlier program may have been stopped.
INTERRUPTED = (
    "UPDATE attempts SET final_at = NULL, status_class = 'CONFIRMED', status_message = 'CONFIRMED' WHERE row_id = 2",
    "UPDATE rows SET state = 'accepted' WHERE id = 2",
    "UPDATE attempts SET transaction_id = NULL, creation_date = NULL, status_class = NULL WHERE row_id = 3",
    "UPDATE attempts SET status_message = NULL, final_at = NULL WHERE row_id = 3",
    "UPDATE rows SET state = 'in_flight' WHERE id = 3",
    "DELETE FROM attempts WHERE row_id IN (4, 5)",
    "DELETE FROM events WHERE row_id IN (4, 5)",
    "UPDATE rows SET state = 'pending', attempt = 0 WHERE id = 4",
    "DELETE FROM rows WHERE id = 5",
)


@pytest.fixture
def interrupted(
    pay: Pay, edit: Callable[..., None], of_an_earlier_version: Pay, list_: Path, tmp_path: Path
) -> Callable[[], set[str]]:
    """Return a function that pays a list under IDs of the first version, as if it was stopped; it returns the IDs.

    The provider has a transaction for every row, and the ledger is one of an earlier version.
    """

    def pay_and_stop() -> set[str]:
        of_an_earlier_version(("list", "Rewards – 1"))
        pay("run", list_, *PAYING, "--run-key", "Rewards – 1")
        edit(*INTERRUPTED)
        make_earlier(tmp_path / "ledger.db")
        return {external_id("list", "Rewards – 1", f"reference:R-{number}", 1) for number in range(len(PARTIES))}

    return pay_and_stop


@pytest.mark.parametrize("spelling", ["Rewards – 1", "rewards - 1"])
def test_a_run_that_an_earlier_version_left_in_any_state_is_continued(
    pay: Pay, paid: Callable[[], list[str]], ids: Callable[[], set[str]], interrupted: Pay, list_: Path, spelling: str
) -> None:
    expected = interrupted()
    assert ids() == expected
    # The provider has more than the ledger, as if an old copy had been restored too.
    refused = pay("run", list_, *PAYING, "--run-key", spelling, code=75).stderr
    assert "DVS has 2 transactions of its rows that the ledger lacks" in refused
    pay("reconcile", "--rebuild", "list/Rewards – 1", code=1)
    assert json.loads(pay("run", list_, *PAYING, "--run-key", spelling, "--json").stdout)["counts"]["completed"] == 6
    assert (paid(), ids()) == (sorted(PARTIES), expected)


def test_a_run_that_an_earlier_version_left_is_resumed(
    pay: Pay, paid: Callable[[], list[str]], ids: Callable[[], set[str]], interrupted: Pay
) -> None:
    expected = interrupted()
    pay("resume", "list/rewards - 1", code=75)
    pay("reconcile", "--rebuild", "list/rewards - 1", code=1)
    pay("resume", "list/rewards - 1")
    assert (paid(), ids()) == (sorted(PARTIES), expected)


@pytest.mark.parametrize("is_rebuilt", [True, False])
def test_a_ledger_of_an_earlier_version_that_is_lost_after_the_upgrade_pays_nobody_again(
    pay: Pay,
    paid: Callable[[], list[str]],
    ids: Callable[[], set[str]],
    interrupted: Pay,
    lose: Callable[[], None],
    list_: Path,
    *,
    is_rebuilt: bool,
) -> None:
    expected = interrupted()
    pay("run", list_, *PAYING, "--run-key", "rewards - 1", code=75)
    pay("reconcile", "--rebuild", "list/Rewards – 1", code=1)
    pay("run", list_, *PAYING, "--run-key", "rewards - 1")
    lose()
    key = ("--run-key", "Rewards – 1")
    if is_rebuilt:
        rebuilt = json.loads(pay("reconcile", "--rebuild", list_, *PAYING, *key, "--json").stdout)
        assert rebuilt["rebuilt_rows"] == len(PARTIES)
    pay("run", list_, *PAYING, *key)
    assert (paid(), ids()) == (sorted(PARTIES), expected)


def test_rows_that_are_new_after_a_lost_ledger_get_ids_like_those_at_the_provider(
    pay: Pay, ids: Callable[[], set[str]], interrupted: Pay, lose: Callable[[], None], list_: Path
) -> None:
    expected = interrupted()
    lose()
    write_list(list_, (*PARTIES, "+6595123407"))
    pay("run", list_, *PAYING, "--run-key", "Rewards – 1")
    assert ids() == {*expected, external_id("list", "Rewards – 1", "reference:R-6", 1)}


def test_a_list_whose_first_rows_are_new_is_still_found_under_the_ids_of_an_earlier_version(
    pay: Pay, paid: Callable[[], list[str]], interrupted: Pay, lose: Callable[[], None], list_: Path
) -> None:
    interrupted()
    lose()
    more = [f"+65951{number}400" for number in range(30, 42)]
    old = "".join(f"R-{number},{party},5\n" for number, party in enumerate(PARTIES))
    list_.write_text("reference,phone,amount\n" + "".join(f"N-{each},{each},5\n" for each in more) + old)
    pay("run", list_, *PAYING, "--run-key", "Rewards – 1")
    assert [each for each in paid() if each in PARTIES] == sorted(PARTIES)


@pytest.fixture
def mixed(pay: Pay, interrupted: Pay, lose: Callable[[], None], list_: Path) -> None:
    """Pay half of the rows under IDs of the first version, the others under those of the second, and lose both."""
    write_list(list_, PARTIES)
    interrupted()
    lose()
    lines = list_.read_text().splitlines(keepends=True)
    others = "".join(line.replace("R-", "S-").replace("+65951234", "+65951244") for line in lines[1:])
    list_.write_text(lines[0] + others)
    pay("run", list_, *PAYING, "--run-key", "Rewards – 1")
    lose()
    list_.write_text("".join(lines) + others)


@pytest.mark.usefixtures("mixed")
def test_a_list_with_ids_of_both_versions_is_paid_only_after_a_rebuild(
    pay: Pay, paid: Callable[[], list[str]], list_: Path
) -> None:
    key = ("--run-key", "Rewards – 1")
    before = paid()
    assert len(before) == 2 * len(PARTIES)
    for command in ("plan", "run"):
        refused = pay(command, list_, *PAYING, *key, code=3)
        assert "under the external IDs of two versions" in refused.stderr
    rebuilt = json.loads(pay("reconcile", "--rebuild", list_, *PAYING, *key, "--json").stdout)
    assert rebuilt["rebuilt_rows"] == len(before)
    pay("run", list_, *PAYING, *key)
    assert paid() == before


def test_a_row_that_was_sent_under_ids_of_both_versions_needs_review_after_a_rebuild(
    pay: Pay, interrupted: Pay, lose: Callable[[], None], list_: Path
) -> None:
    """The spelling of a lost ledger is known to nobody, so another spelling pays again; a rebuild shows it."""
    interrupted()
    lose()
    pay("run", list_, *PAYING, "--run-key", "rewards - 1")
    lose()
    pay("reconcile", "--rebuild", list_, *PAYING, "--run-key", "Rewards – 1", code=1)
    counts = json.loads(pay("status", "list/Rewards – 1", "--json").stdout)["counts"]
    assert counts["conflict"] == len(PARTIES)


@pytest.mark.usefixtures("mixed")
def test_a_rebuild_of_an_impossible_window_leaves_no_run_that_could_be_sent(
    pay: Pay, paid: Callable[[], list[str]], list_: Path
) -> None:
    key = ("--run-key", "Rewards – 1")
    before = paid()
    window = ("--from", "2026-11-02", "--to", "2026-11-01")
    assert "before it begins" in pay("reconcile", "--rebuild", list_, *PAYING, *key, *window, code=3).stderr
    assert "under the external IDs of two versions" in pay("run", list_, *PAYING, *key, code=3).stderr
    assert paid() == before


@pytest.mark.usefixtures("mixed")
def test_after_an_interrupted_rebuild_nothing_is_sent_before_it_has_ended(
    pay: Pay, paid: Callable[[], list[str]], edit: Callable[..., None], list_: Path
) -> None:
    key = ("--run-key", "Rewards – 1")
    before = paid()
    pay("reconcile", "--rebuild", list_, *PAYING, *key)
    edit(
        "DELETE FROM attempts WHERE row_id > 3",
        "UPDATE rows SET state = 'pending', attempt = 0 WHERE id > 3",
        "UPDATE runs SET rebuilding = 1",
    )
    for command in (("plan", list_, *PAYING, *key), ("run", list_, *PAYING, *key), ("resume", "list/rewards - 1")):
        assert "A rebuild of run list/Rewards – 1 was interrupted" in pay(*command, code=3).stderr
    # The run alone does not have the IDs that only its list tells.
    refused = pay("reconcile", "--rebuild", "list/Rewards – 1", code=3)
    assert f"Rebuild it from the list again: `bulk-topup reconcile --rebuild {list_} --run-key" in refused.stderr
    pay("reconcile", "--rebuild", list_, *PAYING, *key)
    pay("run", list_, *PAYING, *key)
    assert paid() == before


def test_runs_of_an_earlier_version_with_one_name_are_named_and_only_their_start_is_refused(
    pay: Pay, invoke: Pay, paid: Callable[[], list[str]], of_an_earlier_version: Pay, list_: Path, options: Any
) -> None:
    of_an_earlier_version(("list", "Rewards"), ("list", "rewards "), ("list", "other"))
    pay("run", list_, *PAYING, "--run-key", "other")
    for key in ("Rewards", "rewards ", "REWARDS"):
        refused = pay("run", list_, *PAYING, "--run-key", key, code=3).stderr
        assert '"list/Rewards" and "list/rewards "' in refused
        assert "bulk-topup ledger rename 'list/rewards '" in refused
    for name in ("list/Rewards", "list/rewards "):
        assert "nobody can tell apart" in pay("resume", name, code=3).stderr
        assert json.loads(pay("status", name, "--json").stdout)["run"] == name
        pay("report", name)
    found = {each["check"]: each for each in json.loads(invoke("doctor", "--json", *options).stdout)["checks"]}
    assert '"list/Rewards", "list/rewards "' in found["run names"]["message"]
    renamed = pay("ledger", "rename", "list/rewards ", "Second").stdout
    assert "Run list/rewards  is now list/Second" in renamed
    assert "run names" not in invoke("doctor", "--json", *options).stdout
    assert paid() == sorted(PARTIES)
    write_list(list_, ("+6595124400",))
    pay("run", list_, *PAYING, "--run-key", "rewards")
    assert paid() == sorted([*PARTIES, "+6595124400"])
    assert [run["run"] for run in json.loads(pay("status", "--json").stdout)][-2:] == ["list/Second", "list/Rewards"]


def test_a_renamed_run_is_continued_under_its_new_name_alone(
    pay: Pay, paid: Callable[[], list[str]], ids: Callable[[], set[str]], list_: Path, lose: Callable[[], None]
) -> None:
    pay("run", list_, *PAYING, "--run-key", "Rewards")
    before = ids()
    said = json.loads(pay("ledger", "rename", "list/rewards", "bonus/2026-11", "--json").stdout)
    assert said == {"run": "bonus/2026-11", "was": "list/Rewards", "external_ids_of": "list/rewards"}
    refused = pay("run", list_, *PAYING, "--run-key", "REWARDS", code=3).stderr
    assert "Run list/Rewards was renamed to bonus/2026-11" in refused
    pay("resume", "bonus/2026-11")
    pay("ledger", "rename", "bonus/2026-11", "list/once")
    write_list(list_, (*PARTIES, "+6595123407"))
    pay("run", list_, *PAYING, "--run-key", "once", "--add")
    assert ids() == {*before, external_id("list", "rewards", "reference:r-6", 1)}
    assert len(paid()) == len(PARTIES) + 1
    lose()
    pay("run", list_, *PAYING, "--run-key", "Rewards")  # the name that its IDs are computed from
    assert len(paid()) == len(PARTIES) + 1


def test_runs_of_an_earlier_version_with_one_name_are_reconciled_together(
    pay: Pay, list_: Path, edit: Callable[..., None]
) -> None:
    for number, key in enumerate(("rewards", "other")):
        pay("run", write_list(list_, PARTIES[number::2]), *PAYING, "--run-key", key)
    edit("UPDATE runs SET run_key = 'Rewards', folded_key = 'rewards' WHERE run_key = 'other'")
    found = json.loads(pay("reconcile", "--json").stdout)
    assert found["runs"] == ["list/rewards", "list/Rewards"]


@pytest.mark.parametrize("new", ["bonus/2026-11", "list/other"])
def test_a_renamed_run_is_reconciled_with_the_ids_of_its_first_name(
    pay: Pay, list_: Path, edit: Callable[..., None], new: str
) -> None:
    pay("run", list_, *PAYING)
    pay("ledger", "rename", "list/pay", new)
    edit(
        "DELETE FROM attempts WHERE row_id = 3", "DELETE FROM events WHERE row_id = 3", "DELETE FROM rows WHERE id = 3"
    )
    found = json.loads(pay("reconcile", new, "--json", code=1).stdout)
    assert found["counts"]["missing_here"] == 1


@pytest.mark.parametrize("name", ["", " ", "a\u200bb", "/x", "list/", "x" * 65 + "/1"])
def test_a_name_that_no_run_can_have_is_refused(pay: Pay, list_: Path, name: str) -> None:
    pay("run", list_, *PAYING)
    assert "can't be the name of a run" in pay("ledger", "rename", "list/pay", name, code=3).stderr


def test_a_run_that_is_being_paid_is_not_renamed(pay: Pay, list_: Path, tmp_path: Path) -> None:
    pay("run", list_, *PAYING)
    with run_lock(tmp_path / "ledger.db", "list", "pay"):
        pay("ledger", "rename", "list/pay", "other", code=5)
    with run_lock(tmp_path / "ledger.db", "list", "other"):
        pay("ledger", "rename", "list/pay", "other", code=5)
