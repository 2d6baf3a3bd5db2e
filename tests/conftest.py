"""What tests of several rooms use: a real PostgreSQL, an empty warehouse, a Dagster instance."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dagster as dg
import hypothesis
import psycopg2
import pytest

from control_plane.migrate_ops import migrate_ops
from user_code.settings import settings
from user_code.shared.migrate import migrate
from user_code.shared.publishing import Publisher
from user_code.shared.warehouse import Warehouse

REPOSITORY = Path(__file__).parents[1]
# deploy/ holds configuration, and is not an installed package.
sys.path.insert(0, str(REPOSITORY / "deploy"))

from embedded_postgres import EmbeddedPostgres, start_postgres  # noqa: E402

# The same examples everywhere: what is red in one place can be repeated in another. No deadline:
# a busy machine is no fault of the code.
hypothesis.settings.register_profile("assay", deadline=None, derandomize=True, max_examples=60)
hypothesis.settings.load_profile("assay")


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A fresh embedded server, with roles, databases and all schemas, one per session."""
    # Not below pytest's own folder, which every other pytest that starts closes to other users:
    # under root the server runs as one.
    folder = Path(tempfile.mkdtemp(prefix="assay-tests-"))
    started = start_postgres(folder / "data", folder / "secrets", cleanup_mode="delete")
    try:
        with closing(psycopg2.connect(started.superuser_dsn("postgres"))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("ALTER SYSTEM SET fsync = off")
                cursor.execute("SELECT pg_reload_conf()")
        migrator = settings(started.environment).warehouse_dsn("migrator")
        migrate_ops(migrator)
        migrate(migrator)
        yield started
    finally:
        started.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def warehouse(postgres: EmbeddedPostgres) -> Warehouse:
    """The warehouse as the role `user_code`, its tables empty."""
    with closing(psycopg2.connect(postgres.superuser_dsn("warehouse"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
                " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
                " AND tablename <> 'migrations'"
            )
            tables = [row[0] for row in cursor.fetchall()]
            cursor.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE")
    return Warehouse(settings(postgres.environment).warehouse_dsn(), patience_seconds=0)


@pytest.fixture
def publisher(postgres: EmbeddedPostgres, warehouse: Warehouse, tmp_path: Path) -> Publisher:
    """A publisher whose folder and tables are this test's own."""
    return Publisher(
        root=str(tmp_path / "assay"), dsn=settings(postgres.environment).warehouse_dsn()
    )


@pytest.fixture
def instance() -> dg.DagsterInstance:
    """A Dagster instance in memory."""
    # Not disposed of: its connections' finalizers would complain of a closed database.
    return dg.DagsterInstance.ephemeral()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real reference data beside the repository; the test is skipped without it."""
    folder = REPOSITORY.parent / "shared/data"
    if not folder.is_dir():
        pytest.skip(f"no reference data at {folder}")
    return folder
