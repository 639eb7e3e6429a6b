"""Where lists are fetched from, and what of that may be shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.domain.list_address import (
    has_own_name,
    is_fetched,
    list_name,
    secrets_of,
    shown_address,
    why_not_fetchable,
)


@pytest.mark.parametrize(
    ("address", "shown", "name", "own"),
    [
        ("-", "-", "list", False),
        ("https://a.example/x/payroll.csv", "https://a.example/x/payroll.csv", "payroll.csv", True),
        ("https://u:p@a.example:8443/p.csv?sig=1#f", "https://a.example:8443/p.csv", "p.csv", False),
        ("s3://bucket/2026/May%20list.xlsx", "s3://bucket/2026/May%20list.xlsx", "May list.xlsx", True),
        ("sftp://u:p@host/", "sftp://host/", "list", False),
        ("https://a.example/x%2F..%2F..%2Fetc%00", "https://a.example/x%2F..%2F..%2Fetc%00", "etc_", True),
    ],
)
def test_an_address_shows_no_credentials_and_names_its_list(address: str, shown: str, name: str, own: bool) -> None:
    assert is_fetched(address)
    assert (shown_address(address), list_name(address), has_own_name(address)) == (shown, name, own)


@pytest.mark.parametrize("path", ["payroll.csv", "-.csv", "./-", "/a/https:/x.csv", "C:/x.csv"])
def test_a_path_is_no_address(path: str) -> None:
    assert not is_fetched(path)
    assert shown_address(path) == path


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://lists.example/a.csv", "Use https://"),
        ("http://127.0.0.1.lists.example/a.csv", "Use https://"),
        ("ftp://host/a.csv", "is not supported"),
        ("file:///etc/passwd", "is not supported"),
        ("simplecache::s3://a/b", None),
        ("https:///a.csv", "has no host"),
        ("https://host:port/a.csv", "not valid"),
        ("http://127.0.0.1:80/a.csv", None),
        ("http://[::1]/a.csv", None),
        ("-", None),
    ],
)
def test_only_encrypted_addresses_of_known_kinds_are_fetched(address: str, reason: str | None) -> None:
    found = why_not_fetchable(address) if is_fetched(address) else None
    assert found is None if reason is None else reason in str(found)


@given(st.from_regex(r"[A-Za-z0-9]{8,20}", fullmatch=True), st.from_regex(r"[A-Za-z0-9]{8,20}", fullmatch=True))
def test_password_and_signature_are_secrets_that_are_not_shown(password: str, signature: str) -> None:
    address = f"https://amina:{password}@host-0/-/_.csv?sig={signature}"
    assert {password, signature} <= set(secrets_of(address))
    assert shown_address(address) == "https://host-0/-/_.csv"
