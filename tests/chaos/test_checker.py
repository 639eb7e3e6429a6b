"""The checker finds everything that must never happen: each test changes the results of a correct scenario."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from chaos.checker import check
from chaos.evidence import Evidence

Row = dict[str, Any]


def _paid(evidence: Evidence) -> Row:
    return next(row for row in evidence.rows if row["state"] == "completed" and row["credit_party"])


def _transaction(evidence: Evidence, row: Row) -> Row:
    found: Row = next(each for each in evidence.books["transactions"] if each["external_id"] == row["external_id"])
    return found


def _changed(evidence: Evidence, row: Row, **other: Any) -> Evidence:
    """Return the evidence with changes in one row of the report."""
    return replace(evidence, rows=[{**each, **other} if each is row else each for each in evidence.rows])


def _with_books(evidence: Evidence, transactions: Sequence[Row]) -> Evidence:
    return replace(evidence, books={**evidence.books, "transactions": transactions})


def _found(evidence: Evidence, kind: str) -> bool:
    return any(complaint.startswith(f"{kind}:") for complaint in check(evidence))


def test_a_scenario_without_faults_has_no_complaints(evidence: Evidence) -> None:
    assert {row["state"] for row in evidence.rows} == {"completed", "failed", "refused"}
    assert "a PIN" in evidence.secrets.values()
    assert check(evidence) == []


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"external_id": "list-other0000000000000-1"},
        {"status_class": "SUBMITTED"},
    ],
)
def test_a_second_payment_is_found_under_the_same_id_or_another_final_or_not(evidence: Evidence, other: Row) -> None:
    again = {**_transaction(evidence, _paid(evidence)), **other}
    assert _found(_with_books(evidence, [*evidence.books["transactions"], again]), "Paid twice")


def test_a_second_attempt_that_was_paid_too_is_found(evidence: Evidence) -> None:
    paid = _transaction(evidence, _paid(evidence))
    again = {**paid, "external_id": paid["external_id"].removesuffix("-1") + "-2"}
    complaints = check(_with_books(evidence, [*evidence.books["transactions"], again]))
    assert any("2 attempts of row" in complaint for complaint in complaints)
    assert any("the report contains another attempt" in complaint for complaint in complaints)


def test_a_second_attempt_after_a_failed_one_is_not_a_second_payment(evidence: Evidence) -> None:
    paid = _transaction(evidence, _paid(evidence))
    failed = {**paid, "external_id": paid["external_id"].removesuffix("-1") + "-0", "status_class": "DECLINED"}
    assert check(_with_books(evidence, [*evidence.books["transactions"], failed])) == []


def test_an_amount_that_no_list_contains_is_found(evidence: Evidence) -> None:
    row = next(row for row in evidence.rows if row["state"] == "completed" and row["product_id"] == 4470)
    paid = _transaction(evidence, row)
    others = [each for each in evidence.books["transactions"] if each is not paid]
    assert _found(_with_books(evidence, [*others, {**paid, "amount": Decimal("7.77")}]), "Wrong payment")


def test_a_payment_to_the_person_behind_another_spelling_is_found(evidence: Evidence) -> None:
    """One list credits a number in another spelling than the other; its person is paid under both."""
    row = _paid(evidence)
    paid = _transaction(evidence, row)
    line = next(line for line in evidence.lists[-1] if line["number"] == row["credit_party"])
    respelled = {**line, "phone": line["phone"].replace("+65", "+65 "), "reference": "r-0999"}
    again = {**paid, "external_id": "list-respelled-1"}
    lists = [*evidence.lists, [respelled if each is line else each for each in evidence.lists[-1]]]
    both = replace(_with_books(evidence, [*evidence.books["transactions"], again]), lists=lists)
    assert any(f"{line['number']} got product {line['product_id']} 2 times" in each for each in check(both))


def test_an_amount_that_is_paid_to_two_equal_rows_instead_of_one_is_found(evidence: Evidence) -> None:
    row = next(row for row in evidence.rows if row["state"] == "completed" and row["product_id"] == 4470)
    paid = _transaction(evidence, row)
    line = next(line for line in evidence.lists[-1] if line["number"] == paid["credit_party"])
    equal = {**line, "person": "99", "reference": "R-9999", "amount": "7.77"}
    twice = [*evidence.books["transactions"], {**paid, "external_id": "list-equal-1"}]
    both = replace(_with_books(evidence, twice), lists=[[*evidence.lists[-1], equal]])
    assert any(f"got {paid['amount']} of product 4470 2 times, at most 1" in each for each in check(both))


def test_a_card_for_one_person_under_two_references_is_found(evidence: Evidence) -> None:
    row = next(row for row in evidence.rows if row["state"] == "completed" and not row["credit_party"])
    again = {**_transaction(evidence, row), "external_id": "list-card-1"}
    edited = [[{**line, "reference": f"GC{line['reference'][2:]}"} for line in evidence.lists[-1]]]
    both = replace(_with_books(evidence, [*evidence.books["transactions"], again]), lists=[*evidence.lists, *edited])
    assert _found(both, "Paid twice")


def test_somebody_whom_none_of_several_runs_has_paid_is_found(evidence: Evidence) -> None:
    payable = [line for line in evidence.lists[-1] if line["number"] in {row["credit_party"] for row in evidence.rows}]
    several = replace(evidence, has_several_runs=True, lists=[payable])
    failed = [row["credit_party"] for row in evidence.rows if row["state"] == "failed"]
    assert {each.split()[1] for each in check(several) if each.startswith("Forgotten: +")} == set(failed)


def test_a_line_that_the_report_lacks_is_found(evidence: Evidence) -> None:
    for row in evidence.rows:
        assert _found(replace(evidence, rows=[each for each in evidence.rows if each is not row]), "Forgotten")


def test_a_line_that_the_report_has_twice_is_found(evidence: Evidence) -> None:
    assert _found(replace(evidence, rows=[*evidence.rows, _paid(evidence)]), "Forgotten")


def test_a_payment_that_is_not_in_the_report_is_found(evidence: Evidence) -> None:
    unknown = {**_transaction(evidence, _paid(evidence)), "external_id": "list-unknown-1"}
    assert _found(_with_books(evidence, [*evidence.books["transactions"], unknown]), "Forgotten")


def test_a_row_may_be_refused_only_if_a_line_with_its_number_was_removed(evidence: Evidence) -> None:
    row = next(row for row in evidence.rows if row["state"] == "completed" and row["credit_party"])
    books = [each for each in evidence.books["transactions"] if each["external_id"] != row["external_id"]]
    refused = _changed(_with_books(evidence, books), row, state="refused", external_id=None, transaction_id=None)
    assert _found(refused, "Wrong state")
    removed = {"reference": "R-9999", "product_id": "9240", "amount": "1000"}
    removed |= {"person": "99", "number": row["credit_party"]}
    assert not _found(replace(refused, lists=[[removed], *evidence.lists]), "Wrong state")


@pytest.mark.parametrize("state", ["pending", "in_flight", "accepted", "failed", "conflict", "reversed"])
def test_a_payable_row_in_any_other_state_is_found(evidence: Evidence, state: str) -> None:
    changed = _changed(evidence, _paid(evidence), state=state)
    assert _found(changed, "Wrong state")


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("transaction_id", 1),
        ("product_id", 4455),
        ("credit_party", "+6595123000"),
        ("status_class", "DECLINED"),
        ("status", "DECLINED"),
        ("amount", "1000"),
        ("price", "0.01"),
        ("fee", "0.01"),
        ("price_unit", "EUR"),
    ],
)
def test_a_row_that_differs_from_the_provider_is_found(evidence: Evidence, name: str, other: Any) -> None:
    assert _found(_changed(evidence, _paid(evidence), **{name: other}), "Books")


def test_a_row_completed_without_a_transaction_is_found(evidence: Evidence) -> None:
    paid = _transaction(evidence, _paid(evidence))
    others = [each for each in evidence.books["transactions"] if each is not paid]
    assert _found(_with_books(evidence, others), "Books")


@pytest.mark.parametrize("name", ["charged", "held"])
def test_a_total_that_differs_in_its_last_decimal_is_found(evidence: Evidence, name: str) -> None:
    total = evidence.summary[name]
    wrong = {**total, "USD": str(Decimal(total.get("USD", "0")) + Decimal("0.0000000001"))}
    assert _found(replace(evidence, summary={**evidence.summary, name: wrong}), "Money")


def test_a_wallet_that_lost_money_is_found(evidence: Evidence) -> None:
    wallets = evidence.books["wallets"]
    poorer = {**wallets, "USD": {**wallets["USD"], "available": Decimal(wallets["USD"]["available"]) - 1}}
    assert _found(replace(evidence, books={**evidence.books, "wallets": poorer}), "Money")


def test_differences_between_the_files_of_a_report_are_found(evidence: Evidence) -> None:
    counts = {**evidence.summary["counts"], "completed": 0}
    assert _found(replace(evidence, summary={**evidence.summary, "counts": counts}), "Files")
    assert _found(replace(evidence, csv_rows=evidence.csv_rows[1:]), "Files")


def test_a_pin_or_api_secret_in_any_file_is_found(evidence: Evidence) -> None:
    for name in evidence.texts:
        for secret, what in evidence.secrets.items():
            leaking = replace(evidence, texts={**evidence.texts, name: f"before {secret} after"})
            assert f"Secret: {name} shows {what}." in check(leaking)


def test_a_file_with_personal_data_that_others_can_read_is_found(evidence: Evidence) -> None:
    assert _found(replace(evidence, public_files=["results.csv"]), "Secret")


def test_a_traceback_in_any_output_is_found(evidence: Evidence) -> None:
    output = next(iter(evidence.texts))
    assert _found(replace(evidence, texts={output: "Traceback (most recent call last):"}), "Output")


@pytest.mark.parametrize("code", [-11, 3, 70, 75, 0])
def test_an_exit_code_that_is_not_documented_or_wrong_is_found(evidence: Evidence, code: int) -> None:
    last = {"command": "run", "code": code, "killed": False}
    assert _found(replace(evidence, exits=[*evidence.exits, last]), "Exit code")


@pytest.mark.parametrize("name", ["checker.py", "evidence.py"])
def test_the_checker_imports_nothing_of_the_product(root: Path, name: str) -> None:
    assert "import bulk_topup" not in (source := (root / "chaos" / name).read_text())
    assert "from bulk_topup" not in source
    assert {line for line in source.splitlines() if line.startswith("from chaos")} <= {
        "from chaos.evidence import Evidence, Row"
    }
