"""Errors of the DVS client end with what to do."""

from bulk_topup.app.fixes import with_fix
from bulk_topup.dvs.errors import error_for


def test_an_answer_that_is_not_of_dvs_names_who_else_may_have_answered() -> None:
    assert with_fix(error_for(404, (), foreign="text/html of 8 bytes")) == (
        "DVS answered HTTP 404 with text/html of 8 bytes, which is not its error form. A proxy or a wrong --base-url "
        "may have answered. `bulk-topup doctor` checks the connection."
    )
