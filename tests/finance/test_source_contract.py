"""A contract per source: what it may say, and how it is refused."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from finance_feeds import write_text

from user_code.finance.domain.feed_files import list_feed_files
from user_code.finance.domain.ingest import SeenIds, read_day
from user_code.finance.domain.source_contract import (
    ContractError,
    SourceContract,
    read_contract,
    read_contracts,
)

GERMAN = """
columns:
  transaction_id: Umsatz-Nr
  booked_at: Buchungstag
  account_id: Konto
  category: Verwendungszweck
  amount: Betrag
constants:
  currency: EUR
date_format: "%d.%m.%Y"
decimal: ","
thousands: "."
delimiter: ";"
encoding: cp1252
time_zone: Europe/Berlin
"""


def test_a_german_bank_needs_a_contract_and_no_code(tmp_path):
    (tmp_path / "bank.yaml").write_text(GERMAN)
    write_text(
        tmp_path,
        "bank",
        "umsatz-2025-01-06.csv",
        "Konto;Umsatz-Nr;Buchungstag;Verwendungszweck;Betrag;Saldo\n"
        "K1;1;06.01.2025;Bäckerei;-1.234,56;0\n"
        "K1;2;06.01.2025;Bäckerei;1234.56;0\n".encode()
        .decode()
        .encode("cp1252"),
    )
    files, _ = list_feed_files(tmp_path / "finance")
    contracts = read_contracts(tmp_path, {"bank", "other"})
    day = read_day(date(2025, 1, 6), files, contracts, SeenIds())
    assert day.accepted.select("category", "amount", "currency").rows() == [
        ("Bäckerei", Decimal("-1234.56"), "EUR")
    ]
    assert day.quarantined["line"].to_list() == [3]
    assert contracts["other"] == SourceContract()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("columns: {betrag: x}", "columns: Value error, unknown field betrag"),
        ("delimeter: ;", "delimeter: Extra inputs are not permitted"),
        ("encoding: utf-16", "use an encoding that contains ASCII"),
        ("encoding: klingon", "use an encoding that contains ASCII"),
        ("time_zone: Mars/Olympus", "use a name such as Europe/Berlin"),
        ("time_zone: ../../etc", "use a name such as Europe/Berlin"),
        ("date_format: '%d.%m'", "with year, month and day"),
        ("decimal: ','", "must be different characters"),
        ("{decimal: ',', delimiter: ';', thousands: ','}", "must be different characters"),
        ("constants: {transaction_id: x}", "it cannot be a constant"),
        ("{constants: {currency: EUR}, columns: {currency: w}}", "not both"),
        ("window_days: -1", "window_days"),
        ("- a\n- b", "should be a mapping"),
        ("a: [", "not a readable YAML file"),
        ("!!python/object/apply:os.getcwd []", "not a readable YAML file"),
    ],
)
def test_a_wrong_contract_is_refused_in_one_line_with_its_file(tmp_path, content, words):
    path = tmp_path / "bank.yaml"
    path.write_text(content)
    with pytest.raises(ContractError) as refusal:
        read_contract(path)
    message = str(refusal.value)
    assert message.startswith(str(path))
    assert words in message
    assert "\n" not in message


def test_an_empty_contract_is_the_default_form(tmp_path):
    (tmp_path / "bank.yaml").write_text("# nothing differs\n")
    assert read_contract(tmp_path / "bank.yaml") == SourceContract()


def test_the_documented_contract_names_every_field_and_is_valid(tmp_path):
    document = (Path(__file__).parents[2] / "docs/feeds.md").read_text()
    (example,) = re.findall(r"^```yaml\n(.*?)^```", document, flags=re.M | re.S)
    (tmp_path / "bank.yaml").write_text(example)
    assert read_contract(tmp_path / "bank.yaml").model_fields_set == set(
        SourceContract.model_fields
    )
