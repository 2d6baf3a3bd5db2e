"""Dagster's Postgres storage waits longer for a server that is away.

Only connecting is retried there, for about 11 s: a run that logs while Postgres restarts would
fail. Nine tries with doubling pauses cover 60 s and more. It is a private default of
dagster-postgres, so that it is changed in this one place, and a test tells when upstream moves.
"""

from __future__ import annotations

from dagster_postgres import utils

# (retry_limit, retry_wait in seconds) of dagster_postgres.utils.retry_pg_connection_fn.
PATIENT = (9, 0.2)


def wait_longer_for_postgres() -> None:
    """Make this process patient. Raises RuntimeError if dagster-postgres has changed."""
    function = utils.retry_pg_connection_fn
    if getattr(function, "__defaults__", None) not in ((5, 0.2), PATIENT):
        raise RuntimeError(
            "dagster_postgres.utils.retry_pg_connection_fn has other defaults than it had: "
            "look at the new version, then correct user_code/shared/postgres_patience.py"
        )
    function.__defaults__ = PATIENT
