"""At most one daemon: a Postgres advisory lock on Dagster's database, held for life.

Two daemons at once launch runs twice. Dagster itself only logs an error. The lock belongs to a
connection: it is free at once when its holder dies, and when Postgres restarts its holder has
lost it and must end before another begins.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psycopg2
from psycopg2.extensions import make_dsn

# Any constant of our own, below 2**31 so that pg_locks shows it whole in `objid`.
LOCK_KEY = 0x41535359

# A dead network is noticed by both ends, by ours first: we must be gone before the server gives
# the lock to another.
_OUR_END = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # ms
}
_SERVER_END = """
SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 4;
SET idle_session_timeout = 0
"""
_HOLDER = """
SELECT coalesce(host(a.client_addr), 'this host'), to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS')
FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
WHERE l.locktype = 'advisory' AND l.objid = %s AND l.granted
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class LockLostError(Exception):
    """The connection that held the lock is gone: another daemon may have begun."""


class DaemonLock:
    """The right to be the daemon of the Dagster database at `dsn`."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: Any = None

    def acquire(self, say: Callable[[str], None], pause_seconds: float = 2.0) -> None:
        """Wait until the lock is ours, however long that takes.

        `say` is told why we wait, once for each reason; a Postgres that is away is one.
        """
        told = ""
        while True:
            try:
                reason = self._try()
            except psycopg2.OperationalError as error:
                self.release()
                reason = f"Postgres does not answer: {str(error).strip().splitlines()[0]}"
            if not reason:
                return
            if reason != told:
                say(reason)
                told = reason
            time.sleep(pause_seconds)

    def check(self) -> None:
        """Raise LockLostError unless the connection that holds the lock still answers."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except psycopg2.Error as error:
            raise LockLostError(str(error).strip()) from error

    def release(self) -> None:
        """Give the lock back; nothing if there is none."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _try(self) -> str:
        """Why the lock is not ours yet, or nothing if it is."""
        if self._connection is None:
            self._connection = psycopg2.connect(
                make_dsn(self._dsn, application_name="assay daemon lock", **_OUR_END)
            )
            self._connection.autocommit = True
        with self._connection.cursor() as cursor:
            cursor.execute(_SERVER_END)
            cursor.execute("SELECT pg_try_advisory_lock(%s)", (LOCK_KEY,))
            if cursor.fetchone()[0]:
                return ""
            cursor.execute(_HOLDER, (LOCK_KEY,))
            holder = cursor.fetchone() or ("unknown", "unknown")
        return f"another daemon holds the lock (from {holder[0]}, since {holder[1]}): waiting"
