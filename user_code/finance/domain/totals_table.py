"""A table of daily totals from a file of the user's, for the detector."""

from datetime import date
from pathlib import Path

import polars as pl

from user_code.finance.domain.contracts import HISTORICAL_DATA, MONEY

_DEFAULTS = {"source": "all", "currency": "XXX"}
_NUMBER = r"^[+-]?[0-9]{1,30}(?:\.[0-9]{1,4})?$"


class TableRefused(ValueError):
    """The table cannot be judged; the message says where and why."""


def read_table(path: Path) -> pl.DataFrame:
    """CSV (all text) or Parquet, by its suffix → a frame; raises TableRefused."""
    if not path.is_file():
        raise TableRefused(f"{path}: no such file")
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        return pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        # What Polars quotes of a row is none of a message's business.
        why, quotes_a_row, _ = str(error).splitlines()[0].partition("`")
        why += "a row: is there a quote that isn't closed?" if quotes_a_row else ""
        raise TableRefused(f"{path}: not a readable table: {why}") from error


def sensible_date(column: pl.Expr) -> pl.Expr:
    """The date, null if it cannot be meant: a number that was taken for days, or "9999-12-31",
    up to which each day would be looked at."""
    day = column.cast(pl.Date, strict=False)
    return pl.when(day.is_between(date(1900, 1, 1), date(2199, 12, 31))).then(day)


def as_totals(table: pl.DataFrame, path: Path) -> pl.DataFrame:
    """A table as read → HISTORICAL_DATA. `source` and `currency` may lack: one series then."""
    needed = [name for name in HISTORICAL_DATA.columns if name not in _DEFAULTS]
    lacking = [name for name in needed if name not in table.columns]
    if lacking:
        raise TableRefused(
            f"{path}: lacks the column {', '.join(lacking)} "
            "(or, for line items: date, source, line, amount)"
        )
    by_category = "category" in table.columns
    table = table.with_columns(
        pl.lit(value).alias(name) for name, value in _DEFAULTS.items() if name not in table.columns
    )
    typed = table.select(_cast(table.schema, name) for name in HISTORICAL_DATA.columns)
    for name in HISTORICAL_DATA.columns:
        bad = typed.get_column(name).is_null()
        if bad.any():
            raise TableRefused(
                f"{path}: {int(bad.sum())} rows with no {_WANTED.get(name, 'text')} in {name}, "
                f"the first is row {bad.arg_true()[0] + 1}"
            )
    if by_category:  # a daily_summary: its rows are parts of the days
        typed = HISTORICAL_DATA.shape(
            typed.group_by(HISTORICAL_DATA.key, maintain_order=True).agg(
                pl.col("total_amount").sum().cast(MONEY), pl.col("transaction_count").sum()
            )
        )
    if typed.select(HISTORICAL_DATA.key).is_duplicated().any():
        raise TableRefused(f"{path}: a date is there twice for one source and currency")
    return typed


_WANTED = {
    "date": "date (YYYY-MM-DD)",
    "total_amount": "number of at most 4 decimals",
    "transaction_count": "whole number",
}


def _cast(schema: pl.Schema, name: str) -> pl.Expr:
    wanted, column = HISTORICAL_DATA.columns[name], pl.col(name)
    if schema[name] == pl.String:
        if name == "date":
            column = column.str.to_date("%Y-%m-%d", strict=False)
        if name == "total_amount":
            return pl.when(column.str.contains(_NUMBER)).then(column).cast(wanted, strict=False)
    return sensible_date(column) if name == "date" else column.cast(wanted, strict=False)
