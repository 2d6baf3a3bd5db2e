"""The quick way for rows in the form that nearly all have; the others go through `check_fields`.

Each test here is narrower than the full one: what passes is a sound transaction by `fields`, too,
with the same values, which a test compares.
"""

from datetime import date, timedelta

import polars as pl

from user_code.finance.domain.contracts import FIELDS, MONEY
from user_code.finance.domain.currencies import currency_digits
from user_code.finance.domain.fields import LONGEST_TEXT, check_fields
from user_code.finance.domain.source_contract import ISO_8601, SourceContract

_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-5][0-9]:[0-5][0-9]Z$"
_AMOUNT = r"^-?[0-9]{1,14}\.[0-9]{2}$"
_FEW = 1000
"""So few rows are checked in full sooner than they are sorted into quick ones and others."""
_TWO_DIGITS = [code for code, digits in currency_digits().items() if digits >= 2]


def type_rows(
    text: pl.DataFrame, contract: SourceContract, file_date: date
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Columns `line` and FIELDS, as text → sound rows, typed, and `line`, `reasons` of others."""
    if text.height < _FEW or not _has_quick_form(contract):
        return _fully(text, contract, file_date)
    moment = pl.col("booked_at").str.to_datetime(
        "%Y-%m-%dT%H:%M:%SZ", strict=False, time_unit="us", time_zone="UTC"
    )
    typed = text.with_columns(
        pl.when(pl.col("booked_at").str.contains(_TIME)).then(moment).alias("_moment"),
        pl.when(pl.col("amount").str.contains(_AMOUNT))
        .then(pl.col("amount"))
        .cast(MONEY, strict=False)
        .alias("_money"),
    ).with_columns(pl.col("_moment").dt.date().alias("date"))
    length = {name: pl.col(name).str.len_bytes() for name in FIELDS}
    edges = [
        ~(pl.col(name).str.starts_with(each) | pl.col(name).str.ends_with(each))
        for name in ("transaction_id", "account_id", "category")
        for each in (" ", "\t")
    ]
    quick = typed.select(
        pl.all_horizontal(
            pl.col("_money").is_not_null(),
            pl.col("date").is_between(file_date - timedelta(days=contract.window_days), file_date),
            pl.col("currency").is_in(_TWO_DIGITS),
            *(
                length[name].is_between(1, LONGEST_TEXT)
                for name in ("transaction_id", "account_id", "category")
            ),
            *edges,
        ).fill_null(False)
    ).to_series()
    sound = typed.filter(quick).select(
        "line",
        "transaction_id",
        pl.col("_moment").alias("booked_at"),
        "date",
        "account_id",
        "category",
        pl.col("_money").alias("amount"),
        "currency",
        pl.lit(None, dtype=MONEY).alias("month_to_date"),
    )
    if sound.height == text.height:
        return sound, _NONE
    more, unsound = _fully(text.filter(~quick), contract, file_date)
    return pl.concat([sound, more]).sort("line") if more.height else sound, unsound


_NONE = pl.DataFrame(schema={"line": pl.Int64, "reasons": pl.List(pl.String)})


def _fully(
    text: pl.DataFrame, contract: SourceContract, file_date: date
) -> tuple[pl.DataFrame, pl.DataFrame]:
    checked = check_fields(text, contract, file_date)
    good = pl.col("reasons").list.len() == 0
    sound = checked.filter(good).select(
        "line", "transaction_id", "booked_at", "date", "account_id", "category", "amount",
        "currency", "month_to_date",
    )  # fmt: skip
    return sound, checked.filter(~good).select("line", "reasons")


def _has_quick_form(contract: SourceContract) -> bool:
    return (
        contract.date_format == ISO_8601
        and contract.time_zone == "UTC"
        and contract.decimal == "."
        and contract.control_totals is None
        and not contract.digits
    )
