from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.report.columns import (
    AMOUNT_FIELDS,
    COUNT_FIELDS,
    FOREIGN_FIELDS,
    RESULT_FIELDS,
    result_columns,
    unused,
)


def test_result_columns_are_the_fields_with_their_prefix() -> None:
    assert result_columns(("phone", "state")) == tuple(f"result_{field}" for field in RESULT_FIELDS)


def test_a_column_of_the_list_keeps_its_name_and_ours_gets_a_number() -> None:
    names = result_columns(("result_state", "result_state_2", "result_line"))
    assert names[:2] == ("result_line_2", "result_state_3")


def test_a_free_name_is_taken_as_it_is() -> None:
    assert unused("phone", {"amount"}) == "phone"


def test_the_kinds_of_fields_are_fields_and_do_not_overlap() -> None:
    kinds = [*AMOUNT_FIELDS, *COUNT_FIELDS, *FOREIGN_FIELDS]
    assert len(set(kinds)) == len(kinds)
    assert set(kinds) < set(RESULT_FIELDS)


_NAMES = st.sampled_from([f"result_{field}{end}" for field in RESULT_FIELDS for end in ("", "_2", "_3")]) | st.text()


@given(st.lists(_NAMES, unique=True))
def test_no_two_columns_of_the_results_have_the_same_name(columns: list[str]) -> None:
    names = [*columns, *result_columns(columns)]
    assert len(set(names)) == len(names)
