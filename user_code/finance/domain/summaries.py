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
)


def summarise_by_day(transactions: pl.LazyFrame) -> pl.DataFrame:
    """FINANCIAL_TRANSACTIONS → DAILY_SUMMARY; sums are exact decimals."""
    return DAILY_SUMMARY.shape(
        transactions.group_by(DAILY_SUMMARY.key)
        .agg(
            pl.col("amount").sum().cast(MONEY).alias("total_amount"),
            pl.len().cast(pl.Int64).alias("transaction_count"),
        )
        .sort(DAILY_SUMMARY.key)
        .collect()
    )


def gather_history(summaries: pl.LazyFrame) -> pl.DataFrame:
    """DAILY_SUMMARY of all files' days → HISTORICAL_DATA, one row per date, source, currency."""
    return HISTORICAL_DATA.shape(
        summaries.group_by(HISTORICAL_DATA.key)
        .agg(
            pl.col("total_amount").sum().cast(MONEY),
            pl.col("transaction_count").sum().cast(pl.Int64),
        )
        .sort(HISTORICAL_DATA.key)
        .collect()
    )


_BY_CATEGORY = """
    SELECT
        file_date,
        category,
        currency,
        count(*)::BIGINT AS "count",
        avg(amount)::DOUBLE AS avg_amount,
        median(amount)::DOUBLE AS median,
        sum(amount)::DECIMAL(38, 4) AS total,
        sum(amount)::DOUBLE
            / nullif(sum(sum(amount)) OVER (PARTITION BY file_date, currency), 0)::DOUBLE AS share
    FROM read_parquet(?)
    GROUP BY file_date, category, currency
    ORDER BY file_date, category, currency
"""


def category_statistics(transactions: Sequence[Path]) -> pl.DataFrame:
    """CATEGORY_STATISTICS of Parquet files of FINANCIAL_TRANSACTIONS, computed by DuckDB."""
    if not transactions:
        return CATEGORY_STATISTICS.empty()
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        found = connection.sql(_BY_CATEGORY, params=[[str(path) for path in transactions]]).pl()
    return CATEGORY_STATISTICS.shape(found)


_DISAGREEING = """
    WITH summed AS (
        SELECT file_date, date, source, currency,
            sum(amount)::DECIMAL(38, 4) AS total, count(*) AS transactions
        FROM read_parquet(?) GROUP BY ALL
    )
    SELECT count(*)
    FROM summed FULL JOIN read_parquet(?) AS summary
        USING (file_date, date, source, currency)
    WHERE total IS DISTINCT FROM total_amount
        OR transactions IS DISTINCT FROM transaction_count
"""


def disagreements(transactions: Sequence[Path], summaries: Sequence[Path]) -> int:
    """How many summary rows differ from the transactions that DuckDB sums anew, or are lacking."""
    if not transactions or not summaries:
        return 0
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        row = connection.execute(
            _DISAGREEING, [[str(path) for path in paths] for paths in (transactions, summaries)]
        ).fetchone()
    assert row is not None
    return int(row[0])


def of_day(frame: pl.DataFrame, day: date) -> pl.DataFrame:
    """The rows of one file's day."""
    return frame.filter(pl.col("file_date") == day)
