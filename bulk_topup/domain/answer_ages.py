"""Define for how long answers of DVS about products, numbers and bills are used again; pure."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from bulk_topup.dvs.statuses import STATUSES, ErrorCode

#: Products, and lists of products and operators.
CATALOGUE_AGE: Final = timedelta(hours=24)
#: The operator of a number: people rarely take their number to another one.
NUMBER_AGE: Final = timedelta(days=30)
#: That DVS does not know the operator of a number, which may be right by then.
UNKNOWN_OPERATOR_AGE: Final = timedelta(hours=1)
#: The open bills of an account: for so long its amount may be sent.
STATEMENT_AGE: Final = timedelta(hours=1)
#: The products of a list when its first row is sent.
SENDING_AGE: Final = timedelta(hours=1)
#: No older answer is used, whatever is set: times before the year 1 do not exist.
MOST_DAYS: Final = 3_650
#: Final statuses that speak against the operator that is known of a credited number: it may have another one by now.
AGAINST_OPERATOR: Final = tuple(message for message in STATUSES if message.endswith("-CREDIT-PARTY"))

#: What the message of a row has whose creation DVS refused because the number does not fit the product's operator.
REFUSED_OPERATOR: Final = f"({ErrorCode.CREDIT_PARTY_MOBILE_NUMBER_INVALID.value})"


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerAges:
    """How old an answer may be that is used in place of a request."""

    #: Lists of products and operators.
    lists: timedelta = CATALOGUE_AGE
    #: Single products, with their prices.
    products: timedelta = CATALOGUE_AGE
    #: Operators of numbers.
    numbers: timedelta = NUMBER_AGE
    #: Open bills of accounts; also how long their amounts may be sent.
    statements: timedelta = STATEMENT_AGE

    @property
    def statement_limit(self) -> timedelta:
        """How old the amount of a bill may be when it is sent; one that is asked for at each start has the default."""
        return self.statements or STATEMENT_AGE

    def before_sending(self, *, has_cost_cap: bool = False) -> "AnswerAges":
        """Return the ages for a list whose rows are sent: its products are never older than an hour.

        Nor are the lists that they are chosen from, whose prices and amounts decide the choice.

        Args:
            has_cost_cap: whether a cap on costs is checked, for which all prices are asked for at each start.
        """
        age = timedelta() if has_cost_cap else min(self.products, SENDING_AGE)
        return replace(self, products=age, lists=min(self.lists, age))


def ages_of(
    max_age: timedelta | None,
    number_max_age: timedelta | None = None,
    statement_max_age: timedelta | None = None,
) -> AnswerAges:
    """Return the ages that a person sets.

    Args:
        max_age: of products, and lists of products and operators; None for the default.
        number_max_age: of operators of numbers; None for the default.
        statement_max_age: of open bills; None for the default.
    """
    most = timedelta(days=MOST_DAYS)
    catalogue = min(CATALOGUE_AGE if max_age is None else max_age, most)
    numbers = min(NUMBER_AGE if number_max_age is None else number_max_age, most)
    statements = min(STATEMENT_AGE if statement_max_age is None else statement_max_age, most)
    return AnswerAges(lists=catalogue, products=catalogue, numbers=numbers, statements=statements)
