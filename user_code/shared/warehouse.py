"""The warehouse: one transaction per partition, and a fence that no older attempt passes.

Two attempts at one partition can overlap: a run that was given up wakes again while its retry
works. Each notes when it started, by the database's clock; a writer locks the partition's row in
`ops.partition_commits` and commits only if no attempt that started later has.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import psycopg2

from user_code.shared.table_writing import replace_partition

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection
    from psycopg2.extensions import cursor as Cursor


__all__ = ["SupersededError", "Warehouse", "replace_partition"]

# A password is renewed within seconds; one that is refused for longer is wrong.
REFUSED_SECONDS = 30


class SupersededError(RuntimeError):
    """A newer attempt has committed this partition; what this one made must not replace it."""


class Warehouse:
    """The database `warehouse`, by a libpq string. Nothing connects before it must."""

    def __init__(self, dsn: str, *, patience_seconds: float = 60) -> None:
        self._dsn = dsn
        self._patience_seconds = patience_seconds

    def connect(self) -> Connection:
        """A new connection; an absent server is waited for, up to the patience of this object.

        A refused password is tried again for a while: it may be changing at this moment, in its
        file first, then in Postgres. Raises psycopg2.OperationalError.
        """
        began = time.monotonic()
        pause = 0.2
        while True:
            try:
                return psycopg2.connect(self._dsn)
            except psycopg2.OperationalError as error:
                patience = self._patience_seconds
                if "authentication" in str(error):
                    patience = min(patience, REFUSED_SECONDS)
                hopeless = "does not exist" in str(error)
                if hopeless or time.monotonic() + pause > began + patience:
                    raise
            time.sleep(pause)
            pause = min(pause * 2, 5)

    @contextmanager
    def transaction(self) -> Iterator[Cursor]:
        """A cursor of one transaction on its own connection: committed, undone if it raises."""
        connection = self.connect()
        try:
            with connection, connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def now(self) -> datetime:
        """The database's clock: an attempt's `started_at`, comparable between machines."""
        with self.transaction() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            row = cursor.fetchone()
            assert row is not None
            moment: datetime = row[0]
            return moment

    @contextmanager
    def commit(
        self, asset: str, partitions: Sequence[str], run_id: str, started_at: datetime
    ) -> Iterator[Cursor]:
        """ONE transaction that holds the fence of these partitions, in sorted order.

        Yields its cursor; what is done inside, renames included, is alone with these partitions.
        Raises SupersededError, before anything is done, if a newer attempt has committed one.
        """
        with self.transaction() as cursor:
            for partition in sorted(set(partitions)):
                _pass_fence(cursor, asset, partition, run_id, started_at)
            yield cursor
            cursor.execute(
                "UPDATE ops.partition_commits"
                " SET run_id = %s, started_at = %s, committed_at = clock_timestamp()"
                " WHERE asset = %s AND partition = ANY(%s)",
                (run_id, started_at, asset, list(partitions)),
            )


def _pass_fence(
    cursor: Cursor, asset: str, partition: str, run_id: str, started_at: datetime
) -> None:
    cursor.execute(
        "INSERT INTO ops.partition_commits (asset, partition, run_id, started_at)"
        " VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (asset, partition, run_id, started_at),
    )
    cursor.execute(
        "SELECT started_at, run_id FROM ops.partition_commits"
        " WHERE asset = %s AND partition = %s FOR UPDATE",
        (asset, partition),
    )
    row = cursor.fetchone()
    assert row is not None
    if row[0] > started_at:
        raise SupersededError(
            f"{asset} {partition}: run {row[1]} started later and has committed; this attempt's "
            "result is dropped (nothing to do: the newer one is in place)"
        )
