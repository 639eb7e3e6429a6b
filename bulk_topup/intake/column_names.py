"""The names of columns that need no mapping, by field, in seven languages; the place to add a column alias; pure.

One table: a name belongs to one field. Names are compared by their letters and digits alone, so that `phoneNumber`,
`Phone number:` and `PHONE_NUMBER` are one name, and `Teléfono` is `telefono`.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from bulk_topup.domain import fields

_PERSON_NAMES: Final = {
    "last_name": ("last name", "surname", "family name"),
    "first_name": ("first name", "given name"),
    "middle_name": ("middle name",),
    "nationality_country_iso_code": ("nationality country iso code", "nationality"),
    "mobile_number": ("mobile number", "mobile", "phone number", "phone", "msisdn"),
    "email": ("email", "e mail"),
    "address_text": ("address text", "address"),
    "address_city": ("address city", "city"),
    "address_country_iso_code": ("address country iso code", "address country"),
    "address_postal_code": ("address postal code", "postal code"),
}

#: The names that the first two reading versions know, in addition to the fields' own; see `READING_VERSION`. Nothing is
#: added here. A person's name needs the name of its group: without it, a list does not say whether it is the sender's
#: or the beneficiary's, or whether it may be sent at all.
EARLIER_NAMES: Final[dict[str, tuple[str, ...]]] = {
    fields.REFERENCE: ("employee id", "id", "ref", "external reference"),
    fields.PRODUCT_ID: ("product",),
    fields.AMOUNT: ("value",),
    fields.CURRENCY: ("unit",),
    fields.CREDIT_MOBILE: ("phone", "phone number", "mobile", "mobile number", "mobile phone", "msisdn", "cell"),
    fields.CREDIT_ACCOUNT: ("account", "account number", "meter number", "customer number"),
    fields.CREDIT_QUALIFIER: ("account qualifier",),
    "statement_identifier.reference": ("bill reference", "statement reference", "invoice"),
    "statement_identifier.due_date": ("due date",),
    "additional_identifier.purchaser_id": ("purchaser id",),
    **{
        f"{group}.{field}": tuple(f"{group} {name}" for name in names)
        for group in ("sender", "beneficiary")
        for field, names in _PERSON_NAMES.items()
    },
}


def _each(firsts: str, lasts: str) -> tuple[str, ...]:
    """Return each of the first words with each of the last ones; commas are between them."""
    return tuple(f"{first} {last}" for first in firsts.split(", ") for last in lasts.split(", "))


#: The other names, which need their own reading version because a run must not change its columns on its way. Account
#: numbers of banks are not among them: a payroll has them, and they would be sent. Nor are names that are as often
#: those of something else, such as "No", "Number" or "Contact": these are proposed, see `POSSIBLE_NAMES`.
NAMES: Final[dict[str, tuple[str, ...]]] = {
    fields.REFERENCE: (
        *_each("employee, emp, staff, personnel, worker", "id, number, no, code"),
        *_each("ref, reference", "id, number, no"),
        *("external id", "record id"),
        *("referencia", "id empleado", "id de empleado", "codigo empleado", "codigo de empleado", "legajo"),
        *_each("numero, numero de, no, no de, nro, nro de", "empleado"),
        *("matricule", "id employe", "code employe", "numero employe", "numero d'employe"),
        *("matricula", "id funcionario", "id do funcionario", "codigo do funcionario", "numero do funcionario"),
        *("referenz", "referenznummer", "personalnummer", "personal nr", "mitarbeiternummer", "mitarbeiter nr"),
        *("mitarbeiter id", "referensi", "id karyawan", "nomor induk karyawan", "id pegawai"),
        *_each("no, nomor", "referensi, karyawan, pegawai"),
        *("المرجع", "رقم المرجع", "الرقم المرجعي", "رقم الموظف", "الرقم الوظيفي", "معرف الموظف"),
    ),
    fields.PRODUCT_ID: (
        *("producto", "id producto", "id de producto", "produit", "id produit", "produto", "id produto"),
        *("id do produto", "produkt", "produkt id", "produktnummer", "produk", "id produk", "المنتج", "رقم المنتج"),
    ),
    fields.AMOUNT: (
        *("amt", "payment amount", "top up amount", "recharge amount", "transfer amount", "amount to pay"),
        *("monto", "importe", "valor", "monto a pagar", "importe a pagar", "montant", "montant a payer"),
        *("montante", "quantia", "valor a pagar", "betrag", "zahlbetrag", "nominal", "jumlah"),
        *("المبلغ", "مبلغ", "القيمة"),
    ),
    fields.CURRENCY: (
        *("currency code", "ccy", "moneda", "divisa", "devise", "monnaie", "moeda", "währung", "waehrung"),
        *("mata uang", "العملة", "عملة"),
    ),
    fields.COUNTRY: (
        *("country name", "country iso", "country iso code", "pais", "pays", "land", "negara"),
        *("البلد", "بلد", "الدولة", "دولة"),
    ),
    fields.CREDIT_MOBILE: (
        *("tel", "telephone", "cell phone", "handphone", "numero"),
        *_each("mobile, phone, cell, tel, telephone, mobile phone, cell phone", "number, no, num, nr"),
        *_each("msisdn, handphone, contact", "number, no"),
        *("contact phone", "contact phone number", "contact mobile", "contact mobile number"),
        *_each("recipient, receiver", "phone, phone number, phone no, mobile, mobile number, mobile no"),
        *("telefono", "celular", "movil", "telefono movil", "telefono celular"),
        *_each("numero, numero de, num, no, no de, nro, nro de, n, n de", "telefono, celular, movil, telefono movil"),
        *("portable", "telephone portable", "telephone mobile"),
        *_each("numero, numero de, num, no, no de, n, n de", "telephone, portable, tel, mobile, telephone portable"),
        *("telefone", "telemovel", "telefone celular", "telefone movel"),
        *_each("numero, numero de, numero do, num, no, no do, n, n do", "telefone, telemovel, celular"),
        *("telefon", "handy", "mobil", "mobiltelefon", "rufnummer", "mobilfunknummer", "mobilrufnummer"),
        *_each("telefon, handy, mobil, mobiltelefon", "nr, nummer"),
        *("telepon", "telp", "ponsel", "hp"),
        *_each("no, nomor", "hp, handphone, telepon, telp, telpon, ponsel, telepon seluler"),
        *("هاتف", "جوال", "محمول", "موبايل", "نقال", "تليفون", "تلفون"),
        *("الهاتف", "الجوال", "المحمول", "الموبايل", "النقال", "التليفون", "الهاتف المحمول", "الهاتف الجوال"),
        *_each("رقم", "هاتف, جوال, موبايل, الهاتف, الجوال, المحمول, الموبايل, النقال, التليفون, الهاتف المحمول"),
    ),
    fields.CREDIT_ACCOUNT: (
        *("account no", "meter no", "numero de medidor", "numero del medidor", "numero do medidor"),
        *("numero de compteur", "zählernummer", "zaehlernummer", "nomor meter", "no meter", "رقم العداد"),
    ),
}

#: Names that may be those of a field, if no other column is.
POSSIBLE_NAMES: Final[dict[str, tuple[str, ...]]] = {
    fields.CREDIT_MOBILE: ("number", "num", "nummer", "nomor", "contact", "contacto", "contato", "kontakt", "whatsapp"),
    fields.AMOUNT: ("total", "sum", "summe", "somme", "salary", "payment", "pay", "price", "cantidad", "bonus"),
}

_SEPARATORS: Final = re.compile(r"[\s_\-]+")
#: Where a name without separators has its next word: `phoneNumber`, `MSISDNNumber`.
_CAPITALS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def column_key(name: str) -> str:
    """Return the letters and digits of a name, without case and accents; equal names have equal keys."""
    # First without marks of their own, of which casefold makes letters.
    letters = "".join(filter(str.isalnum, unicodedata.normalize("NFKC", name)))
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", letters.casefold())))


def earlier_column_key(name: str) -> str:
    """Return the key by which the first two reading versions compare names: without case; blanks, `-` and `_` equal."""
    return _SEPARATORS.sub(" ", name.casefold()).strip()


def words_of(name: str) -> list[str]:
    """Return the keys of a name's words, which end at capitals, dots, underscores and blanks."""
    words = re.split(r"[\W_]+", _CAPITALS.sub(" ", unicodedata.normalize("NFKC", name)))
    return list(filter(None, map(column_key, words)))


def names_of(field: str) -> Iterator[str]:
    """Yield all names of a field, its own first."""
    yield from (field, *EARLIER_NAMES.get(field, ()), *NAMES.get(field, ()))


FIELDS_BY_KEY: Final = {column_key(name): field for field in fields.FIELDS for name in names_of(field)}

EARLIER_FIELDS_BY_KEY: Final = {
    earlier_column_key(name): field for field in fields.FIELDS for name in (field, *EARLIER_NAMES.get(field, ()))
}
