"""Where a problem is."""

from bulk_topup.domain.problems import Problem


def test_a_problem_says_its_file_line_and_column() -> None:
    assert Problem(column="phone", message="Wrong.").at("pay.csv", 18) == 'pay.csv line 18, column "phone": Wrong.'
    assert Problem(column="", message="Wrong.").at("pay.csv", 18) == "pay.csv line 18: Wrong."
