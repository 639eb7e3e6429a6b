"""The product texts in Spanish and French; plain data and one function."""

from collections.abc import Mapping

from bulk_topup.dvs.models.product import RangedProduct
from bulk_topup.sandbox.catalogue.languages import Language
from bulk_topup.sandbox.catalogue.product_factory import AnyProduct

#: Names by product and language; the others are the same in every language.
_NAMES: Mapping[int, Mapping[Language, str]] = {
    id_: {Language.SPANISH: spanish, Language.FRENCH: french}
    for id_, spanish, french in (
        (4455, "Saldo Thistle Mobile", "Crédit Thistle Mobile"),
        (4470, "Saldo Bluebonnet Wireless", "Crédit Bluebonnet Wireless"),
        (5021, "Bayani Telecom 2 GB y 100 mensajes", "Bayani Telecom 2 Go et 100 SMS"),
        (6418, "Saldo Lionwave", "Crédit Lionwave"),
        (6430, "Straits Mobile 60 minutos", "Straits Mobile 60 minutes"),
        (6610, "Saldo Peepal Cellular", "Crédit Peepal Cellular"),
        (7350, "Saldo Harmattan Mobile", "Crédit Harmattan Mobile"),
        (7712, "Saldo Águila Celular", "Crédit Águila Celular"),
        (7725, "Nopal Móvil 5 GB", "Nopal Móvil 5 Go"),
        (8803, "Tarjeta de regalo Larkspur 25 USD", "Carte cadeau Larkspur 25 USD"),
        (8810, "Tarjeta de regalo Panorama", "Carte cadeau Panorama"),
        (9105, "Factura de luz Savanna Power", "Facture d'électricité Savanna Power"),
        (9240, "Factura de agua Aguas del Valle", "Facture d'eau Aguas del Valle"),
        (9550, "Orbit eSIM 10 GB", "Orbit eSIM 10 Go"),
        (9560, "Orbit eSIM 5 GB, nueva o recargada", "Orbit eSIM 5 Go, nouvelle ou rechargée"),
        (9565, "Orbit eSIM ilimitada, nueva o recargada", "Orbit eSIM illimitée, nouvelle ou rechargée"),
    )
}
_FIXED = {Language.SPANISH: "{}, se entrega al instante.", Language.FRENCH: "{}, livraison immédiate."}
_RANGED = {
    Language.SPANISH: "{}, cualquier importe de {} a {} {}.",
    Language.FRENCH: "{}, tout montant de {} à {} {}.",
}
_PIN = {
    Language.SPANISH: {
        "usage_info": ["Presente el código en la caja, o escríbalo al pagar en línea."],
        "terms": "No se canjea por efectivo.",
    },
    Language.FRENCH: {
        "usage_info": ["Présentez le code à la caisse, ou saisissez-le au moment de payer en ligne."],
        "terms": "Non échangeable contre de l'argent.",
    },
}


def translated(product: AnyProduct, language: Language) -> AnyProduct:
    """Return a product with its name, description and instructions in a language."""
    if language is Language.ENGLISH:
        return product
    name = _NAMES.get(product.id, {}).get(language, product.name)
    if isinstance(product, RangedProduct):
        limits = product.destination.amount
        description = _RANGED[language].format(name, limits.min, limits.max, product.destination.unit)
    else:
        description = _FIXED[language].format(name)
    pin = product.pin and product.pin.model_copy(update=_PIN[language])
    return product.model_copy(update={"name": name, "description": description, "pin": pin})
