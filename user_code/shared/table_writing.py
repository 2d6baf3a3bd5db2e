"""Polars rows into a warehouse table, by COPY: exact decimals, and no row in Python's hands."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl
from psycopg2 import sql

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
) -> int:
    """In `cursor`'s transaction: delete the rows where the columns equal `where`, put `frame` in.

    `table` is `schema.table`; it has the frame's columns by name, and `run_id`, `loaded_at`, which
    are filled here; columns of `where` that the frame lacks are filled from it. A lazy frame is
    streamed. Returns the rows written. Raises ValueError if a row of the frame would not be found
    by `where` again (the next run could not replace it) or a column's type has no place in COPY.
    """
    delete_where(cursor, table, where)
    lazy = frame.lazy()
    names = lazy.collect_schema().names()
    lazy = lazy.with_columns(
        pl.lit(str(value)).alias(column) for column, value in where.items() if column not in names
    )
    columns = lazy.collect_schema()
    for column, kind in columns.items():
        if kind.is_nested() or kind in (pl.Binary, pl.Object):
            raise ValueError(f"{table}.{column} is {kind}: write text or numbers to the warehouse")
    copy = sql.SQL("COPY {} ({}) FROM STDIN WITH (FORMAT csv)").format(
        table_name(table), sql.SQL(", ").join(map(sql.Identifier, [*columns, "run_id"]))
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


def _check_found_again(table: str, where: Mapping[str, object], batch: pl.DataFrame) -> None:
    for column, value in where.items():
        values = batch.get_column(column)
        same = (values.cast(pl.String) == str(value)).fill_null(False)
        if not same.all():
            raise ValueError(
                f"{table}: {same.len() - int(same.sum())} rows have another {column} than "
                f"{value}, whose partition they are in; no later run would replace them"
            )


def table_name(table: str) -> sql.Composable:
    """`schema.table` as a quoted SQL identifier."""
    return sql.SQL(".").join(sql.Identifier(part) for part in table.split("."))


def delete_where(cursor: Cursor, table: str, where: Mapping[str, object]) -> int:
    """Delete the rows whose columns equal `where`, all rows if it is empty; returns how many."""
    conditions = [
        sql.SQL("{} = {}").format(sql.Identifier(column), sql.Placeholder()) for column in where
    ]
    statement = sql.SQL("DELETE FROM {}").format(table_name(table))
    if conditions:
        statement += sql.SQL(" WHERE ") + sql.SQL(" AND ").join(conditions)
    cursor.execute(statement, list(where.values()))
    return int(cursor.rowcount)
