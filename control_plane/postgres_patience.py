"""The daemon and the webserver wait longer for a Postgres that is away.

dagster-postgres retries nothing but connecting, for about 11 s: after that a tick, a launch or a
log line is lost. Nine tries with doubling pauses cover a minute and more. It is a private default,
changed in this one place (user code has its own copy, in its own image), and a test fails when
upstream moves.
"""

from __future__ import annotations

from dagster_postgres import utils

# (retry_limit, retry_wait in seconds) of dagster_postgres.utils.retry_pg_connection_fn.
UPSTREAM = (5, 0.2)
PATIENT = (9, 0.2)


def wait_longer_for_postgres() -> None:
    """Make this process patient. Raises RuntimeError if dagster-postgres has changed."""
    function = utils.retry_pg_connection_fn
    if function.__defaults__ not in (UPSTREAM, PATIENT):
        raise RuntimeError(
            "dagster_postgres.utils.retry_pg_connection_fn has other defaults than it had: "
            "look at the new version, then correct control_plane/postgres_patience.py"
        )
    function.__defaults__ = PATIENT
