"""The services of the reference, and invented operators with their countries; plain data."""

from bulk_topup.dvs.models.catalogue import Country, Operator, Region, Service, Subservice

_SUBSERVICES = {
    1: ((11, "Airtime"), (12, "Bundle"), (13, "Data")),
    3: (
        (31, "Electricity"),
        (32, "Water"),
        (33, "Gas"),
        (34, "Internet"),
        (35, "Landline"),
        (36, "Television"),
        (37, "VoIP"),
    ),
    4: (
        (41, "Retail"),
        (42, "Gaming"),
        (43, "Cash Cards"),
        (44, "Food"),
        (45, "Entertainment"),
        (46, "Travel and Transport"),
    ),
}
_SERVICES = (
    (1, "Mobile"),
    (3, "Utilities"),
    (4, "Gift Cards"),
    (7, "Insurance"),
    (10, "Finance"),
    (11, "Government"),
    (12, "Education"),
    (13, "eSIM"),
)

#: Every service of the reference, by ID.
SERVICES: dict[int, Service] = {
    id_: Service(
        id=id_,
        name=name,
        subservices=[Subservice(id=sub_id, name=sub_name) for sub_id, sub_name in _SUBSERVICES.get(id_, ())] or None,
    )
    for id_, name in _SERVICES
}

#: The regions of a regional and a global product.
EUROPE = [Region(name=name, code=code) for name, code in (("France", "FRA"), ("Germany", "DEU"), ("Spain", "ESP"))]
WORLD = [*EUROPE, *(Region(name=name, code=code) for name, code in (("Mexico", "MEX"), ("Singapore", "SGP")))]

#: Countries by ISO 3166-1 alpha-3 code; GXX and EXX are codes of the API.
COUNTRIES: dict[str, Country] = {
    country.iso_code: country
    for country in (
        Country(iso_code="COL", name="Colombia"),
        Country(iso_code="ECU", name="Ecuador"),
        Country(iso_code="EXX", name="Europe", regions=EUROPE),
        Country(iso_code="FRA", name="France"),
        Country(iso_code="GBR", name="United Kingdom"),
        Country(iso_code="GXX", name="Global", regions=WORLD),
        Country(iso_code="IND", name="India"),
        Country(iso_code="KEN", name="Kenya"),
        Country(
            iso_code="MEX",
            name="Mexico",
            regions=[Region(name="Jalisco", code="MX-JAL"), Region(name="Nuevo León", code="MX-NLE")],
        ),
        Country(iso_code="NGA", name="Nigeria"),
        Country(iso_code="PHL", name="Philippines"),
        Country(iso_code="SGP", name="Singapore"),
        Country(iso_code="USA", name="United States"),
    )
}

_OPERATORS = (
    (1205, "Thistle Mobile", "GBR"),
    (1208, "Hexagone Mobile", "FRA"),
    (1310, "Lionwave", "SGP"),
    (1311, "Straits Mobile", "SGP"),
    (1401, "Cóndor Móvil", "ECU"),
    (1450, "Bayani Telecom", "PHL"),
    (1596, "Águila Celular", "MEX"),
    (1597, "Nopal Móvil", "MEX"),
    (1620, "Harmattan Mobile", "NGA"),
    (1700, "Peepal Cellular", "IND"),
    (1810, "Bluebonnet Wireless", "USA"),
    (2210, "Larkspur Stores", "USA"),
    (2310, "Panorama Market", "EXX"),
    (3105, "Savanna Power", "KEN"),
    (3240, "Aguas del Valle", "COL"),
    (4550, "Orbit eSIM", "GXX"),
)

#: Invented operators, by ID.
OPERATORS: dict[int, Operator] = {
    id_: Operator(id=id_, name=name, country=COUNTRIES[country]) for id_, name, country in _OPERATORS
}
