"""The embedded edition's web server: `python deploy/embedded_webserver.py …`, as dagster-webserver.

It is dagster-webserver behind the guard in embedded_guard.py, for it has no gateway before it.
"""

from __future__ import annotations

import sys
from typing import Any

import dagster_webserver.app
from dagster_webserver.webserver import DagsterWebserver
from embedded_guard import Guard
from starlette.middleware import Middleware

from control_plane.webserver import serve


class GuardedWebserver(DagsterWebserver[Any, Any]):
    """The web server, asked only what its own pages and scripts would ask."""

    def build_middleware(self) -> list[Middleware]:
        """The guard first, then the usual ones."""
        return [Middleware(Guard), *super().build_middleware()]


def main() -> None:
    """Serve until stopped; exits as dagster-webserver does."""
    # There is no public way to have the command serve another class than its own.
    dagster_webserver.app.DagsterWebserver = GuardedWebserver  # type: ignore[attr-defined]
    serve(sys.argv[1:])


if __name__ == "__main__":
    main()
