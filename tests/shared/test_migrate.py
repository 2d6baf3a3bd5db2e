"""Migrations: safe to repeat, and each role may do its own work only."""

from __future__ import annotations

import psycopg2
import pytest
from embedded_postgres import EmbeddedPostgres

from user_code.settings import settings
from user_code.shared.migrate import domains, migrate
from user_code.shared.warehouse import Warehouse


def test_migrating_again_changes_nothing(postgres: EmbeddedPostgres, warehouse: Warehouse) -> None:
    dsn = settings(postgres.environment).warehouse_dsn("migrator")
    assert migrate(dsn) == domains() == ["finance", "genomics", "shared"]


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("user_code", "CREATE TABLE finance.mine (a int)"),
        ("user_code", "DROP TABLE shared.landed_files"),
        ("user_code", "TRUNCATE shared.landed_files"),
        ("user_code", "DELETE FROM shared.migrations"),
        ("user_code", "DELETE FROM ops.alerts"),
        ("analyst", "DELETE FROM shared.landed_files"),
        ("analyst", "INSERT INTO ops.partition_commits VALUES ('a', 'b', 'c', now())"),
    ],
)
def test_a_role_is_refused_what_is_not_its_work(
    postgres: EmbeddedPostgres, warehouse: Warehouse, role: str, statement: str
) -> None:
    here = Warehouse(settings(postgres.environment).warehouse_dsn(role))
    with (
        pytest.raises(
            (psycopg2.errors.InsufficientPrivilege, psycopg2.errors.ReadOnlySqlTransaction)
        ),
        here.transaction() as cursor,
    ):
        cursor.execute(statement)


def test_the_analyst_reads_results_and_alerts(
    postgres: EmbeddedPostgres, warehouse: Warehouse
) -> None:
    analyst = Warehouse(settings(postgres.environment).warehouse_dsn("analyst"))
    with analyst.transaction() as cursor:
        cursor.execute(
            "SELECT schemaname || '.' || tablename FROM pg_tables"
            " WHERE schemaname IN ('finance', 'genomics', 'shared')"
            " OR schemaname = 'ops' AND tablename IN ('alerts', 'partition_commits')"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT count(*) FROM {table}")
