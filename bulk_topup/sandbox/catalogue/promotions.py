"""The promotions and campaigns of the sandbox, some past, some current, some future; plain data and look-ups.

Their dates are fixed, so the list of them is always the same; which of a product's promotions are current depends on
the time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from bulk_topup.sandbox.catalogue.languages import Language


@dataclass(frozen=True, kw_only=True, slots=True)
class Texts:
    """The texts of an offer in one language."""

    title: str
    description: str
    terms: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A promotion or a campaign."""

    id: int
    start_date: datetime
    end_date: datetime
    product_ids: tuple[int, ...]
    texts: Mapping[Language, Texts]

    def is_current(self, moment: datetime) -> bool:
        """Return True if it is valid at a time, both ends included."""
        return self.start_date <= moment <= self.end_date


def _offer(id_: int, first_day: str, last_day: str, product_ids: Iterable[int], **texts: tuple[str, str, str]) -> Offer:
    """Create an offer of whole days in UTC; texts are title, description and terms by language."""
    start, last = (datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC) for day in (first_day, last_day))
    return Offer(
        id=id_,
        start_date=start,
        end_date=last + timedelta(days=1) - timedelta(seconds=1),
        product_ids=tuple(product_ids),
        texts={
            Language(language): Texts(title=title, description=description, terms=terms)
            for language, (title, description, terms) in texts.items()
        },
    )


_UNTIL_REVOKED = (
    "The operator may end it early.",
    "El operador puede terminarla antes.",
    "L'opérateur peut y mettre fin plus tôt.",
)

#: Promotions by ID; each belongs to one operator.
PROMOTIONS: Mapping[int, Offer] = {
    offer.id: offer
    for offer in (
        _offer(
            5101,
            "2025-06-01",
            "2025-06-30",
            [3411],
            en=("June double credit", "Twice the credit on every recharge.", _UNTIL_REVOKED[0]),
            es=("Doble saldo en junio", "El doble de saldo en cada recarga.", _UNTIL_REVOKED[1]),
            fr=("Crédit doublé en juin", "Deux fois le crédit à chaque recharge.", _UNTIL_REVOKED[2]),
        ),
        _offer(
            5102,
            "2026-01-01",
            "2027-12-31",
            [6418],
            en=("Lion weekends", "Calls within Lionwave are free on Saturdays and Sundays.", "From 10 SGD."),
            es=("Fines de semana Lion", "Llamadas gratis en Lionwave los sábados y domingos.", "Desde 10 SGD."),
            fr=("Week-ends Lion", "Appels Lionwave gratuits le samedi et le dimanche.", "À partir de 10 SGD."),
        ),
        _offer(
            5103,
            "2026-10-15",
            "2027-01-15",
            [7712],
            en=("Year-end bonus", "500 MB of data with every recharge of 100 MXN or more.", _UNTIL_REVOKED[0]),
            es=("Bono de fin de año", "500 MB de datos con cada recarga desde 100 MXN.", _UNTIL_REVOKED[1]),
            fr=("Bonus de fin d'année", "500 Mo de données dès 100 MXN rechargés.", _UNTIL_REVOKED[2]),
        ),
        _offer(
            5104,
            "2026-11-01",
            "2027-06-30",
            [6418],
            en=("Welcome pack", "100 texts with the first recharge of a number.", "Once a number."),
            es=("Paquete de bienvenida", "100 mensajes con la primera recarga.", "Una vez por número."),
            fr=("Pack de bienvenue", "100 SMS avec la première recharge.", "Une fois par numéro."),
        ),
        _offer(
            5105,
            "2027-11-01",
            "2027-11-30",
            [5021],
            en=("Anniversary month", "Three days more for every bundle.", _UNTIL_REVOKED[0]),
            es=("Mes de aniversario", "Tres días más en cada paquete.", _UNTIL_REVOKED[1]),
            fr=("Mois anniversaire", "Trois jours de plus pour chaque forfait.", _UNTIL_REVOKED[2]),
        ),
    )
}

#: Campaigns by ID; they span operators, and their texts are in English only.
CAMPAIGNS: Mapping[int, Offer] = {
    offer.id: offer
    for offer in (
        _offer(
            8201,
            "2025-08-15",
            "2025-09-15",
            [5021, 7725],
            en=("Back to school", "Data bundles for the new school year.", "While it lasts."),
        ),
        _offer(
            8202,
            "2026-03-01",
            "2027-12-31",
            [6418, 7712, 9550],
            en=("Bring a friend", "A second recharge at half price for a number that is new to you.", "Once a number."),
        ),
        _offer(
            8203,
            "2026-11-15",
            "2027-01-06",
            [8803, 8810],
            en=("Gifts for the holidays", "Gift cards come in a festive wrapping.", "While it lasts."),
        ),
    )
}


def promotions_on(product_id: int, moment: datetime) -> list[Offer]:
    """Return the promotions of a product that are valid at a time."""
    return [offer for offer in PROMOTIONS.values() if product_id in offer.product_ids and offer.is_current(moment)]
