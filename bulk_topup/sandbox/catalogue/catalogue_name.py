"""Which catalogue a sandbox has; plain values, so that a command line is read without creating one."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

CatalogueSize = Literal["small", "real-size"]
CATALOGUE_SIZES: Final[tuple[CatalogueSize, ...]] = get_args(CatalogueSize)


@dataclass(frozen=True, kw_only=True, slots=True)
class CatalogueName:
    """Which catalogue."""

    size: CatalogueSize = "small"
    #: What the catalogue of real size is generated from; the same seed creates the same one.
    seed: int = 0

    def __str__(self) -> str:
        """Return the name as books have it: empty for the small catalogue."""
        return "" if self.size == "small" else f"{self.size} {self.seed}"


SMALL: Final = CatalogueName()
