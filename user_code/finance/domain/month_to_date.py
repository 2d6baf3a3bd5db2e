"""Control totals: does a line's amount today, added to what it stated before, give what it states?

For feeds that carry month-to-date totals. Exact decimals; a month begins at zero.
"""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import polars as pl

from user_code.finance.domain.contracts import (
    CONTROL_DIFFERENCES,
    CONTROL_TOTALS,
    MONEY,
    RECONCILIATION,
)
from user_code.finance.domain.totals_table import TableRefused

_NUMBER = r"^[+-]?[0-9]{1,30}(?:\.[0-9]{1,4})?$"
_WANTED = {"date": "date (YYYY-MM-DD)", "source": "text", "line": "text"}


def as_control_totals(table: pl.DataFrame, path: Path) -> pl.DataFrame:
    """A table as read → CONTROL_TOTALS; raises TableRefused, which says where and why.

    A line that is there twice on a day counts with its sums.
    """
    lacking = [name for name in CONTROL_TOTALS.columns if name not in table.columns]
    if lacking:
        raise TableRefused(f"{path}: lacks the column {', '.join(lacking)}")
    typed = table.select(_cast(table.schema, name) for name in CONTROL_TOTALS.columns)
    for name in CONTROL_TOTALS.columns:
        bad = typed.get_column(name).is_null()
        if bad.any():
            wanted = _WANTED.get(name, "number of at most 4 decimals")
            raise TableRefused(
                f"{path}: {int(bad.sum())} rows with no {wanted} in {name}, "
                f"the first is row {bad.arg_true()[0] + 1}"
            )
    sums = (pl.col(name).sum().cast(MONEY) for name in ("amount", "month_to_date"))
    summed = typed.group_by(CONTROL_TOTALS.key).agg(*sums)
    return CONTROL_TOTALS.shape(summed.sort(CONTROL_TOTALS.key))


def find_differences(totals: pl.DataFrame, tolerance: Decimal = Decimal(0)) -> pl.DataFrame:
    """CONTROL_TOTALS → CONTROL_DIFFERENCES: the line-days that don't add up, sorted by their key.

    A line is compared with what it stated on its source's last day, if that is in the same month;
    on the source's first day of a month its amount alone should be the total. A line that was not
    there on the last day isn't judged, nor a source's first day: what they stated is unknown.
    Differences of at most `tolerance` are none: a feed in rounded millions strays by one.
    """
    month = pl.col("date").dt.truncate("1mo")
    zero = pl.lit(0).cast(MONEY)
    last_day = (
        totals.select("source", "date")
        .unique()
        .sort("source", "date")
        .with_columns(pl.col("date").shift(1).over("source").alias("last_day"))
    )
    before = totals.select(
        "source", "line", pl.col("date").alias("last_day"), pl.col("month_to_date").alias("stated")
    )
    begins = pl.col("last_day").dt.truncate("1mo") < month
    judged = (
        totals.join(last_day, on=["source", "date"])
        .join(before, on=["source", "line", "last_day"], how="left")
        .with_columns(pl.when(~begins).then("stated").alias("previous"))
        .filter(begins | pl.col("previous").is_not_null())
        .with_columns(
            (pl.col("previous").fill_null(zero) + pl.col("amount")).cast(MONEY).alias("expected")
        )
        .with_columns(
            (pl.col("month_to_date") - pl.col("expected")).cast(MONEY).alias("difference")
        )
        .filter(pl.col("difference").abs() > pl.lit(tolerance).cast(MONEY))
        .with_columns(pl.col("month_to_date").alias("stated"))
    )
    return CONTROL_DIFFERENCES.shape(judged).sort(CONTROL_DIFFERENCES.key)


def reconcile(
    transactions: pl.LazyFrame, tolerances: Mapping[str, Decimal]
) -> tuple[pl.DataFrame, int]:
    """FINANCIAL_TRANSACTIONS → RECONCILIATION sorted by its key, and how many line-days were read.

    `tolerances` names the sources that state control totals. The rows of a category that are of
    one date and currency are one line: amounts and stated totals are summed.
    """
    sums = (pl.col(name).sum().cast(MONEY) for name in ("amount", "month_to_date"))
    totals = (
        transactions.filter(
            pl.col("source").is_in(sorted(tolerances)) & pl.col("month_to_date").is_not_null()
        )
        .group_by("date", "source", "currency", pl.col("category").alias("line"))
        .agg(*sums)
        .collect(engine="streaming")
    )
    found = [RECONCILIATION.empty()]
    for (source, currency), lines in totals.sort(RECONCILIATION.key).group_by(
        "source", "currency", maintain_order=True
    ):
        differences = find_differences(lines, tolerances[str(source)])
        found.append(
            RECONCILIATION.shape(differences.with_columns(pl.lit(currency).alias("currency")))
        )
    return pl.concat(found).sort(RECONCILIATION.key), totals.height


def _cast(schema: pl.Schema, name: str) -> pl.Expr:
    wanted, column = CONTROL_TOTALS.columns[name], pl.col(name)
    if schema[name] == pl.String:
        if name == "date":
            return column.str.to_date("%Y-%m-%d", strict=False)
        if wanted == MONEY:
            return pl.when(column.str.contains(_NUMBER)).then(column).cast(MONEY, strict=False)
    return column.cast(wanted, strict=False)
