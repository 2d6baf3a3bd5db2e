"""`python -m control_plane.webserver …`: dagster-webserver, made for a Postgres that restarts.

Takes dagster-webserver's own arguments. Without `--db-pool-recycle` among them it is set to one
second: after a restart of Postgres the pool's connections are dead, and the first launches would
be answered with an error and be executed all the same.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from control_plane.postgres_patience import wait_longer_for_postgres
from control_plane.service_log import write_the_rest_so_too

POOL_RECYCLE = "--db-pool-recycle"


def arguments(given: Sequence[str]) -> list[str]:
    """`given` for dagster-webserver, with what we want where nothing else is said."""
    said = any(argument.split("=")[0] == POOL_RECYCLE for argument in given)
    return [*given] if said else [*given, POOL_RECYCLE, "1"]


def serve(given: Sequence[str]) -> None:
    """Serve until stopped; exits as dagster-webserver does."""
    write_the_rest_so_too()
    wait_longer_for_postgres()
    # Imported late: it is slow, and a wrong dagster-postgres should be named first.
    from dagster_webserver.cli import main

    sys.argv = ["dagster-webserver", *arguments(given)]
    main()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    serve(sys.argv[1:])
