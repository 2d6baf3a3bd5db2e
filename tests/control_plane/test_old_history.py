"""Old runs go, with all that Dagster keeps of them; what is newest of a partition never does."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import dagster as dg
import psycopg2
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    TickData,
    TickStatus,
)
from dagster._core.test_utils import create_run_for_test

from control_plane import janitor
from control_plane.image_needs import runs_that_need
from control_plane.left_files import left_files
from control_plane.old_history import old_runs
from control_plane.settings import Settings

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
        assert {row[0] for row in cursor.fetchall()} == {again, other}
    assert janitor.tidy(kept, here, plan=False) == []


def test_a_check_that_was_planned_and_not_done_makes_no_other_old(
    kept: dg.DagsterInstance, here: Settings
) -> None:
    """As a run leaves it whose container has died."""
    first, crashed = make(kept, "a"), make(kept, "a")
    age(here, first, crashed)
    assert old_runs(here.dagster_dsn(), 30) == [first]
    with closing(psycopg2.connect(here.dagster_dsn())) as connection, connection:
        connection.cursor().execute(
            "UPDATE asset_check_executions SET execution_status = 'PLANNED' WHERE run_id = %s",
            (crashed,),
        )
    assert old_runs(here.dagster_dsn(), 30) == []


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


def age_all(here: Settings, table: str, column: str, where: str = "true") -> None:
    with closing(psycopg2.connect(here.dagster_dsn())) as connection, connection:
        connection.cursor().execute(
            f"UPDATE {table} SET {column} = {column} - interval '31 days' WHERE {where}"
        )


def test_old_ticks_go_and_a_plan_counts_them(kept: dg.DagsterInstance, here: Settings) -> None:
    origin = create_test_tick(kept, "looks")
    assert janitor.tidy(kept, here, plan=False) == [], "they are young"
    age_all(here, "job_ticks", "timestamp")
    young = create_test_tick(kept, "looks")
    said = ["1 ticks, older than 30 days"]
    assert janitor.tidy(kept, here, plan=True) == said
    assert len(kept.get_ticks(*origin)) == 2, "a plan does nothing"
    assert janitor.tidy(kept, here, plan=False) == said
    assert young == origin
    assert len(kept.get_ticks(*origin)) == 1
    assert janitor.tidy(kept, here, plan=True) == []


def create_test_tick(instance: dg.DagsterInstance, name: str) -> tuple[str, str]:
    """A tick of a sensor, made as the daemon makes it; the ids by which its ticks are found."""
    with loadable(name) as origin:
        selector = origin.get_selector().get_id()
        if instance.get_instigator_state(origin.get_id(), selector) is None:
            state = InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.RUNNING, None)
            instance.add_instigator_state(state)
        instance.create_tick(
            TickData(
                instigator_origin_id=origin.get_id(),
                instigator_name=name,
                instigator_type=InstigatorType.SENSOR,
                status=TickStatus.SKIPPED,
                timestamp=time.time(),
                selector_id=selector,
            )
        )
        return origin.get_id(), selector


@contextmanager
def loadable(name: str) -> Iterator[RemoteInstigatorOrigin]:
    """The origin of a sensor that nobody has to load."""
    location = GrpcServerCodeLocationOrigin("nowhere", port=1, location_name="code")
    yield RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "defs"), name)


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
    names += [f".x.{odd}.tmp" for odd in almost_run_ids(dead)] + [f".x.parquet.{dead}.tmp~"]
    names += [f"x.parquet.{dead}.tmp", f".y.parquet.{dead}.tmp"]
    for name in names:
        (folder / name).touch()
        long_ago = time.time() - 7200
        os.utime(folder / name, (long_ago, long_ago))
    (folder / names[-1]).touch()  # somebody writes it
    found = list(left_files([tmp_path, tmp_path / "nowhere"], lambda run_id: run_id != alive))
    assert [path.name for path in found] == [names[0]]


def almost_run_ids(run_id: str) -> list[str]:
    """Each part of another form, and one part more; of no run, so that no run is unfinished."""
    first, second, *_, last = run_id.split("-")
    odd = [run_id.replace(part, f"{part[:-1]}_") for part in (first, second, last)]
    odd += [run_id.replace(part, f"{part}0") for part in (first, second, last)]
    return [*odd, run_id.replace(second, f"{second}-{second}")]


def test_a_temporary_file_that_goes_by_itself_holds_up_no_other(tmp_path: Path) -> None:
    run_id, asked = str(uuid.uuid4()), []
    for name in "abc":
        (tmp_path / f".{name}.{run_id}.tmp").touch()
    found = left_files([tmp_path], lambda run_id: not asked.append(run_id), grace_seconds=0)
    first = next(found)
    for other in set(tmp_path.iterdir()) - {first}:
        other.unlink()
        break
    assert len(list(found)) == 1
    assert asked == [run_id], "of each run it is asked once"


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
