"""A made-up day of accepted transactions, the same for each seed, with amounts of all sizes."""

from datetime import UTC, date, datetime

import numpy as np
import polars as pl

from user_code.finance.domain.contracts import FINANCIAL_TRANSACTIONS, MONEY

DAY = date(2025, 1, 6)


def made_up(rows: int, seed: int = 7) -> pl.DataFrame:
    """`rows` of FINANCIAL_TRANSACTIONS; a tenth of the amounts has 18 digits before the point."""
    random = np.random.default_rng(seed)
    whole = np.where(
        random.random(rows) < 0.1,
        random.integers(-(10**18) + 1, 10**18, rows),
        random.integers(-1_000, 10_000, rows),
    )
    moment = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
    frame = pl.DataFrame(
        {
            "number": random.permutation(rows),
            "second": random.integers(0, 86_400, rows),
            "account": random.integers(0, 50_000, rows),
            "category": random.integers(0, 20, rows),
            "whole": whole,
            "part": random.integers(0, 10_000, rows),
        }
    )
    fractions = pl.col("part").cast(pl.Decimal(38, 4)) / pl.lit(10_000).cast(pl.Decimal(38, 4))
    return FINANCIAL_TRANSACTIONS.shape(
        frame.with_columns(
            pl.lit("bank").alias("source"),
            pl.format("t{}", "number").alias("transaction_id"),
            (pl.lit(moment) + pl.duration(seconds="second")).alias("booked_at"),
            pl.lit(DAY).alias("date"),
            pl.format("a{}", "account").alias("account_id"),
            pl.format("category-{}", "category").alias("category"),
            (pl.col("whole").cast(MONEY) + fractions).cast(MONEY).alias("amount"),
            pl.lit("EUR").alias("currency"),
            pl.lit(None, dtype=MONEY).alias("month_to_date"),
            pl.lit(None, dtype=MONEY).alias("amount_base"),
            pl.lit(None, dtype=pl.Date).alias("rate_date"),
            pl.lit(DAY).alias("file_date"),
            pl.lit(f"bank/tx-{DAY}.csv").alias("file"),
            pl.int_range(2, rows + 2, dtype=pl.Int64).alias("line"),
        )
    )


def corrected(rows: pl.DataFrame) -> pl.DataFrame:
    """The same day after a correction: of a hundred rows one is gone, one new, one changed."""
    kept = rows.filter(pl.col("line") % 100 != 3)
    new = rows.filter(pl.col("line") % 100 == 3).with_columns(
        pl.format("n{}", "line").alias("transaction_id")
    )
    amount = pl.when(pl.col("line") % 100 == 4).then(pl.lit(1).cast(MONEY)).otherwise("amount")
    return pl.concat([kept.with_columns(amount.alias("amount")), new])
