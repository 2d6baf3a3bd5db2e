"""What docker_gate refused becomes the alert `gate.refused`.

The gate has neither a network nor a password, so the daemon asks it, and writes by one function of
the warehouse that can raise this alert and nothing else.
"""

from __future__ import annotations

from contextlib import closing
from typing import Any

import psycopg2

from control_plane.docker_gate.engine import Engine
from control_plane.docker_gate.sockets import FOLDER
from control_plane.settings import Settings

_REPORT = "SELECT ops.report_refusal(%s, %s, %s, %s, %s)"


class RefusedRequests:
    """Fetches refusals from the gate, each once, and reports them."""

    def __init__(self, here: Settings) -> None:
        self._dsn = here.warehouse_dsn("dagster")
        self._ui_url = here.ui_url
        self._socket = here.docker_host.removeprefix("unix://")
        self._last = 0

    @property
    def has_gate(self) -> bool:
        """Whether a gate stands before the engine here; elsewhere nobody refuses anything."""
        return self._socket.startswith(f"{FOLDER}/")

    def report(self) -> int:
        """Report what was refused since the last time; how many.

        Raises psycopg2.Error or docker_gate's RefusedError if one of them is away; then the same
        refusals come again.
        """
        answer = Engine(self._socket).ask("GET", "/refusals", {"after": str(self._last)})
        found: Any = answer.json() if answer.status == 200 else []
        if not found:
            return 0
        with (
            closing(psycopg2.connect(self._dsn)) as connection,
            connection,
            connection.cursor() as cursor,
        ):
            for refusal in found:
                run_id = refusal["run_id"]
                link = f"{self._ui_url}/runs/{run_id}" if run_id and self._ui_url else ""
                words = (refusal["caller"], refusal["request"], refusal["reason"], run_id, link)
                cursor.execute(_REPORT, words)
        self._last = found[-1]["number"]
        return len(found)
