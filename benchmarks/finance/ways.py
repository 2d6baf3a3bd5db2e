"""One way of reading the feeds per process: `python -m benchmarks.finance.ways WAY LANDING OUT`.

Each prints the sum in cents and the number of sound rows, so that a way that is quick but wrong is
seen.
"""

import sys
from pathlib import Path

QUERY = """
    WITH text AS (
        SELECT * FROM read_csv(
            ?, header = true, delim = ',', quote = '', escape = '', auto_detect = false,
            ignore_errors = true,
            columns = {
                transaction_id: 'VARCHAR', booked_at: 'VARCHAR', account_id: 'VARCHAR',
                category: 'VARCHAR', amount: 'VARCHAR', currency: 'VARCHAR'
            }
        )
    ),
    typed AS (
        SELECT transaction_id, account_id, category, currency,
            try_cast(booked_at AS TIMESTAMP) AS booked_at,
            CASE WHEN regexp_full_match(amount, '[+-]?[0-9]{1,18}(\\.[0-9]{1,2})?')
                THEN try_cast(amount AS DECIMAL(38, 4)) END AS amount
        FROM text
    )
    SELECT sum(total), sum(rows) FROM (
        SELECT booked_at::DATE, currency, category, sum(amount) AS total, count(*) AS rows
        FROM typed
        WHERE booked_at IS NOT NULL AND amount IS NOT NULL AND length(currency) = 3
            AND transaction_id <> '' AND account_id <> '' AND category <> ''
        GROUP BY ALL
    )
"""


def duckdb_validates(landing: Path, _: Path) -> tuple[object, int]:
    """Validation and exact summary alone; no rejects are kept."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        row = connection.execute(QUERY, [str(landing / "*/*.csv")]).fetchone()
    assert row is not None
    return row[0], row[1]


def assay(landing: Path, out: Path, *, write: bool = False) -> tuple[object, int]:
    """Our reading: validated, exact summary, rejects kept; accepted rows as Parquet if asked."""
    import polars as pl

    from user_code.finance.domain.feed_files import list_feed_files
    from user_code.finance.domain.ingest import read_files

    files, _ = list_feed_files(landing)
    sums, rows = [], 0
    for number, read in enumerate(read_files(files, {})):
        read.quarantined.write_parquet(out / f"rejects-{number}.parquet")
        if write:
            read.sound.write_parquet(out / f"accepted-{number}.parquet")
        by = read.sound.lazy().group_by("date", "currency", "category")
        totals = by.agg(pl.col("amount").sum(), pl.len().alias("rows"))
        sums.append(totals.collect(engine="streaming"))
        rows += read.sound.height
    return pl.concat(sums)["amount"].sum(), rows


def assay_writes(landing: Path, out: Path) -> tuple[object, int]:
    """The same, with accepted rows as Parquet."""
    return assay(landing, out, write=True)


def assay_load(landing: Path, out: Path) -> tuple[object, int]:
    """`assay finance load`: with the search for duplicates, and all tables."""
    import polars as pl

    from user_code.finance.domain.batch import load_folder

    result = load_folder(landing, out)
    total = pl.read_parquet(out / "daily_summary.parquet")["total_amount"].sum()
    return total, result.accepted


def polars_eager(landing: Path, _: Path) -> tuple[object, int]:
    """The first idea: everything in memory, amounts as floats, bad ones dropped."""
    import polars as pl

    frame = pl.concat(
        [
            pl.read_csv(path, infer_schema=False, truncate_ragged_lines=True)
            for path in sorted(landing.glob("*/*.csv"))
        ]
    ).with_columns(pl.col("amount").cast(pl.Float64, strict=False))
    sound = frame.filter(pl.col("amount").is_not_null())
    totals = sound.group_by(pl.col("booked_at").str.slice(0, 10), "category").agg(
        pl.col("amount").sum()
    )
    return totals["amount"].sum(), sound.height


def pandas_chunks(landing: Path, _: Path) -> tuple[object, int]:
    """In chunks, amounts as floats, bad ones dropped."""
    import pandas as pd

    total, rows = 0.0, 0
    for path in sorted(landing.glob("*/*.csv")):
        for chunk in pd.read_csv(
            path, dtype=str, chunksize=500_000, keep_default_na=False, on_bad_lines="skip"
        ):
            amount = pd.to_numeric(chunk["amount"], errors="coerce")
            at = pd.to_datetime(chunk["booked_at"], errors="coerce", format="ISO8601")
            sound = amount.notna() & at.notna()
            grouped = amount[sound].groupby([at[sound].dt.date, chunk["category"][sound]]).sum()
            total, rows = total + grouped.sum(), rows + int(sound.sum())
    return total, rows


WAYS = {
    "duckdb": duckdb_validates,
    "assay": assay,
    "assay-parquet": assay_writes,
    "assay-load": assay_load,
    "polars-eager": polars_eager,
    "pandas-chunks": pandas_chunks,
}

if __name__ == "__main__":
    way, landing, out = sys.argv[1:]
    print(*WAYS[way](Path(landing), Path(out)))
