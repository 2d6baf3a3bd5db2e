"""Made-up feeds, the same for each seed: a file per source and day, some rows bad or repeated."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

FIRST = date(2025, 1, 1)
SOURCES = ("bank", "cards", "shop", "till")
COLUMNS = ("transaction_id", "booked_at", "account_id", "category", "amount", "currency")
BAD = ("12,5O", "1e3", "", "1.2345", "NaN")


def generate(landing: Path, rows: int, rows_a_file: int = 100_000, seed: int = 7) -> int:
    """About `rows` records in `<landing>/<source>/`; returns how many exactly.

    One in a thousand is bad, one in five hundred repeats an id of its file.
    """
    random = np.random.default_rng(seed)
    written = 0
    for number in range(max(1, round(rows / rows_a_file))):
        day = FIRST + timedelta(days=number // len(SOURCES))
        source = SOURCES[number % len(SOURCES)]
        path = landing / source / f"tx-{day}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        _frame(random, day, number, min(rows, rows_a_file)).write_csv(path, quote_style="never")
        written += min(rows, rows_a_file)
    return written


def _frame(random: np.random.Generator, day: date, number: int, rows: int) -> pl.DataFrame:
    ids = np.arange(rows) + number * rows
    again = random.random(rows) < 0.002
    ids[again] = ids[0]
    cents = random.integers(-100_000, 1_000_000, rows)
    bad = random.random(rows) < 0.001
    seconds = random.integers(0, 86_400, rows)
    return (
        pl.DataFrame(
            {
                "id": ids,
                "second": seconds,
                "account": random.integers(0, 50_000, rows),
                "category": random.integers(0, 20, rows),
                "cents": cents,
                "bad": np.where(bad, random.integers(0, len(BAD), rows), -1),
            }
        )
        .with_columns(
            (pl.lit(day).cast(pl.Datetime("us")) + pl.duration(seconds="second")).alias("at"),
            pl.when(pl.col("cents") < 0).then(pl.lit("-")).otherwise(pl.lit("")).alias("sign"),
            pl.col("cents").abs().alias("cents"),
        )
        .select(
            pl.format("t{}", "id").alias("transaction_id"),
            pl.col("at").dt.strftime("%Y-%m-%dT%H:%M:%SZ").alias("booked_at"),
            pl.format("a{}", "account").alias("account_id"),
            pl.format("category-{}", "category").alias("category"),
            pl.when(pl.col("bad") >= 0)
            .then(pl.col("bad").replace_strict(dict(enumerate(BAD)), default=""))
            .otherwise(
                pl.format(
                    "{}{}.{}",
                    "sign",
                    pl.col("cents") // 100,
                    (pl.col("cents") % 100).cast(pl.String).str.zfill(2),
                )
            )
            .alias("amount"),
            pl.lit("EUR").alias("currency"),
        )
    )
