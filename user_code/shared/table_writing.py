"""Polars rows into a warehouse table, by COPY: exact decimals, and no row in Python's hands.

COPY of text, by psycopg2: a decimal goes over as its digits, and Postgres reads it as NUMERIC. ADBC
is quicker, but below 1.12 it wrote wrong NUMERICs, and Arrow's binary form gains little where the
index costs most.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl
from psycopg2 import sql

from user_code.shared.row_merging import (
    INCOMING,
    RowChanges,
    business_key,
    condition,
    merge_rows,
    table_name,
)

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

# Rows that are text in memory at one time.
_BATCH = 50_000


def replace_partition(
    cursor: Cursor,
    table: str,
    where: Mapping[str, object],
    frame: pl.DataFrame | pl.LazyFrame,
    run_id: str,
) -> RowChanges:
    """In `cursor`'s transaction: make the rows whose columns equal `where` those of `frame`.

    `table` is `schema.table`; it has the frame's columns by name, and `run_id`, `loaded_at`, which
    are filled here; columns of `where` that the frame lacks are filled from it. A row that is there
    already, by the table's unique key, is touched only where something differs, and then has the
    run that changed it: the same frame again changes nothing. A table without such a key has the
    rows deleted and written anew. A lazy frame is streamed.

    Returns how many rows were changed. Raises ValueError if a row of the frame would not be found
    by `where` again (the next run could not replace it), a key is there twice, or a column's type
    has no place in COPY.
    """
    lazy = frame.lazy()
    names = lazy.collect_schema().names()
    lazy = lazy.with_columns(
        pl.lit(str(value)).alias(column) for column, value in where.items() if column not in names
    )
    columns = lazy.collect_schema()
    for column, kind in columns.items():
        if kind.is_nested() or kind in (pl.Binary, pl.Object):
            raise ValueError(f"{table}.{column} is {kind}: write text or numbers to the warehouse")
    key = business_key(cursor, table, columns.names())
    if not key:
        deleted = delete_where(cursor, table, where)
        rows = _copy(cursor, table_name(table), table, where, lazy, run_id)
        return RowChanges(inserted=rows, deleted=deleted)
    if not _has_rows(cursor, table, where):
        # Nothing to compare with: the detour by a temporary table would only cost time.
        return RowChanges(inserted=_copy(cursor, table_name(table), table, where, lazy, run_id))
    cursor.execute(
        sql.SQL(
            "CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA"
        ).format(INCOMING, _names([*columns, "run_id"]), table_name(table))
    )
    rows = _copy(cursor, INCOMING, table, where, lazy, run_id)
    return merge_rows(cursor, table, where, columns.names(), key, rows)


def _copy(
    cursor: Cursor,
    into: sql.Composable,
    table: str,
    where: Mapping[str, object],
    lazy: pl.LazyFrame,
    run_id: str,
) -> int:
    copy = sql.SQL("COPY {} ({}) FROM STDIN WITH (FORMAT csv)").format(
        into, _names([*lazy.collect_schema(), "run_id"])
    )
    rows = 0
    for batch in lazy.collect_batches(chunk_size=_BATCH, maintain_order=True):
        _check_found_again(table, where, batch)
        text = io.BytesIO()
        batch.with_columns(pl.lit(run_id).alias("run_id")).write_csv(text, include_header=False)
        text.seek(0)
        cursor.copy_expert(copy, text)
        rows += batch.height
    return rows


def _names(columns: Sequence[str]) -> sql.Composable:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _check_found_again(table: str, where: Mapping[str, object], batch: pl.DataFrame) -> None:
    for column, value in where.items():
        values = batch.get_column(column)
        same = (values.cast(pl.String) == str(value)).fill_null(False)
        if not same.all():
            raise ValueError(
                f"{table}: {same.len() - int(same.sum())} rows have another {column} than "
                f"{value}, whose partition they are in; no later run would replace them"
            )


def _has_rows(cursor: Cursor, table: str, where: Mapping[str, object]) -> bool:
    statement = sql.SQL("SELECT EXISTS (SELECT FROM {} AS t WHERE {})").format(
        table_name(table), condition(where)
    )
    cursor.execute(statement, list(where.values()))
    row = cursor.fetchone()
    assert row is not None
    return bool(row[0])


def delete_where(cursor: Cursor, table: str, where: Mapping[str, object]) -> int:
    """Delete the rows whose columns equal `where`, all rows if it is empty; returns how many."""
    statement = sql.SQL("DELETE FROM {} AS t WHERE {}").format(table_name(table), condition(where))
    cursor.execute(statement, list(where.values()))
    return int(cursor.rowcount)
