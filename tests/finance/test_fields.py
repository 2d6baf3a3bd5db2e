"""Every field is checked by its rule, and money is never rounded."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from user_code.finance.domain.currencies import currency_digits
from user_code.finance.domain.fields import check_fields
from user_code.finance.domain.source_contract import SourceContract

DAY = date(2025, 1, 6)


def check(form: SourceContract | None = None, **fields: str) -> dict:
    """One record, sound but for `fields`, after the checks."""
    record = {
        "transaction_id": "id1",
        "booked_at": "2025-01-06",
        "account_id": "a",
        "category": "c",
        "amount": "1",
        "currency": "EUR",
        **fields,
    }
    return check_fields(pl.DataFrame([record]), form or SourceContract(), DAY).row(0, named=True)


@pytest.mark.parametrize(
    ("amount", "currency", "value"),
    [
        ("12.30", "EUR", "12.30"),
        ("-0.01", "EUR", "-0.01"),
        ("+5", "EUR", "5"),
        ("000.50", "EUR", "0.50"),
        ("100", "JPY", "100"),
        ("1.234", "KWD", "1.234"),
        ("1.2345", "CLF", "1.2345"),
        ("999999999999999999.99", "EUR", "999999999999999999.99"),
        (" 7 ", "EUR", "7"),
    ],
)
def test_plain_decimals_are_taken_exactly(amount, currency, value):
    row = check(amount=amount, currency=currency)
    assert row["reasons"] == []
    assert row["amount"] == Decimal(value)


NO_NUMBER = "amount: no plain decimal number in the contract's form"
TOO_FINE = "amount: more digits than the currency has"


@pytest.mark.parametrize(
    ("amount", "currency", "reason"),
    [
        ("1e3", "EUR", NO_NUMBER),
        ("NaN", "EUR", NO_NUMBER),
        ("inf", "EUR", NO_NUMBER),
        ("-Infinity", "EUR", NO_NUMBER),
        ("", "EUR", "amount: empty"),
        ("  ", "EUR", "amount: empty"),
        ("1,5", "EUR", NO_NUMBER),
        (".5", "EUR", NO_NUMBER),
        ("5.", "EUR", NO_NUMBER),
        ("--5", "EUR", NO_NUMBER),
        ("0x10", "EUR", NO_NUMBER),
        ("٣", "EUR", NO_NUMBER),
        ("1_000", "EUR", NO_NUMBER),
        ("1 000", "EUR", NO_NUMBER),
        ("1234567890123456789", "EUR", NO_NUMBER),
        ("1.005", "EUR", TOO_FINE),
        ("1.000", "EUR", TOO_FINE),
        ("1.0", "JPY", TOO_FINE),
        ("1.2345", "KWD", TOO_FINE),
        ("1.00000001", "EUR", TOO_FINE),
        ("1", "EURO", "currency: not a code of ISO 4217"),
        ("1", "eur", "currency: not a code of ISO 4217"),
        ("1", "", "currency: empty"),
    ],
)
def test_anything_else_is_an_error_with_its_reason(amount, currency, reason):
    assert check(amount=amount, currency=currency)["reasons"] == [reason]


@given(st.decimals(-(10**15), 10**15, places=2, allow_nan=False, allow_infinity=False))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_two_digits_survive_the_way_through(amount):
    row = check(amount=f"{amount:f}")
    assert row["reasons"] == []
    assert row["amount"] == amount


@pytest.mark.parametrize(
    ("form", "text", "value"),
    [
        ({"decimal": ",", "delimiter": ";"}, "12,30", "12.30"),
        ({"decimal": ",", "delimiter": ";", "thousands": "."}, "1.234.567,89", "1234567.89"),
        ({"decimal": ",", "delimiter": ";", "thousands": "."}, "1234,5", "1234.5"),
        ({"thousands": "'"}, "-1'234.50", "-1234.50"),
    ],
)
def test_a_contract_says_how_numbers_are_written(form, text, value):
    row = check(SourceContract(**form), amount=text)
    assert row["reasons"] == []
    assert row["amount"] == Decimal(value)


@pytest.mark.parametrize("text", ["12.30", "1.23,45", "12.34.567,00"])
def test_the_other_form_is_then_refused(text):
    form = SourceContract(decimal=",", delimiter=";", thousands=".")
    assert check(form, amount=text)["reasons"] == [NO_NUMBER]


@pytest.mark.parametrize(
    ("text", "zone", "moment", "day"),
    [
        ("2025-01-06", "UTC", datetime(2025, 1, 6), DAY),
        ("2025-01-06T10:11:12Z", "UTC", datetime(2025, 1, 6, 10, 11, 12), DAY),
        ("2025-01-06 10:11", "UTC", datetime(2025, 1, 6, 10, 11), DAY),
        ("2025-01-06T10:11:12.1234567Z", "UTC", datetime(2025, 1, 6, 10, 11, 12, 123456), DAY),
        ("2025-01-06T00:30:00+02:00", "UTC", datetime(2025, 1, 5, 22, 30), date(2025, 1, 5)),
        ("2025-01-05T23:30:00Z", "Europe/Berlin", datetime(2025, 1, 5, 23, 30), DAY),
        ("2025-01-06T00:30:00", "Europe/Berlin", datetime(2025, 1, 5, 23, 30), DAY),
        ("2025-01-06T03:30:00-0330", "UTC", datetime(2025, 1, 6, 7, 0), DAY),
    ],
)
def test_times_become_utc_and_the_day_is_the_zones(text, zone, moment, day):
    row = check(SourceContract(time_zone=zone), booked_at=text)
    assert row["reasons"] == []
    assert row["booked_at"] == moment.replace(tzinfo=UTC)
    assert row["date"] == day


@pytest.mark.parametrize(
    "text",
    ["06.01.2025", "2025-02-30", "2025-1-6", "2025-01-06T24:00:00", "2025-01-06T10:11:60",
     "2025-01-06T10", "20250106", "2025-01-06T10:00:00+99:00", "0001-01-01", "yesterday"],
)  # fmt: skip
def test_what_is_no_iso_time_is_refused(text):
    assert check(booked_at=text)["reasons"] == ["booked_at: no date or time in the contract's form"]


@pytest.mark.parametrize(
    ("pattern", "text", "moment"),
    [
        ("%d.%m.%Y", "06.01.2025", datetime(2025, 1, 6)),
        ("%d/%m/%Y %H:%M", "06/01/2025 23:15", datetime(2025, 1, 6, 23, 15)),
        ("%Y%m%d", "20250106", datetime(2025, 1, 6)),
        ("%Y-%m-%dT%H:%M:%S%z", "2025-01-06T02:00:00+0200", datetime(2025, 1, 6)),
    ],
)
def test_a_contract_says_how_dates_are_written(pattern, text, moment):
    row = check(SourceContract(date_format=pattern), booked_at=text)
    assert row["reasons"] == []
    assert row["booked_at"] == moment.replace(tzinfo=UTC)


def test_a_local_time_that_a_clock_change_skips_counts_as_the_hour_after():
    form = SourceContract(time_zone="Europe/Berlin", window_days=366)
    frame = pl.DataFrame(
        [["id", "2025-03-30T02:30:00", "a", "c", "1", "EUR"]],
        schema=["transaction_id", "booked_at", "account_id", "category", "amount", "currency"],
        orient="row",
    )
    row = check_fields(frame, form, date(2025, 3, 30)).row(0, named=True)
    assert row["reasons"] == []
    assert row["booked_at"] == datetime(2025, 3, 30, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("2024-12-30", []),
        ("2024-12-29", ["date: before the contract's window"]),
        ("2025-01-07", ["date: later than the file's"]),
    ],
)
def test_rows_belong_to_the_window_before_the_files_date(text, reasons):
    assert check(booked_at=text)["reasons"] == reasons


@pytest.mark.parametrize("field", ["transaction_id", "account_id", "category"])
def test_a_text_that_no_index_could_hold_is_refused(field):
    assert check(**{field: "é" * 200})["reasons"] == []
    assert check(**{field: "é" * 201})["reasons"] == [f"{field}: too long"]


def test_all_reasons_are_told_at_once():
    assert check(account_id="", amount="x", currency="?")["reasons"] == [
        "account_id: empty", NO_NUMBER, "currency: not a code of ISO 4217"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "digits"),
    [("EUR", 2), ("JPY", 0), ("KWD", 3), ("ISK", 0), ("CLF", 4), ("IQD", 3), ("RSD", 2)],
)
def test_currencies_have_the_digits_of_iso_4217(code, digits):
    assert currency_digits()[code] == digits
