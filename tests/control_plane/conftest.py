"""A real PostgreSQL of the control plane's tests' own, which they cut off, and a real engine."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import dagster as dg
import docker
import psycopg2
import pytest
from dagster._core.instance import InstanceRef
from dagster._core.test_utils import instance_for_test
from docker.models.containers import Container
from embedded_postgres import start_postgres  # of deploy/, see tests/conftest.py

from control_plane.launcher import AssayRunLauncher
from control_plane.migrate_ops import migrate_ops
from control_plane.settings import Settings, settings
from tests.control_plane.docker_playground import Playground
from tests.control_plane.launched_runs import Launch, make_run
from user_code.shared.migrate import migrate


@pytest.fixture(scope="session")
def postgres_environment() -> Iterator[dict[str, str]]:
    """The ASSAY_ variables of a fresh server with the roles and databases of an Assay."""
    # Not among pytest's folders: each pytest that starts closes them to the server's own user.
    folder = Path(tempfile.mkdtemp(prefix="assay-postgres-"))
    server = start_postgres(folder / "data", folder / "secrets", cleanup_mode="delete")
    try:
        migrate(settings(server.environment).warehouse_dsn("migrator"))
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


@pytest.fixture(scope="module")
def playground() -> Iterator[Playground]:
    """A throw-away project on the engine, with the network that runs join."""
    here = Playground(docker.from_env())
    try:
        here.make_network()
        yield here
    finally:
        here.remove()


@pytest.fixture
def instance(
    playground: Playground, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    """An instance with our launcher, in the playground's project."""
    for name, value in {
        "ASSAY_PROJECT": playground.project,
        "ASSAY_ROOT": "/assay",
        "ASSAY_RUN_MEMORY": "64m",
        "ASSAY_RUN_CPUS": "0.5",
        "ASSAY_PG_HOST": "postgres",
        "ASSAY_ALERT_URLS": "json://not-for-runs",
    }.items():
        monkeypatch.setenv(name, value)
    launcher = {"module": "control_plane.launcher", "class": "AssayRunLauncher"}
    with instance_for_test(overrides={"run_launcher": launcher}) as instance:
        assert isinstance(instance.run_launcher, AssayRunLauncher)
        yield instance


@pytest.fixture
def launch(playground: Playground, instance: dg.DagsterInstance) -> Launch:
    """Launch a script as a run, as the daemon would."""

    def launch(name: str, script: str) -> tuple[dg.DagsterRun, Container]:
        run = make_run(instance, playground.image(name, script))
        instance.launch_run(run.run_id, None)  # type: ignore[arg-type]
        run = instance.get_run_by_id(run.run_id) or run
        return run, playground.client.containers.get(run.tags["docker/container_id"])

    return launch


@pytest.fixture
def here(postgres_environment: dict[str, str]) -> Settings:
    """Settings of a janitor that forgets what is older than 30 days."""
    return replace(settings(postgres_environment), history_days=30)


@pytest.fixture
def kept(here: Settings, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance whose storage is a database of this test's own, on the real Postgres."""
    name = f"dagster_{uuid.uuid4().hex[:8]}"
    with closing(psycopg2.connect(here.dagster_dsn())) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {name}")
        cursor.execute(f"ALTER ROLE dagster SET search_path = {name}")
        connection.commit()
    url = (
        f"postgresql+psycopg2://dagster:secret-dagster@/dagster?host={quote(here.pg_host, safe='')}"
    )
    overrides = {"storage": {"postgres": {"postgres_url": url}}}
    try:
        with dg.DagsterInstance.from_ref(
            InstanceRef.from_dir(str(tmp_path), overrides=overrides)
        ) as instance:
            yield instance
    finally:
        with closing(psycopg2.connect(here.dagster_dsn())) as connection:
            connection.autocommit = True
            connection.cursor().execute("ALTER ROLE dagster RESET search_path")
            connection.cursor().execute(f"DROP SCHEMA {name} CASCADE")
