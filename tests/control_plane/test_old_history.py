"""Old runs go, with all that Dagster keeps of them; what is newest of a partition never does."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import dagster as dg
import psycopg2
import pytest
from dagster._core.instance import InstanceRef
from dagster._core.test_utils import create_run_for_test

from control_plane import janitor
from control_plane.image_needs import runs_that_need
from control_plane.left_files import left_files
from control_plane.old_history import old_runs
from control_plane.settings import Settings, settings

DAYS = dg.StaticPartitionsDefinition(["a", "b"])


@dg.asset(partitions_def=DAYS)
def thing() -> None:
    """Something that is made again and again."""


@dg.asset_check(asset=thing)
def is_there() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@dg.op
def fails() -> None:
    raise dg.Failure("no", allow_retries=False)


@dg.job
def broken() -> None:
    fails()


@pytest.fixture
def here(postgres_environment: dict[str, str]) -> Settings:
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


def make(instance: dg.DagsterInstance, partition: str) -> str:
    with_check = [thing, is_there]
    return dg.materialize(with_check, instance=instance, partition_key=partition).run_id


def age(here: Settings, *run_ids: str) -> None:
    """As if these runs had ended 31 days ago."""
    with closing(psycopg2.connect(here.dagster_dsn())) as connection, connection:
        connection.cursor().execute(
            "UPDATE runs SET end_time = end_time - 31 * 86400 WHERE run_id = ANY(%s)",
            (list(run_ids),),
        )


def ids(instance: dg.DagsterInstance) -> set[str]:
    return {run.run_id for run in instance.get_runs()}


def test_old_runs_go_and_the_newest_of_each_partition_stays(
    kept: dg.DagsterInstance, here: Settings
) -> None:
    first, again, other = make(kept, "a"), make(kept, "a"), make(kept, "b")
    failed = broken.execute_in_process(instance=kept, raise_on_error=False).run_id
    young = broken.execute_in_process(instance=kept, raise_on_error=False).run_id
    age(here, first, again, other, failed)
    waits = create_run_for_test(kept, "broken", status=dg.DagsterRunStatus.STARTED).run_id

    planned = janitor.tidy(kept, here, plan=True)
    assert {line.split()[1].rstrip(",") for line in planned} == {first, failed}
    assert ids(kept) == {first, again, other, failed, young, waits}, "a plan does nothing"

    janitor.tidy(kept, here, plan=False)
    assert ids(kept) == {again, other, young, waits}
    assert kept.get_materialized_partitions(thing.key) == {"a", "b"}
    latest = kept.get_latest_materialization_event(thing.key)
    assert latest is not None
    assert latest.run_id == other
    assert kept.all_logs(first) == []
    with closing(psycopg2.connect(here.dagster_dsn())) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT DISTINCT run_id FROM asset_check_executions")
        assert {row[0] for row in cursor.fetchall()} <= {again, other}
    assert janitor.tidy(kept, here, plan=False) == []


def test_the_run_that_an_unfinished_one_does_again_stays(
    kept: dg.DagsterInstance, here: Settings
) -> None:
    failed = broken.execute_in_process(instance=kept, raise_on_error=False).run_id
    age(here, failed)
    assert old_runs(here.dagster_dsn(), 30) == [failed]
    create_run_for_test(
        kept,
        "broken",
        parent_run_id=failed,
        root_run_id=failed,
        tags={"dagster/parent_run_id": failed, "dagster/root_run_id": failed},
        status=dg.DagsterRunStatus.STARTED,
    )
    assert old_runs(here.dagster_dsn(), 30) == []


def test_without_a_limit_history_is_kept(kept: dg.DagsterInstance, here: Settings) -> None:
    failed = broken.execute_in_process(instance=kept, raise_on_error=False).run_id
    age(here, failed)
    assert janitor.tidy(kept, replace(here, history_days=None), plan=False) == []
    assert ids(kept) == {failed}


def test_temporary_files_of_dead_runs_go_and_no_others(tmp_path: Path) -> None:
    dead, alive = str(uuid.uuid4()), str(uuid.uuid4())
    folder = tmp_path / "genomics/raw"
    folder.mkdir(parents=True)
    names = [f".x.parquet.{dead}.tmp", f".x.parquet.{alive}.tmp", ".x.parquet.tmp", "x.parquet"]
    names += [f"x.parquet.{dead}.tmp", f".y.parquet.{dead}.tmp"]
    for name in names:
        (folder / name).touch()
        long_ago = time.time() - 7200
        os.utime(folder / name, (long_ago, long_ago))
    (folder / names[-1]).touch()  # somebody writes it
    found = list(left_files([tmp_path, tmp_path / "nowhere"], lambda run_id: run_id == dead))
    assert [path.name for path in found] == [names[0]]


def test_an_image_is_needed_while_a_run_that_names_it_is_unfinished(
    kept: dg.DagsterInstance, here: Settings
) -> None:
    for status in (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.SUCCESS):
        create_run_for_test(kept, "broken", status=status, tags={"docker/image": "assay/code:1"})
    needed = {
        image: runs_that_need(here.dagster_dsn(), image)
        for image in ("assay/code:1", "assay/code:", "code:1")
    }
    assert needed == {"assay/code:1": 1, "assay/code:": 0, "code:1": 0}
