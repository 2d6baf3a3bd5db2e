"""Rows whose transaction id an earlier day has, too: found in the tables of all days at once.

DuckDB groups on disk what doesn't fit into memory, so that ten years' ids need none of their own.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

import duckdb
import polars as pl

_KEY = ("source", "transaction_id")
_REPEATED = """
    SELECT source, transaction_id, min(file_date) AS first_date
    FROM read_parquet($files) GROUP BY ALL HAVING count(*) > 1
"""


def repeated_ids(transactions: Sequence[Path]) -> pl.DataFrame:
    """Parquet files of FINANCIAL_TRANSACTIONS, in which no day repeats an id of its own → `source`,
    `transaction_id` and the `first_date` of each id that several days have."""
    waiting = transactions[0].with_name(f".{transactions[0].name}.ids.tmp")
    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": 2, "memory_limit": "512MB", "temp_directory": str(waiting),
        "preserve_insertion_order": False,
    }  # fmt: skip
    try:
        with duckdb.connect(config=settings) as connection:
            files = [str(path) for path in transactions]
            found: pl.DataFrame = connection.sql(_REPEATED, params={"files": files}).pl()
            return found
    finally:
        shutil.rmtree(waiting, ignore_errors=True)


def take_repeated(transactions: Path, repeated: pl.DataFrame) -> pl.DataFrame:
    """Takes from a file the rows of `repeated` ids that aren't of the first date; returns them."""
    rows = pl.scan_parquet(transactions, glob=False)
    taken = (
        rows.join(repeated.lazy(), on=_KEY, maintain_order="left")
        .filter(pl.col("file_date") > pl.col("first_date"))
        .drop("first_date")
        .collect(engine="streaming")
    )
    if not taken.is_empty():
        rest = transactions.with_name(f".{transactions.name}.rest.tmp")
        mine = taken.lazy().select(*_KEY, "file_date")
        kept = rows.join(mine, on=[*_KEY, "file_date"], how="anti", maintain_order="left")
        kept.sink_parquet(rest)
        rest.replace(transactions)
    return taken
