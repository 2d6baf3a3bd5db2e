"""A Postgres that says nothing is as good as gone: nobody here waits for it for ever.

A container that is paused, and a way on which packets are lost, end no connection, so that a query
would wait for hours, without a word. libpq limits the time for connecting only.
"""

from __future__ import annotations

import select
from typing import TYPE_CHECKING

import psycopg2
from psycopg2.extensions import (
    POLL_OK,
    POLL_READ,
    STATUS_SETUP,
    connection,
    set_wait_callback,
)

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

# A query may wait for another's lock; a message that was sent meanwhile would be sent again.
SILENT_SECONDS = 30
# libpq forgets its `connect_timeout` when somebody else waits.
CONNECTING_SECONDS = 10
_HURRIED_SECONDS = 3

# Where the way is lost, the server finds out, too, and gives up our locks.
_SERVER_END = "-c tcp_keepalives_idle=15 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=4"


class PostgresSilentError(psycopg2.OperationalError):
    """Postgres has not said anything for too long; the connection is closed."""


class _Hurried(connection):
    """A connection for who must answer soon."""

    longest_silence = _HURRIED_SECONDS


def never_wait_for_ever() -> None:
    """Have each query of this process, of whichever thread, fail once Postgres is silent.

    Raises psycopg2.OperationalError there, as if Postgres had gone.
    """
    set_wait_callback(_wait)


def connect(dsn: str, *, hurried: bool = False) -> Connection:
    """A new connection; `hurried`: given up after three seconds of silence."""
    return psycopg2.connect(
        dsn, options=_SERVER_END, connection_factory=_Hurried if hurried else None
    )


def why(error: psycopg2.Error) -> str:
    """In one line, why Postgres does not answer.

    What ends by an error wants to roll back, and complains of the connection that silence closed.
    """
    silence = error.__context__
    said = str(silence if isinstance(silence, PostgresSilentError) else error)
    return (said.strip().splitlines() or [type(error).__name__])[0]


def _wait(waiting: Connection) -> None:
    usual = CONNECTING_SECONDS if waiting.status == STATUS_SETUP else SILENT_SECONDS
    seconds = getattr(waiting, "longest_silence", usual)
    while True:
        state = waiting.poll()
        if state == POLL_OK:
            return
        poll = select.poll()
        poll.register(waiting.fileno(), select.POLLIN if state == POLL_READ else select.POLLOUT)
        if not poll.poll(seconds * 1000):
            raise PostgresSilentError(f"it has been silent for {seconds} s")
