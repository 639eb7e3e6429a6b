"""PIN keys: their sources, encryption, and that no other key decrypts."""

import base64
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_topup.errors import PinKeyError
from bulk_topup.ledger.pin_keys import (
    FILE_VARIABLE,
    KEY_VARIABLE,
    PinKey,
    PinKeys,
    add_pin_key,
    load_or_create_pin_keys,
    load_pin_keys,
)

KEY, OTHER = PinKey.new(), PinKey.new()
KEYS = PinKeys([KEY], "here")

MAKE = """
from bulk_topup.ledger.pin_keys import load_or_create_pin_keys
print(load_or_create_pin_keys().newest)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "pin.key"


@pytest.fixture
def environment(file: Path) -> dict[str, str]:
    return {FILE_VARIABLE: str(file)}


@given(
    pin=st.text(st.characters(codec="utf-8")), external_id=st.text(), field=st.sampled_from(["pin_code", "pin_serial"])
)
def test_a_pin_is_decrypted_with_the_key_that_encrypted_it(pin: str, external_id: str, field: str) -> None:
    sealed = KEYS.encrypt(pin, external_id.encode(errors="ignore").decode(), field)
    assert sealed is not None
    assert KEYS.decrypt_or_explain(sealed, external_id.encode(errors="ignore").decode(), field) == pin
    assert len(pin) < 4 or pin not in sealed


def test_equal_pins_have_different_ciphertexts() -> None:
    assert KEYS.encrypt("4711", "a-1", "pin_code") != KEYS.encrypt("4711", "a-1", "pin_code")


def test_a_pin_that_is_moved_to_another_row_or_field_is_not_decrypted() -> None:
    sealed = KEYS.encrypt("4711-0815", "a-1", "pin_code")
    assert sealed is not None
    for external_id, field in (("a-2", "pin_code"), ("a-1", "pin_serial")):
        shown = KEYS.decrypt_or_explain(sealed, external_id, field)
        assert shown is not None
        assert "moved here from another row" in shown
        assert "4711" not in shown


@given(place=st.integers(min_value=0), changed=st.characters(codec="ascii"))
def test_a_changed_pin_is_not_decrypted(place: int, changed: str) -> None:
    sealed = KEYS.encrypt("4711-0815", "a-1", "pin_code")
    assert sealed is not None
    start = sealed.rindex(":") + 1
    place = start + place % (len(sealed) - start)
    other = sealed[:place] + changed + sealed[place + 1 :]
    if base64.urlsafe_b64decode(sealed[start:]) != _decoded(other[start:]):
        assert "4711" not in str(KEYS.decrypt_or_explain(other, "a-1", "pin_code"))


def _decoded(text: str) -> bytes | None:
    try:
        return base64.urlsafe_b64decode(text)
    except ValueError:
        return None


def test_the_message_for_a_pin_of_another_key_names_the_key_and_the_fix() -> None:
    shown = KEYS.decrypt_or_explain(PinKeys([OTHER], "there").encrypt("4711", "a-1", "pin_code"), "a-1", "pin_code")
    assert shown is not None
    assert shown.startswith("(This PIN is encrypted with the key ")
    assert OTHER.id in shown
    assert "transaction show ID --reveal-pins" in shown


def test_the_first_key_encrypts_and_the_others_decrypt() -> None:
    old = KEYS.encrypt("4711", "a-1", "pin_code")
    both = PinKeys([OTHER, KEY], "here")
    assert both.decrypt_or_explain(old, "a-1", "pin_code") == "4711"
    assert f":{OTHER.id}:" in str(both.encrypt("4711", "a-1", "pin_code"))


def test_no_repr_shows_a_key() -> None:
    assert KEY.secret not in repr(KEY) + repr(KEYS) + str(KEY)


def test_a_key_file_is_created_once_for_its_owner_only(environment: dict[str, str], file: Path) -> None:
    assert load_pin_keys(environment).ids == ()
    made = load_or_create_pin_keys(environment)
    assert load_or_create_pin_keys(environment).ids == made.ids == load_pin_keys(environment).ids
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.parent.iterdir()] == ["pin.key"]


def test_two_processes_that_create_a_key_at_once_use_the_same(environment: dict[str, str]) -> None:
    started = [
        subprocess.Popen([sys.executable, "-c", MAKE], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert len({process.communicate()[0] for process in started}) == 1


def test_a_new_key_is_the_first_and_the_earlier_ones_stay(environment: dict[str, str], file: Path) -> None:
    [first] = add_pin_key(environment).ids
    second, kept = add_pin_key(environment).ids
    assert kept == first != second
    assert len(file.read_text().splitlines()) == 2


def test_keys_in_the_environment_take_precedence_and_no_file_is_created(
    environment: dict[str, str], file: Path
) -> None:
    with_variable = {**environment, KEY_VARIABLE: f"{OTHER.secret}, {KEY.secret}"}
    assert load_or_create_pin_keys(with_variable).ids == (OTHER.id, KEY.id)
    assert not file.exists()
    with pytest.raises(PinKeyError, match="Add the new key there before the others"):
        add_pin_key(with_variable)


@pytest.mark.parametrize("text", ["secret-but-short", "!" * 44, base64.b64encode(b"x" * 31).decode(), ","])
def test_an_invalid_key_is_refused_and_not_quoted(text: str, environment: dict[str, str], file: Path) -> None:
    with pytest.raises(PinKeyError, match="has an invalid PIN key") as raised:
        load_pin_keys({KEY_VARIABLE: text})
    assert text not in str(raised.value) or text == ","
    file.parent.mkdir()
    file.touch(mode=0o600)
    file.write_text(f"{text}\n")
    with pytest.raises(PinKeyError, match=r"The key file .*pin\.key has an invalid PIN key"):
        load_or_create_pin_keys(environment)


def test_an_own_key_file_that_others_can_read_is_refused(environment: dict[str, str], file: Path) -> None:
    load_or_create_pin_keys(environment)
    file.chmod(0o640)
    with pytest.raises(PinKeyError, match=r"Other users can read the key file .*\. Make it private: `chmod 600"):
        load_pin_keys(environment)


def test_the_error_for_a_key_file_that_cannot_be_created_has_the_fix(tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("")
    with pytest.raises(PinKeyError, match=r"Can't use the key file .* PINs are never stored without a key"):
        load_or_create_pin_keys({FILE_VARIABLE: str(tmp_path / "blocked" / "pin.key")})
