"""A real PostgreSQL of the control plane's tests' own: they cut it off and drop its schemas."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from embedded_postgres import start_postgres  # of deploy/, see tests/conftest.py

from control_plane.migrate_ops import migrate_ops
from control_plane.settings import Settings, settings


@pytest.fixture(scope="session")
def postgres_environment() -> Iterator[dict[str, str]]:
    """The ASSAY_ variables of a fresh server with the roles and databases of an Assay."""
    # Not among pytest's folders: each pytest that starts closes them to the server's own user.
    folder = Path(tempfile.mkdtemp(prefix="assay-postgres-"))
    server = start_postgres(folder / "data", folder / "secrets", cleanup_mode="delete")
    try:
        yield server.environment
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def ops(postgres_environment: dict[str, str]) -> Settings:
    """Settings of a warehouse whose schema `ops` is fresh and empty."""
    here = settings(postgres_environment)
    with closing(psycopg2.connect(here.warehouse_dsn("migrator"))) as connection, connection:
        connection.cursor().execute("DROP SCHEMA IF EXISTS ops CASCADE")
    migrate_ops(here.warehouse_dsn("migrator"))
    return here
