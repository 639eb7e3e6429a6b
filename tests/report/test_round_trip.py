"""Whatever the rows are, each file tells the same of all of them, once, to the last digit."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from bulk_topup.domain.problems import Problem
from bulk_topup.domain.row import Outcome
from bulk_topup.domain.run import Run
from bulk_topup.domain.states import RowState
from bulk_topup.security.formulas import FORMULA_STARTS

_NASTY = st.sampled_from(
    [
        "=1+1",
        "+6595123100",
        "-",
        "@SUM(A1)",
        "\t=1",
        "\r",
        "a\r\nb",
        "<r>x</r>",
        "<f>1</f>",
        "_x0041_",
        "\x00",
        '"',
        ";,",
        "'quoted'",
        "http://example.org",
        "{=1}",
        "1e5",
        "007",
        "#N/A",
        "TRUE",
        "\ufeff",
        "\u202e",
        "\uffff",
        "  ",
    ]
)
#: Reading a list takes a `'` before such a character away, so no cell of a ledger begins with both.
_TEXT = (_NASTY | st.text(max_size=12)).filter(lambda text: not (text[:1] == "'" and text[1:2] in FORMULA_STARTS))
_AMOUNTS = (
    st.decimals(min_value=0, max_value=10**4, places=2)
    | st.decimals(min_value=0, max_value=10**17, places=9)
    | st.decimals(min_value=0, allow_nan=False, allow_infinity=False, max_value=10**18).map(lambda d: round(d, 9))
)
_TIMES = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
_PROBLEMS = st.lists(st.builds(Problem, column=_TEXT, message=_TEXT), max_size=2).map(tuple)
_UNITS = st.sampled_from(["SGD", "USD", "=EUR"])


@st.composite
def _runs(draw: st.DrawFn) -> tuple[Run, list[Outcome]]:
    columns = draw(st.lists(_TEXT | st.sampled_from(["reason", "result_state"]), max_size=4, unique=True))
    run = Run(
        id=1,
        job="payroll",
        run_key="2026-11",
        environment="sandbox",
        list_path="payroll.csv",
        columns=tuple(columns),
        created_at=draw(_TIMES),
    )
    outcome = st.builds(
        Outcome,
        line=st.just(0),
        state=st.sampled_from(RowState),
        cells=st.tuples(*[_TEXT for _ in columns]),
        problems=_PROBLEMS,
        message=_TEXT,
        note=_TEXT,
        product_id=st.none() | st.integers(1, 9999),
        credit_party=st.none() | _TEXT,
        amount=st.none() | _AMOUNTS,
        unit=st.none() | _UNITS,
        attempt=st.integers(0, 9),
        external_id=st.none() | _TEXT,
        transaction_id=st.none() | st.integers(1, 2**63 - 1),
        status_class=st.none() | st.sampled_from(["COMPLETED", "DECLINED"]),
        status_message=st.none() | _TEXT,
        price=st.none() | _AMOUNTS,
        fee=st.none() | _AMOUNTS,
        price_unit=st.none() | _UNITS,
        operator_reference=st.none() | _TEXT,
        pin_code=st.none() | _TEXT,
        pin_serial=st.none() | _TEXT,
        creation_date=st.none() | _TIMES,
        final_at=st.none() | _TIMES,
        in_list=st.booleans(),
    )
    drawn = draw(st.lists(outcome, max_size=6))
    fields = dict.fromkeys(Outcome.__slots__)
    return run, [
        Outcome(**{name: getattr(each, name) for name in fields if name != "line"}, line=line)
        for line, each in enumerate(drawn, start=2)
    ]
