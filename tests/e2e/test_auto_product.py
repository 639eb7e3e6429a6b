"""[auto_product]: numbers that can't be looked up, what is never chosen, and what the plan says of choices."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bulk_topup.dvs.statuses import ErrorCode
from bulk_topup.sandbox.catalogue.catalogue import Catalogue
from bulk_topup.sandbox.errors import ErrorResponse

#: Numbers of Ecuador, where the sandbox has one operator, with one product of 3 USD.
ECUADOR = "+5939876540"
HEAD = "reference,phone,amount,currency\n"


@pytest.fixture
def auto(tmp_path: Path) -> Callable[..., str]:
    """Return a function that writes a list and a job that chooses its products; returns the job's name."""

    def write(rows: str, *settings: str) -> str:
        (tmp_path / "pay.csv").write_text(HEAD + rows)
        lines = [
            'list = "pay.csv"',
            'run_key = "1"',
            "[auto_product]",
            *settings,
            "[columns]",
            'reference = "reference"',
        ]
        (tmp_path / "pay.toml").write_text("\n".join(lines) + "\n")
        return "pay.toml"

    return write


def _put(sandbox: Any, credentials: tuple[str, str], name: str, value: Any) -> None:
    httpx2.put(f"{sandbox.address}/sandbox/{name}", json=value, auth=credentials).raise_for_status()


def test_a_number_that_cannot_be_looked_up_refuses_its_row_alone_in_plan_run_and_check(
    auto: Any, invoke: Any, options: tuple[str, ...], results: Any, books: Any
) -> None:
    numbers = {"a": "110", "b": "111", "c": "112", "d": "113", "e": "402", "f": "404"}
    job = auto("".join(f"{name},+6595123{last},5,SGD\n" for name, last in numbers.items()))
    plan = json.loads(invoke("plan", job, "--json", *options, code=3).stdout)
    reasons = {row["line"]: row["problems"][0]["message"] for row in plan["refused_rows"]}
    fix = "Correct the number, or pay it by a list with products."
    assert list(reasons) == [2, 3, 4, 5]
    assert reasons[2].startswith("The operator of +6595123110 can't be looked up. DVS answered HTTP 400: ")
    for line, code in ((2, 1005003), (3, 1007500)):
        assert f"({code}). {fix}" in reasons[line]
    for line, last in ((4, 112), (5, 113)):
        assert reasons[line] == f"DVS does not know the operator of +6595123{last}. {fix}"
    assert "line 2 of the list: The operator of" in invoke("job", "check", job, "--online", *options, code=3).stdout
    invoke("run", job, "--skip-refused", *options, code=1)
    assert [row["result_state"] for row in results("pay-1")] == ["refused"] * 4 + ["completed"] * 2
    assert len(books()["transactions"]) == 2


def test_a_look_up_that_fails_as_such_ends_the_plan_and_refuses_no_row(
    auto: Any, invoke: Any, options: tuple[str, ...], sandbox: Any, credentials: tuple[str, str]
) -> None:
    job = auto("a,+6595123402,5,SGD\n")
    _put(sandbox, credentials, "faults", [{"kind": "page_before", "path": "/lookup/mobile-number", "status": 404}])
    assert "DVS answered HTTP 404 with text/html" in invoke("plan", job, *options, code=4).stderr


def test_whatever_dvs_does_not_find_for_a_number_refuses_its_row_alone(
    auto: Any, invoke: Any, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = Catalogue.lookup_bodies

    def without_country(self: Catalogue, number: str) -> list[bytes]:
        if number.endswith("404"):
            raise ErrorResponse(ErrorCode.COUNTRY_NOT_FOUND)
        return look_up(self, number)

    monkeypatch.setattr(Catalogue, "lookup_bodies", without_country)
    job = auto("a,+6595123404,5,SGD\nb,+6595123402,5,SGD\n")
    plan = json.loads(invoke("plan", job, "--json", *options, code=3).stdout)
    [row] = plan["refused_rows"]
    assert row["line"] == 2
    assert "DVS answered HTTP 404: " in row["problems"][0]["message"]


@pytest.mark.parametrize(("last", "code"), [("110", "1005003"), ("111", "1007500")])
def test_the_look_up_of_one_number_says_why_it_is_refused(
    last: str, code: str, invoke: Any, options: tuple[str, ...]
) -> None:
    assert f"({code})" in invoke("lookup", "number", f"+6595123{last}", *options[:2], code=3).stderr


def test_a_bundle_is_chosen_only_where_job_or_option_ask_for_it(
    auto: Any, invoke: Any, options: tuple[str, ...]
) -> None:
    job = auto("a,+6595123403,8,SGD\n")
    refused = invoke("plan", job, *options, code=3).stdout
    assert "no airtime product. It has 8.00 SGD for 5.85 USD (product 6430, Straits Mobile 60 minutes)." in " ".join(
        refused.split()
    )
    plan = invoke("plan", job, "--subservice", "airtime", "--subservice", "bundle", *options).stdout
    assert "Products chosen for 1 row." in plan
    assert "6430" in plan
    for words, text in (
        (("plan", "pay.csv", "--product", 6418, "--subservice", "data"), "for a job file with [auto_product]"),
        (("plan", job, "--subservice", "sms"), "is not one of 'airtime', 'bundle', 'data'"),
    ):
        assert text in invoke(*words, *options, code=2).stderr
    for settings, text in (
        ("subservice_id = 12", "--subservice has no effect: [auto_product] of the job has subservice_id = 12."),
        ("service_id = 3", "--subservice is for mobile operators: [auto_product] of the job has service_id = 3."),
    ):
        job = auto("a,+6595123403,8,SGD\n", settings)
        assert text in " ".join(invoke("plan", job, "--subservice", "airtime", *options, code=2).stderr.split())


def test_the_plan_names_operators_of_the_job_that_no_number_has(
    auto: Any, invoke: Any, options: tuple[str, ...]
) -> None:
    job = auto("a,+6595123402,7.5,SGD\n", "products = {Lionwav = 6418, lionwave = 6418, 99 = 1}")
    text = " ".join(invoke("plan", job, *options).stdout.split())
    assert (
        '[auto_product].products names operators of no number that was looked up: "Lionwav", "99". Check their '
        "spelling if the list has such numbers." in text
    )
    choices = json.loads(invoke("plan", job, "--json", *options).stdout)["choices"]
    assert (choices["named"], choices["unmatched"]) == (1, ["Lionwav", "99"])


def test_the_plan_says_which_preference_ended_a_tie(
    auto: Any, invoke: Any, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Lionwave and Straits Mobile are one operator here, so that 8 SGD are airtime or a bundle.
    monkeypatch.setattr("bulk_topup.app.product_choice.Chooser._look_up", _with_all_products_of_singapore)
    rows = "a,+6595123402,8,SGD\nb,+6595123404,8,SGD\nc,+6595123406,7.5,SGD\n"
    both = 'subservices = ["airtime", "bundle"]'
    text = invoke("plan", auto(rows, both), *options, code=3).stdout
    assert "several airtime or bundle products of 8.00 SGD" in " ".join(text.split())
    job = auto(rows, both, 'prefer = ["cheapest"]')
    text = " ".join(invoke("plan", job, *options).stdout.split())
    assert (
        "Products chosen for 3 rows. 2 rows with several products, chosen by prefer = cheapest: lines 2 and 3." in text
    )
    assert "For example 8.00 SGD for 5.85 USD (product 6430, Straits Mobile 60 minutes), not 8.00 SGD for 5.94" in text
    choices = json.loads(invoke("plan", job, "--json", *options).stdout)["choices"]
    assert choices["chosen"] == 3
    assert (choices["preferred"]["cheapest"]["rows"], choices["preferred"]["cheapest"]["lines"]) == (2, [2, 3])
    named = " ".join(invoke("plan", auto(rows, both, "products = {1310 = 6418}"), *options).stdout.split())
    assert "Products chosen for 3 rows: 3 by operator." in named


async def _with_all_products_of_singapore(self: Any, numbers: set[str]) -> None:
    products = [product async for product in self._catalogue._dvs.products.list(country_iso_code="SGP")]
    for number in numbers:
        [operator, *_] = [each async for each in self._catalogue._dvs.lookup.mobile_number("+6595123402", post=True)]
        self._operators[number] = operator
        self._products[operator.id] = products


def test_a_row_gets_the_nearest_amount_below_its_own_where_the_job_allows_it_and_keeps_it(
    auto: Any,
    invoke: Any,
    options: tuple[str, ...],
    results: Any,
    books: Any,
    sandbox: Any,
    credentials: tuple[str, str],
) -> None:
    rows = "".join(f"{name},{ECUADOR}{last},{amount},USD\n" for name, last, amount in (("a", 11, 5), ("b", 12, 3)))
    text = " ".join(invoke("plan", auto(rows), *options, code=3).stdout.split())
    assert "Cóndor Móvil has no airtime product of 5.00 USD. Nearest: 3.00 USD for 3.60 USD (product 3411" in text
    job = auto(rows, 'amounts = "at_or_below"')
    text = " ".join(invoke("plan", job, *options).stdout.split())
    assert "1 row gets less than the list has: line 2. For example 3.00 USD for 3.60 USD (product 3411" in text
    assert "Cóndor Móvil 3 USD) instead of 5.00 USD." in text
    invoke("run", job, "--deadline", "0s", *options, code=75)
    # The run keeps what it chose, whatever the operator sells by now.
    _put(sandbox, credentials, "faults", [{"kind": "page_before", "path": "/lookup/mobile-number", "status": 404}])
    assert "Products chosen for 2 rows: 2 as before." in invoke("plan", job, *options).stdout
    invoke("run", job, *options)
    assert [(row["result_product_id"], row["amount"]) for row in results("pay-1")] == [("3411", "5"), ("3411", "3")]
    assert [str(entry["amount"]) for entry in books()["transactions"]] == ["3", "3"]
    invoke("run", job, *options)
    assert len(books()["transactions"]) == 2
