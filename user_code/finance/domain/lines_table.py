"""Tables of line items and of known incidents from files of the user's, for the detector."""

from pathlib import Path

import polars as pl

from user_code.finance.domain.contracts import LINE_ITEMS
from user_code.finance.domain.totals_table import TableRefused, sensible_date


def has_lines(table: pl.DataFrame) -> bool:
    """Whether a table as read is one of line items, not of daily totals."""
    return {"line", "amount"} <= set(table.columns)


def as_lines(table: pl.DataFrame, path: Path) -> pl.DataFrame:
    """A table as read → LINE_ITEMS; raises TableRefused.

    A line that is there twice on a day counts with its sum: so a day delivered twice is doubled.
    """
    typed = _typed(table, path, list(LINE_ITEMS.columns))
    # Decimal sums would be exact, but what follows is statistics on logarithms.
    return (
        typed.group_by(LINE_ITEMS.key)
        .agg(pl.col("amount").sort().sum())
        .select(*LINE_ITEMS.columns)
        .sort(LINE_ITEMS.key)
    )


MARKS = ("incident", "expected")
"""What a person can say of a source's day: it is wrong, or it is as it should be."""
MARKED_DAYS = {"date": pl.Date(), "source": pl.String(), "mark": pl.String()}


def as_marked_days(table: pl.DataFrame, path: Path) -> pl.DataFrame:
    """A table as read → date, source, mark, one row per date and source; raises TableRefused.

    Without a column `mark` all are incidents.
    """
    days = _typed(table, path, ["date", "source"]).with_columns(
        table.get_column("mark").alias("mark")
        if "mark" in table.columns
        else pl.lit("incident").alias("mark")
    )
    strange = days.get_column("mark").is_in(MARKS).fill_null(False).not_()
    if strange.any():
        raise TableRefused(
            f"{path}: row {strange.arg_true()[0] + 1}: a mark is {' or '.join(MARKS)}"
        )
    return days.unique(["date", "source"], keep="last", maintain_order=True)


def _typed(table: pl.DataFrame, path: Path, columns: list[str]) -> pl.DataFrame:
    lacking = [name for name in columns if name not in table.columns]
    if lacking:
        raise TableRefused(f"{path}: lacks the column {', '.join(lacking)}")
    try:
        typed = table.select(_cast(table.schema, name) for name in columns)
    except pl.exceptions.PolarsError as error:  # a list, a duration, bytes that are no text
        raise TableRefused(
            f"{path}: {', '.join(columns)} should be dates, texts and numbers; one is neither"
        ) from error
    for name in columns:
        values = typed.get_column(name)
        bad = values.is_null() if name != "amount" else ~values.is_finite().fill_null(False)
        if bad.any():
            raise TableRefused(
                f"{path}: {int(bad.sum())} rows with no {_WANTED.get(name, 'text')} in {name}, "
                f"the first is row {bad.arg_true()[0] + 1}"
            )
    return typed


_WANTED = {"date": "date (YYYY-MM-DD)", "amount": "number"}


def _cast(schema: pl.Schema, name: str) -> pl.Expr:
    column = pl.col(name)
    if name == "date" and schema[name] == pl.String:
        column = column.str.to_date("%Y-%m-%d", strict=False)
    if name == "date":
        return sensible_date(column)
    return column.cast(LINE_ITEMS.columns[name], strict=False)
