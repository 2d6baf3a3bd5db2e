"""The rows of a temporary table into a partition: only what differs is touched.

Not `INSERT … ON CONFLICT DO UPDATE`: that locks, and so writes, each row that it meets, also where
nothing differs. The fence keeps other writers off the partition, so that an UPDATE, an INSERT of
what is missing and a DELETE of what is gone cannot race.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg2 import sql

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

# "$" keeps it apart from what a person would call a table.
INCOMING = sql.Identifier("pg_temp", "incoming$")
"""The temporary table that holds the partition as it shall be."""

_KEYS = """
    SELECT array_agg(attname::text ORDER BY place)
    FROM pg_index
    CROSS JOIN unnest(indkey[:indnkeyatts - 1]) WITH ORDINALITY AS keys (number, place)
    JOIN pg_attribute ON attrelid = indrelid AND attnum = number
    WHERE indrelid = %s::regclass AND indisunique AND indisvalid
        AND indpred IS NULL AND indexprs IS NULL
    GROUP BY indexrelid, indisprimary
    ORDER BY indisprimary DESC, indexrelid
"""


@dataclass(frozen=True)
class RowChanges:
    """What a write did to the table's rows."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0

    @property
    def total(self) -> int:
        """Rows touched."""
        return self.inserted + self.updated + self.deleted


def business_key(cursor: Cursor, table: str, columns: Sequence[str]) -> list[str]:
    """The table's primary key, or else another unique key, if `columns` hold it; else empty."""
    cursor.execute(_KEYS, [table])
    keys: list[list[str]] = [row[0] for row in cursor.fetchall()]
    return next((key for key in keys if set(key) <= set(columns)), [])


def merge_rows(
    cursor: Cursor,
    table: str,
    where: Mapping[str, object],
    columns: Sequence[str],
    key: Sequence[str],
    rows: int,
) -> RowChanges:
    """Make the rows of `table` found by `where` those of INCOMING, which are `rows` many.

    INCOMING has `columns` and `run_id`. Raises ValueError if a key is there twice.
    """
    cursor.execute(sql.SQL("ANALYZE {}").format(INCOMING))
    others = [column for column in columns if column not in key]
    parts = {
        "table": table_name(table),
        "incoming": INCOMING,
        "where": condition(where),
        "same_key": _each("t.{0} = i.{0}", key, " AND "),
        "columns": _each("{}", [*columns, "run_id"], ", "),
        "incoming_columns": _each("i.{}", [*columns, "run_id"], ", "),
        "set": _each("{0} = i.{0}", [*others, "run_id"], ", "),
        "old": _each("t.{}", others, ", "),
        "new": _each("i.{}", others, ", "),
    }
    values = list(where.values())
    deleted = _run(
        cursor,
        "DELETE FROM {table} AS t WHERE {where}"
        " AND NOT EXISTS (SELECT FROM {incoming} AS i WHERE {same_key})",
        parts,
        values,
    )
    updated = 0
    if others:
        updated = _run(
            cursor,
            "UPDATE {table} AS t SET {set}, loaded_at = DEFAULT FROM {incoming} AS i"
            " WHERE {where} AND {same_key} AND ROW({old}) IS DISTINCT FROM ROW({new})",
            parts,
            values,
        )
    inserted = _run(
        cursor,
        "INSERT INTO {table} ({columns}) SELECT {incoming_columns} FROM {incoming} AS i"
        " WHERE NOT EXISTS (SELECT FROM {table} AS t WHERE {where} AND {same_key})",
        parts,
        values,
    )
    cursor.execute(
        sql.SQL("SELECT count(*) FROM {table} AS t WHERE {where}").format(**parts), values
    )
    row = cursor.fetchone()
    assert row is not None
    if row[0] != rows:
        raise ValueError(
            f"{table}: {rows - row[0]} of {rows} rows have the same {', '.join(key)} as another, "
            "and only one can be kept"
        )
    cursor.execute(sql.SQL("DROP TABLE {}").format(INCOMING))
    return RowChanges(inserted, updated, deleted)


def _run(
    cursor: Cursor, statement: str, parts: Mapping[str, sql.Composable], values: list[object]
) -> int:
    cursor.execute(sql.SQL(statement).format(**parts), values)
    return int(cursor.rowcount)


def _each(form: str, columns: Sequence[str], between: str) -> sql.Composable:
    return sql.SQL(between).join(sql.SQL(form).format(sql.Identifier(name)) for name in columns)


def condition(where: Mapping[str, object]) -> sql.Composable:
    """`t.column = %s` for each of `where`, true if there is none."""
    tests = [sql.SQL("t.{} = {}").format(sql.Identifier(name), sql.Placeholder()) for name in where]
    return sql.SQL(" AND ").join(tests) if tests else sql.SQL("true")


def table_name(table: str) -> sql.Composable:
    """`schema.table` as a quoted SQL identifier."""
    return sql.SQL(".").join(sql.Identifier(part) for part in table.split("."))
