"""eSIMs from a list to every place that shows what was bought."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Pay = Callable[..., Any]

ESIM = ("--map", "credit_party_identifier.account_number=iccid")
ICCID = "8900010000000000555"


@pytest.fixture
def bought(pay: Pay, tmp_path: Path) -> str:
    """The list of a finished run that bought two eSIMs and recharged a third, of which one recharge failed."""
    rows = ("R-1,9560,", "R-2,9565,", f"R-3,9565,{ICCID}", f"R-4,9560,{ICCID[:-3]}103")
    list_ = tmp_path / "esims.csv"
    list_.write_text("\n".join(("reference,product,iccid", *rows)) + "\n")
    pay("run", list_, *ESIM, code=1)
    return "list/esims"


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


def test_a_new_esim_is_in_the_report_like_a_pin_and_a_recharge_has_none(pay: Pay, bought: str, tmp_path: Path) -> None:
    masked = rows_of(tmp_path / "reports/list-esims")
    assert [row["state"] for row in masked] == ["completed", "completed", "completed", "failed"]
    secret = [name for name in masked[0] if name.startswith(("pin_", "esim_"))]
    assert [[row[name] for name in secret] for row in masked] == [["••••"] * 6, ["••••"] * 6, [None] * 6, [None] * 6]
    formats = [word for name in ("jsonl", "csv", "xlsx", "html") for word in ("--format", name)]
    pay("report", bought, "--reveal-pins", *formats, "--report-dir", "shown")
    shown = rows_of(tmp_path / "shown")
    assert shown[0]["pin_serial"].startswith("89000")
    assert shown[0]["pin_serial"] != shown[1]["pin_serial"]
    assert shown[0]["esim_activation_code"].startswith("LPA:1$")
    assert shown[0]["esim_activation_code"] in shown[0]["esim_apple_universal_link"]
    for name in secret:
        assert shown[0][name] in (tmp_path / "shown/results.csv").read_text()
        assert shown[0][name] not in (tmp_path / "shown/results.html").read_text()
    files = [*tmp_path.glob("ledger.db*"), *(tmp_path / "reports").rglob("*.*")]
    kept = b"".join(path.read_bytes() for path in files)
    assert not [shown[0][name] for name in secret if shown[0][name].encode() in kept]


def test_a_transaction_shows_its_esim_only_on_request(pay: Pay, bought: str) -> None:
    del bought
    for words in (("--json",), ("--csv",), ()):
        assert "LPA:1" not in pay("transaction", "list", *words).stdout
    [first, *_] = json.loads(pay("transaction", "list", "--json", "--reveal-pins").stdout)
    assert first["product"]["type"] == "FIXED_VALUE_PIN_PURCHASE"
    profile = first["metadata"]["profile"]
    assert (profile["iccid"], profile["activation_code"]) == (first["pin"]["serial"], first["pin"]["code"])
    [masked] = json.loads(pay("transaction", "show", first["id"], "--json").stdout)
    assert set(masked["metadata"]["profile"].values()) == {"••••"}
    assert masked["metadata"]["balance"]["size"] == first["metadata"]["balance"]["size"]


def test_plan_and_products_say_what_esims_give(pay: Pay, tmp_path: Path) -> None:
    list_ = tmp_path / "new.csv"
    list_.write_text("reference,product,phone,amount\nR-1,9560,,\nR-2,9565,,\nR-3,6418,+6595123400,5\n")
    plan = json.loads(pay("plan", list_, "--json").stdout)
    assert {each["product_id"]: each["benefits"] for each in plan["products"]} == {
        9560: "5 GB data, valid for 30 days",
        9565: "unlimited data, valid for 7 days",
        6418: "",
    }
    assert "unlimited data" in " ".join(pay("plan", list_).stdout.split())
    listed = pay("products", "--service", 13, "--sort", "-amount", "--csv").stdout
    assert [line.split(",")[0] for line in listed.splitlines() if line[:1] == "9"] == ["9565", "9550", "9560"]
    assert "32 USD (unlimited data, valid for 7 days)" in listed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("products", "--subservice", 11), "--subservice requires --service."),
        (("countries", "--subservice", 11), "--subservice requires --service."),
        (("operators", "--subservice", 11), "--subservice requires --service."),
        (("products", "--sort", "cost"), '"cost" is not id, name, amount, price'),
        (("operators", "--sort", "amount"), '"amount" is not id, name, country'),
        (("products", "--search", " "), "It has no words."),
        (("products", "--sort", "id,"), '"" is not id, name, amount'),
    ],
)
def test_what_dvs_would_refuse_is_a_usage_error(pay: Pay, words: tuple[Any, ...], message: str) -> None:
    assert message in pay(*words, code=2).stderr


def test_an_unlimited_benefit_of_an_esim_is_called_so(pay: Pay) -> None:
    found = pay("lookup", "benefits", "8900010000000000552", "--csv").stdout
    assert found.splitlines()[1].startswith("DATA,unlimited,")
    assert "not yet" in pay("lookup", "esim", "8900010000000000550").stdout


def test_a_new_esim_and_a_recharge_are_two_payments_and_in_one_run_a_row_never_becomes_the_other(
    pay: Pay, books: Pay, tmp_path: Path
) -> None:
    def write(name: str, *rows: str) -> Path:
        list_ = tmp_path / name
        list_.write_text("\n".join(("reference,product,iccid", *rows)) + "\n")
        return list_

    def parties() -> list[str | None]:
        return [entry["credit_party"] for entry in books()["transactions"]]

    november = write("november.csv", "R-1,9560,", f"R-2,9560,{ICCID}")
    pay("run", november, *ESIM)
    assert parties() == [None, ICCID]
    # The list got the ICCID of what it bought, and lost that of what it recharged.
    write("november.csv", f"R-1,9560,{ICCID[:-1]}6", "R-2,9560,")
    shown = pay("run", november, *ESIM, code=1).stdout
    assert "2 rows differ from the list" in " ".join(shown.split())
    assert len(parties()) == 2
    # The next list recharges what the first one bought.
    pay("run", write("december.csv", f"R-1,9560,{ICCID[:-1]}6"), *ESIM)
    assert parties() == [None, ICCID, f"{ICCID[:-1]}6"]
    # Each by itself is compared with other runs.
    pay("run", write("copy.csv", "R-1,9560,"), *ESIM, code=3)
    pay("run", write("other.csv", f"X-1,9560,{ICCID}"), *ESIM, code=3)
    assert len(parties()) == 3


def test_each_esim_has_a_text_and_a_picture_and_other_rows_are_named(
    pay: Pay,
    bought: str,
    tmp_path: Path,
) -> None:
    done = pay("pin-files", bought, "--output-dir", "out/esims")
    assert "out/esims: PINs of 2 rows, unmasked." in done.stdout
    assert "2 rows without a PIN: see index.csv there." in done.stdout
    assert "LPA:1" not in done.stdout + done.stderr
    pay("report", bought, "--reveal-pins", "--format", "jsonl", "--report-dir", "shown")
    first = json.loads((tmp_path / "shown/results.jsonl").read_text().splitlines()[0])
    text = (tmp_path / f"out/esims/{first['external_id']}.txt").read_text()
    assert f"Activation code: {first['esim_activation_code']}\n" in text
    assert f"ICCID: {first['pin_serial']}\n" in text
    assert "Contains: 5 GB data, valid for 30 days" in text
    assert "How to use it:" in text
    assert (tmp_path / f"out/esims/{first['external_id']}.png").is_file()
    # Once more: nothing is overwritten, and without a word of the first time's files.
    again = pay("pin-files", bought, "--output-dir", "out/esims", "--max-age", 0, code=3)
    assert "Rate:" not in again.stderr  # so that DVS is not asked first
    assert "out/esims already exists" in again.stderr
    counts = json.loads(pay("pin-files", bought, "--output-dir", "out/second", "--json").stdout)
    assert counts == {"folder": "out/second", "written": 2, "without": 2, "missing": 0, "missing_lines": []}


def test_a_missing_key_is_named_with_its_rows(
    pay: Pay,
    bought: str,
    environment: dict[str, str],
) -> None:
    environment["BULK_TOPUP_PIN_KEY"] = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
    done = pay("pin-files", bought, "--output-dir", "out", "--max-age", 0, code=1)
    assert "2 rows whose PIN is missing:\n  line 2: (This PIN is encrypted with the key" in done.stdout


@pytest.mark.usefixtures("bought")
def test_a_run_of_another_environment_or_without_its_data_has_no_files(pay: Pay, invoke: Pay, tmp_path: Path) -> None:
    words = ("pin-files", "list/esims", "--output-dir", "out")
    wrong = invoke(*words, "--ledger", "ledger.db", "--env", "preprod", code=3)
    assert "belongs to sandbox, not to preprod. Add --env sandbox." in wrong.stderr
    pay("ledger", "purge", "list/esims", "--older-than", "0d", "--yes")
    assert "were purged with its personal data" in pay(*words, code=3).stderr
    assert not (tmp_path / "out").exists()
