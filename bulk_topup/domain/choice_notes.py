"""Define what a plan notes of the products that were chosen for its rows; pure."""

from dataclasses import dataclass, field

from bulk_topup.domain.number_notes import NotedRows


@dataclass(kw_only=True, slots=True)
class ExampleRows(NotedRows):
    """Rows that were decided in one way, with what happened to the first of them."""

    example: str = ""

    def note(self, line: int, example: str) -> None:
        """Count a row; the first one's example is kept."""
        self.example = self.example or example
        self.add((line,), 1)

    def as_json(self) -> dict[str, object]:
        """Return plain JSON values."""
        return {"rows": self.rows, "lines": self.lines, "example": self.example}


@dataclass(kw_only=True, slots=True)
class ChoiceNotes:
    """How the products of a list's rows were chosen."""

    #: Rows that have a product: those of the following counts, and those for which one product alone gave the amount.
    chosen: int = 0
    #: Rows that keep the product that the run chose for them before.
    kept: int = 0
    #: Rows whose product the job names for their operator.
    named: int = 0
    #: Rows with several products, by the preference that left one.
    preferred: dict[str, ExampleRows] = field(default_factory=dict)
    #: Rows that get less than their amount, as no product gives it.
    lowered: ExampleRows = field(default_factory=ExampleRows)
    #: Operators in the job's `products` that no number of the list has, among those that were looked up.
    unmatched: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return plain JSON values."""
        return {
            "chosen": self.chosen,
            "kept": self.kept,
            "named": self.named,
            "preferred": {preference: rows.as_json() for preference, rows in self.preferred.items()},
            "lowered": self.lowered.as_json(),
            "unmatched": list(self.unmatched),
        }
