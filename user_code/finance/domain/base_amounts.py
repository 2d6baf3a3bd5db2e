"""Daily reference rates in the European Central Bank's XML form, and amounts in a base currency."""

import re
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from xml.etree import ElementTree

import polars as pl

from user_code.finance.domain.contracts import EXCHANGE_RATES, MONEY, RATE
from user_code.finance.domain.currencies import currency_digits

OLDEST_DAYS = 7
"""A rate counts for its date and so many days after it: weekends and holidays have none."""

_CUBE = "{http://www.ecb.int/vocabulary/2002-08-01/eurofxref}Cube"
_RATE = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,10})?")
# Sixty digits: a quotient that is a tie at the currency's digits ends long before them.
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)


class RatesRefused(ValueError):
    """What came is no file of rates; the message says why."""


def parse_rates(content: bytes) -> pl.DataFrame:
    """ECB's file of one day, of 90 days or of all → EXCHANGE_RATES, sorted; raises RatesRefused."""
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise RatesRefused("a document type is declared, which the ECB's form hasn't")
    try:
        root = ElementTree.fromstring(content)  # noqa: S314 - no entities, refused above
    except ElementTree.ParseError as error:
        raise RatesRefused(f"not well-formed XML ({error})") from error
    rows = []
    for day in root.iter(_CUBE):
        if "time" not in day.attrib:
            continue
        when = _date(day.attrib["time"])
        for each in day.iter(_CUBE):
            if each is not day:
                rows.append((when, *_rate(each.attrib, when)))
    if not rows:
        raise RatesRefused("it has no rates: no Cube with a time and, in it, currency and rate")
    frame = pl.DataFrame(rows, schema=EXCHANGE_RATES.columns, orient="row")
    if frame.select(EXCHANGE_RATES.key).is_duplicated().any():
        raise RatesRefused("a currency has two rates on one day")
    return EXCHANGE_RATES.shape(frame.sort(EXCHANGE_RATES.key))


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise RatesRefused(f"time {text[:20]!r} is no date") from error


def _rate(cube: dict[str, str], when: date) -> tuple[str, Decimal]:
    currency, text = cube.get("currency", ""), cube.get("rate", "")
    if not re.fullmatch("[A-Z]{3}", currency) or not _RATE.fullmatch(text) or not Decimal(text):
        raise RatesRefused(f"{when}: a Cube without a currency's code and a rate above zero")
    return currency, Decimal(text)


def merge_rates(known: pl.DataFrame, fetched: pl.DataFrame) -> pl.DataFrame:
    """Both, EXCHANGE_RATES; where both have a rate the fetched one counts."""
    merged = pl.concat([fetched, known]).unique(EXCHANGE_RATES.key, keep="first")
    return EXCHANGE_RATES.shape(merged.sort(EXCHANGE_RATES.key))


def add_base_amounts(transactions: pl.DataFrame, rates: pl.DataFrame, base: str) -> pl.DataFrame:
    """FINANCIAL_TRANSACTIONS with `amount_base` and `rate_date`; both null where no rate is known.

    By the last rate of the row's date or the OLDEST_DAYS before it, rounded half-even to the base
    currency's digits, row by row. Rates are for one euro: another pair goes through it, by the
    rates of one day. An amount in the base currency is itself, by its own date.
    """
    columns = transactions.columns
    rows = transactions.drop("amount_base", "rate_date").with_row_index("_row")
    if rows.is_empty():
        return transactions
    pairs = rates.select("date", "currency", "rate")
    euro = (
        pairs.select("date")
        .unique()
        .with_columns(pl.lit("EUR").alias("currency"), pl.lit(Decimal(1)).cast(RATE).alias("rate"))
    )
    pairs = pl.concat([pairs, euro.select(pairs.columns)])
    of_base = pairs.filter(pl.col("currency") == base).select("date", base_rate="rate")
    usable = pairs.join(of_base, on="date").rename({"date": "rate_date"}).sort("rate_date")
    foreign = rows.filter(pl.col("currency") != base).sort("date")
    matched = foreign.join_asof(
        usable,
        left_on="date",
        right_on="rate_date",
        by="currency",
        strategy="backward",
        tolerance=timedelta(days=OLDEST_DAYS),
        coalesce=False,
        check_sortedness=False,
    )
    digit = Decimal(1).scaleb(-currency_digits().get(base, 2))
    converted = [
        None if rate is None else _convert(amount, rate, base_rate, digit)
        for amount, rate, base_rate in matched.select("amount", "rate", "base_rate").iter_rows()
    ]
    known = matched.select("_row", "rate_date").with_columns(
        pl.Series("amount_base", converted, dtype=MONEY)
    )
    return (
        rows.join(known, on="_row", how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("currency") == base)
            .then("amount")
            .otherwise("amount_base")
            .alias("amount_base"),
            pl.when(pl.col("currency") == base)
            .then("date")
            .otherwise("rate_date")
            .alias("rate_date"),
        )
        .select(columns)
    )


def _convert(amount: Decimal, rate: Decimal, base_rate: Decimal, digit: Decimal) -> Decimal:
    exact = _EXACT.divide(_EXACT.multiply(amount, base_rate), rate)
    return exact.quantize(digit, context=_EXACT)


def improved_dates(rows: pl.LazyFrame, rates: pl.DataFrame, base: str) -> pl.DataFrame:
    """Rows of `file_date, date, currency, rate_date` → the file dates for which `rates` has better.

    Better: a rate of the row's date or the OLDEST_DAYS before, newer than the one that was used.
    """
    newest = (
        rows.filter(pl.col("currency") != base)
        .unique()
        .collect()
        .join(rates.select("currency", better="date"), on="currency")
        .filter(
            pl.col("better").is_between(
                pl.col("date") - pl.duration(days=OLDEST_DAYS), pl.col("date")
            ),
            pl.col("rate_date").is_null() | (pl.col("better") > pl.col("rate_date")),
        )
    )
    return newest.select("file_date").unique().sort("file_date")
