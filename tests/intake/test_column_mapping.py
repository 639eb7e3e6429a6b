"""Which column has which field: as given, otherwise by name, and never by a guess between two."""

from collections.abc import Callable, Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bulk_topup.domain import fields
from bulk_topup.errors import MappingError
from bulk_topup.intake.column_mapping import LISTED_COLUMNS, map_columns, propose_columns
from bulk_topup.intake.column_names import POSSIBLE_NAMES, column_key, names_of, words_of


@pytest.mark.parametrize("field", fields.FIELDS)
def test_a_column_with_the_name_of_a_field_is_that_field(field: str) -> None:
    assert map_columns(["x", field], {}, ()) == {field: 1}


@pytest.mark.parametrize(
    ("column", "field"),
    [
        *(
            (name, fields.CREDIT_MOBILE)
            for name in ("Phone", "Phone Number", "mobile_number", "MSISDN", "Cell", "Mobile")
        ),
        *((name, fields.CREDIT_ACCOUNT) for name in ("Account", "account-number", "Meter  Number", "Customer Number")),
        *((name, fields.REFERENCE) for name in ("Employee ID", "employee_id", "ID", "Ref", "External Reference")),
        ("Account Qualifier", fields.CREDIT_QUALIFIER),
        ("Product", fields.PRODUCT_ID),
        ("PRODUCT ID", fields.PRODUCT_ID),
        ("Value", fields.AMOUNT),
        ("Unit", fields.CURRENCY),
        ("Sender First Name", "sender.first_name"),
        ("beneficiary_last_name", "beneficiary.last_name"),
        ("Sender nationality", "sender.nationality_country_iso_code"),
        ("Beneficiary Phone", "beneficiary.mobile_number"),
        ("Bill reference", "statement_identifier.reference"),
        ("Invoice", "statement_identifier.reference"),
        ("Due\ndate", "statement_identifier.due_date"),
        ("Purchaser ID", "additional_identifier.purchaser_id"),
    ],
)
def test_well_known_names_need_no_mapping(column: str, field: str) -> None:
    assert map_columns([column], {}, ()) == {field: 0}


@given(st.permutations(["first name", "Last Name", "name", "email", "address", "comment", "reason", "line", "phone"]))
def test_a_persons_name_without_its_group_is_not_mapped(columns: list[str]) -> None:
    assert map_columns(columns, {}, ()) == {fields.CREDIT_MOBILE: columns.index("phone")}


def test_fields_are_in_their_own_order_whatever_the_lists() -> None:
    assert list(map_columns(["phone", "amount", "id"], {}, ())) == ["reference", "amount", fields.CREDIT_MOBILE]


def test_a_given_column_wins_over_a_well_known_name() -> None:
    columns = ["phone", "private line", "amount"]
    assert map_columns(columns, {fields.CREDIT_MOBILE: "private line"}, ())[fields.CREDIT_MOBILE] == 1


def test_a_constant_wins_over_a_well_known_name() -> None:
    assert map_columns(["phone", "product"], {}, {"product_id"}) == {fields.CREDIT_MOBILE: 0}


def test_a_column_that_is_given_for_one_field_is_not_used_for_another() -> None:
    assert map_columns(["phone", "amount"], {"sender.mobile_number": "phone"}, ()) == {
        "amount": 1,
        "sender.mobile_number": 0,
    }


def test_one_column_may_be_given_for_two_fields() -> None:
    mapping = {"reference": "meter", fields.CREDIT_ACCOUNT: "meter"}
    assert map_columns(["meter"], mapping, ()) == {"reference": 0, fields.CREDIT_ACCOUNT: 0}


def test_the_exact_name_is_found_before_one_in_other_capitals() -> None:
    assert map_columns(["MEMO", "Memo"], {"reference": " Memo "}, ()) == {"reference": 1}
    assert map_columns(["MEMO", "x"], {"reference": "memo"}, ()) == {"reference": 0}


@pytest.mark.parametrize(
    ("columns", "mapping", "expected"),
    [
        (["a", "b"], {"amount": "c"}, 'has no column "c" for field amount. Columns: "a", "b".'),
        (["a", ""], {"amount": " "}, 'has no column "" for field amount. Columns: "a".'),
        (["a", "a"], {"amount": "a"}, 'has 2 columns "a", and field amount needs one. Rename the others.'),
        (["A", "a "], {"amount": "ä"}, 'has no column "ä"'),
        (["TEL", "tel"], {"amount": "Tel"}, 'has 2 columns "Tel"'),
        (["a"], {"amuont": "a"}, 'There is no field "amuont". Did you mean amount?'),
        (["a"], {"phone": "a"}, 'There is no field "phone". Did you mean credit_party_identifier.mobile_number?'),
        (["a"], {"sender.firstname": "a"}, "Did you mean sender.first_name?"),
        (["a"], {"xyzzy": "a"}, "Fields: reference, product_id, amount"),
        (
            ["phone", "mobile"],
            {},
            'Columns "phone", "mobile" could each be credit_party_identifier.mobile_number. ',
        ),
        (["Product", "Product ID"], {}, "one: --map product_id=Product or --map 'product_id=Product ID'."),
        (
            ["phone", "phone"],
            {},
            'has 2 columns "phone", and field credit_party_identifier.mobile_number needs one. Rename',
        ),
        (["+6595123100", "5"], {}, "Map columns with --map FIELD=COLUMN."),
    ],
)
def test_an_ambiguous_mapping_is_an_error_with_a_fix(
    columns: list[str], mapping: Mapping[str, str], expected: str
) -> None:
    with pytest.raises(MappingError) as caught:
        map_columns(columns, mapping, ())
    assert expected in str(caught.value)


def test_two_columns_of_one_name_are_fine_where_neither_is_mapped() -> None:
    assert map_columns(["note", "phone", "note"], {}, ()) == {fields.CREDIT_MOBILE: 1}


def test_a_field_with_a_column_and_a_constant_is_an_error() -> None:
    with pytest.raises(MappingError, match=r'Field product_id has both a column, "p", and a constant\. Remove one'):
        map_columns(["p"], {"product_id": "p"}, {"product_id"})


def test_a_constant_of_an_unknown_field_is_an_error() -> None:
    with pytest.raises(MappingError, match=r'There is no field "produkt"\. Did you mean product_id\?'):
        map_columns(["phone"], {}, {"produkt"})


def test_an_error_lists_a_bounded_number_of_columns() -> None:
    with pytest.raises(MappingError, match=r'"c39" and 61 more\. ') as caught:
        map_columns([f"c{number}" for number in range(LISTED_COLUMNS + 61)], {}, ())
    assert '"c40"' not in str(caught.value)


@pytest.mark.parametrize(
    ("column", "field"),
    [
        *(
            (name, fields.CREDIT_MOBILE)
            for name in (
                *(
                    "phoneNumber",
                    "PHONENUMBER",
                    "Phone #",
                    "Mobile no.",
                    "MobileNumber",
                    "mobile.number",
                    "Tel",
                    "Tel.",
                ),
                *("Telephone", "Contact Number", "Phone No.", "Cell phone", "Recipient Phone"),
                *("Teléfono", "TELÉFONO", "Telefono", "Número", "Nº de teléfono", "Nro. celular", "Móvil"),
                *("Téléphone", "N° de téléphone", "Numéro de portable", "Telefone", "Telemóvel", "Nº do celular"),
                *("Telefon", "Telefon-Nr.", "Handynummer", "Mobilnummer", "No. HP", "Nomor Telepon", "No Handphone"),
                *("رقم الهاتف", "رقم الجوال", "الموبايل", "\u200fرقم الهاتف\u200f"),
            )
        ),
        *(
            (name, fields.REFERENCE)
            for name in ("Emp. ID", "empId", "EMP_NO", "Employee No.", "referenceId", "Código de empleado", "Matricule")
        ),
        *((name, fields.REFERENCE) for name in ("Matrícula", "Personal-Nr.", "ID Karyawan", "رقم الموظف")),
        *((name, fields.AMOUNT) for name in ("paymentAmount", "Monto", "Importe", "Montant", "Valor", "Betrag")),
        *((name, fields.AMOUNT) for name in ("Nominal", "المبلغ", "Top-up amount")),
        *(
            (name, fields.CURRENCY)
            for name in ("Moneda", "Devise", "Moeda", "Währung", "Waehrung", "Mata uang", "العملة")
        ),
        *((name, fields.COUNTRY) for name in ("País", "Pays", "Land", "Negara", "البلد")),
        *((name, fields.PRODUCT_ID) for name in ("productId", "Producto", "Produit", "Produto", "Produkt", "Produk")),
        ("senderFirstName", "sender.first_name"),
        ("credit_party_identifier.mobileNumber", fields.CREDIT_MOBILE),
        ("Meter No.", fields.CREDIT_ACCOUNT),
    ],
)
def test_columns_are_known_by_their_meaning_in_new_runs_alone(column: str, field: str) -> None:
    assert map_columns([column], {}, ()) == {field: 0}
    for version in (1, 2):
        with pytest.raises(MappingError):
            map_columns([column], {}, (), version)


@pytest.mark.parametrize("name", ["Number", "No.", "Contact", "Name", "Account holder", "IBAN", "Kontonummer", "Total"])
def test_a_name_that_is_as_often_something_else_is_not_mapped(name: str) -> None:
    assert map_columns([name, "phone"], {}, ()) == {fields.CREDIT_MOBILE: 1}


def test_no_two_fields_claim_one_name() -> None:
    claims: dict[str, set[str]] = {}
    for field in fields.FIELDS:
        for name in names_of(field):
            assert column_key(name), name
            claims.setdefault(column_key(name), set()).add(field)
    assert {key: found for key, found in claims.items() if len(found) > 1} == {}
    possible = {column_key(name) for names in POSSIBLE_NAMES.values() for name in names}
    assert not possible & claims.keys()
    assert sum(map(len, POSSIBLE_NAMES.values())) == len(possible)


NAMES_OF_FIELDS = [(field, name) for field in fields.FIELDS for name in names_of(field)]


@given(
    st.sampled_from(NAMES_OF_FIELDS),
    st.sampled_from(NAMES_OF_FIELDS),
    st.sampled_from(["{}", " {}:", "\u200e{}\u200f", "{}*", "({})"]),
    st.sampled_from([str.upper, str.title, str.casefold]),
)
def test_a_name_means_its_field_however_it_is_written_and_two_of_one_field_are_refused(
    first: tuple[str, str], second: tuple[str, str], form: str, change: Callable[[str], str]
) -> None:
    (field, name), (other_field, other) = first, second
    columns = [form.format(change(name.replace(" ", "_"))), other]
    if field != other_field:
        assert map_columns(columns, {}, ()) == {field: 0, other_field: 1}
        return
    with pytest.raises(MappingError, match=r"could each be|has 2 columns"):
        map_columns(columns, {}, ())


@given(st.text())
@example("\u2f49")
@example("\u0345")
def test_every_text_has_a_key_and_words(text: str) -> None:
    assert column_key(text) == column_key(column_key(text))
    assert "".join(words_of(text)) == column_key(text)


def test_the_first_two_versions_know_the_names_that_they_knew() -> None:
    # Written out: a run of theirs must not use another column on its way.
    known = (
        "employee id,id,ref,external reference,product,value,unit,phone,phone number,mobile,mobile number,msisdn,cell"
    )
    names = known.split(",")
    assert [map_columns([name], {}, (), 2) for name in names] == [map_columns([name], {}, ()) for name in names]
    columns = ["Emp. ID", "Tel", "phone", "Importe", "\u200eid", "country"]
    assert map_columns(columns, {}, (), 2) == {fields.COUNTRY: 5, fields.CREDIT_MOBILE: 2}
    assert map_columns(columns, {}, (), 1) == {fields.CREDIT_MOBILE: 2}


@pytest.mark.parametrize(
    ("columns", "proposed"),
    [
        (["number", "name"], {fields.CREDIT_MOBILE: "number"}),
        (["Handy privat", "Nr. Kunde", "Summe"], {fields.CREDIT_MOBILE: "Handy privat", fields.AMOUNT: "Summe"}),
        (["Phonenumbr", "note"], {fields.CREDIT_MOBILE: "Phonenumbr"}),
        (["Amount (SGD)", "WhatsApp"], {fields.CREDIT_MOBILE: "WhatsApp", fields.AMOUNT: "Amount (SGD)"}),
        (["number", "number"], {}),
        (["name", "note", ""], {}),
    ],
)
def test_a_likely_column_is_proposed(columns: list[str], proposed: dict[str, str]) -> None:
    assert propose_columns(columns, (), ()) == proposed
    assert propose_columns(columns, (), (fields.CREDIT_ACCOUNT, fields.AMOUNT)) == {}
    assert propose_columns(columns, range(len(columns)), ()) == {}


def test_a_list_without_a_known_column_gets_whole_options() -> None:
    with pytest.raises(MappingError) as caught:
        map_columns(["Handy privat", "number"], {}, ())
    assert "--map 'credit_party_identifier.mobile_number=Handy privat'" in str(caught.value)
