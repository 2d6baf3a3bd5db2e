"""Days whose duplicates are no longer right, since another day's files came late or were corrected.

The record that counts is the one of the earliest day, whatever arrived first. A day that was read
before an earlier day's file came may hold a row that is a duplicate now; a day that lost a row as
a duplicate must take it back when a correction removes the earlier one.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

_UNSETTLED = """
    WITH accepted AS (
        SELECT source, transaction_id, file_date
        FROM read_parquet(?) SEMI JOIN touched USING (source, transaction_id)
    ),
    winner AS (
        SELECT source, transaction_id, min(file_date) AS day
        FROM accepted GROUP BY source, transaction_id
    )
    SELECT file_date FROM accepted JOIN winner USING (source, transaction_id)
    WHERE file_date > day
"""
_LOST = """
    UNION
    SELECT file_date
    FROM (SELECT * FROM read_parquet(?) SEMI JOIN touched USING (source, transaction_id))
    LEFT JOIN winner USING (source, transaction_id)
    WHERE day IS NULL OR file_date < day
"""


def unsettled_days(
    touched: pl.DataFrame, transactions: Sequence[Path], duplicates: Sequence[Path]
) -> list[date]:
    """The days to read again, sorted; empty if all is settled.

    `touched`: `source` and `transaction_id` of records that came, changed or went. The files are
    Parquet of FINANCIAL_TRANSACTIONS and DUPLICATES of all days.
    """
    if touched.is_empty() or not transactions:
        return []
    query, files = _UNSETTLED, [[str(path) for path in transactions]]
    if duplicates:
        query, files = query + _LOST, [*files, [str(path) for path in duplicates]]
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        connection.register("touched", touched.select("source", "transaction_id").unique())
        found = connection.execute(query, files).fetchall()
    return sorted({day for (day,) in found})
