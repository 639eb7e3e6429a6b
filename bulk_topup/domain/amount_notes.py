"""Define what a plan notes of a list's amounts: which marks the whole column has, and which currencies; pure."""

from dataclasses import dataclass, field


@dataclass(kw_only=True, slots=True)
class AmountNotes:
    """How a list's amounts were read, beyond digits and the decimal mark of its job."""

    #: The mark before decimals, where the column itself leaves no doubt about it; None for the job's.
    decimal_mark: str | None = None
    #: The mark between groups of digits; None where no amount has groups.
    group_mark: str | None = None
    #: The first amount with groups, and how it was read.
    example: tuple[str, str] | None = None
    #: The signs and codes of currencies that amounts are written with, in capitals.
    signs: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """Return plain JSON values."""
        return {
            "decimal_mark": self.decimal_mark,
            "group_mark": self.group_mark,
            "example": None if self.example is None else {"cell": self.example[0], "amount": self.example[1]},
            "signs": list(self.signs),
        }
