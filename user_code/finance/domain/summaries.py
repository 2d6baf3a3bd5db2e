"""What people ask of the transactions: totals by day, and statistics by category."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from user_code.finance.domain.contracts import (
    CATEGORY_STATISTICS,
    DAILY_SUMMARY,
    HISTORICAL_DATA,
    MONEY,
    TableContract,
)

# The median of two amounts with four digits has five: DuckDB would cut the last one off.
_BY_SOURCE = """
    SELECT
        date, source, currency, category,
        sum(amount)::DECIMAL(38, 4) AS total_amount,
        count(*)::BIGINT AS transaction_count,
        median(amount::DECIMAL(38, 5))::DOUBLE AS median,
        sum(amount)::DOUBLE
            / nullif(sum(sum(amount)) OVER (PARTITION BY date, source, currency), 0)::DOUBLE
            AS share
    FROM read_parquet(?)
    WHERE date BETWEEN ? AND ?
    GROUP BY date, source, currency, category
    ORDER BY date, source, currency, category
"""

_BY_CATEGORY = """
    SELECT
        date, category, currency,
        count(*)::BIGINT AS "count",
        avg(amount)::DOUBLE AS avg_amount,
        median(amount::DECIMAL(38, 5))::DOUBLE AS median,
        sum(amount)::DECIMAL(38, 4) AS total,
        sum(amount)::DOUBLE
            / nullif(sum(sum(amount)) OVER (PARTITION BY date, currency), 0)::DOUBLE AS share
    FROM read_parquet(?)
    WHERE date BETWEEN ? AND ?
    GROUP BY date, category, currency
    ORDER BY date, category, currency
"""


def summarise_by_day(
    transactions: Sequence[Path], first: date = date.min, last: date = date.max
) -> pl.DataFrame:
    """Parquet files of FINANCIAL_TRANSACTIONS → DAILY_SUMMARY of the dates from `first` to `last`.

    Sums are exact decimals. The files must be all that hold rows of these dates.
    """
    return _by_duckdb(_BY_SOURCE, DAILY_SUMMARY, transactions, first, last)


def category_statistics(
    transactions: Sequence[Path], first: date = date.min, last: date = date.max
) -> pl.DataFrame:
    """The same → CATEGORY_STATISTICS."""
    return _by_duckdb(_BY_CATEGORY, CATEGORY_STATISTICS, transactions, first, last)


def _by_duckdb(
    query: str, table: TableContract, transactions: Sequence[Path], first: date, last: date
) -> pl.DataFrame:
    if not transactions:
        return table.empty()
    files = [str(path) for path in transactions]
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        return table.shape(connection.sql(query, params=[files, first, last]).pl())


def gather_history(summaries: pl.LazyFrame) -> pl.DataFrame:
    """DAILY_SUMMARY of all dates → HISTORICAL_DATA, one row per date, source, currency.

    Rows without a category are of files that were written before there were categories, by the
    file's day: they don't count, as the dates' newer files hold the same transactions.
    """
    if "category" not in summaries.collect_schema():
        return HISTORICAL_DATA.empty()
    return HISTORICAL_DATA.shape(
        summaries.filter(pl.col("category").is_not_null())
        .group_by(HISTORICAL_DATA.key)
        .agg(
            pl.col("total_amount").sum().cast(MONEY),
            pl.col("transaction_count").sum().cast(pl.Int64),
        )
        .sort(HISTORICAL_DATA.key)
        .collect()
    )


_DISAGREEING = """
    WITH summed AS (
        SELECT date, source, currency, category, amount FROM read_parquet($transactions)
        WHERE date = ANY($dates)
    ),
    totals AS (
        SELECT date, source, currency, category, sum(amount)::DECIMAL(38, 4) AS total,
            count(*) AS transactions
        FROM summed GROUP BY ALL
    )
    SELECT count(*)
    FROM totals FULL JOIN read_parquet($summaries) AS summary
        USING (date, source, currency, category)
    WHERE total IS DISTINCT FROM total_amount
        OR transactions IS DISTINCT FROM transaction_count
"""


def disagreements(
    transactions: Sequence[Path], summaries: Sequence[Path], dates: Sequence[date]
) -> int:
    """How many summary rows of `dates` differ from the transactions that DuckDB sums anew, or lack.

    `summaries` are the files of these dates, `transactions` all that hold rows of them.
    """
    if not transactions or not summaries:
        return 0
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        row = connection.execute(
            _DISAGREEING,
            {
                "transactions": [str(path) for path in transactions],
                "summaries": [str(path) for path in summaries],
                "dates": list(dates),
            },
        ).fetchone()
    assert row is not None
    return int(row[0])


def of_date(frame: pl.DataFrame, day: date) -> pl.DataFrame:
    """The rows of one date."""
    return frame.filter(pl.col("date") == day)
