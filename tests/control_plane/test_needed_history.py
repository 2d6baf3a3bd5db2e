"""What an old run holds that somebody still needs, and that no run goes which is not over."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dagster as dg
import psycopg2
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.test_utils import create_run_for_test

from control_plane.old_history import forget, old_runs
from control_plane.settings import Settings
from tests.control_plane.test_old_history import age, ids

SEEN = dg.AssetKey("seen")
OVER = [dg.DagsterRunStatus(one) for one in ("SUCCESS", "FAILURE", "CANCELED")]
GOING = [dg.DagsterRunStatus(one) for one in ("NOT_STARTED", "STARTING", "STARTED", "CANCELING")]


@dg.op
def looks() -> Iterator[object]:
    yield dg.AssetObservation(SEEN, partition="a")
    yield dg.Output(None)


@dg.op
def makes() -> Iterator[object]:
    yield dg.AssetMaterialization(SEEN, partition="a")
    yield dg.Output(None)


def do(instance: dg.DagsterInstance, op: dg.OpDefinition) -> str:
    job = dg.GraphDefinition(name="a_job", node_defs=[op]).to_job()
    return job.execute_in_process(instance=instance).run_id


def finished(instance: dg.DagsterInstance, here: Settings, **tags: str) -> str:
    """A run that has ended long ago."""
    return aged(instance, here, dg.DagsterRunStatus.FAILURE, **tags)


def aged(
    instance: dg.DagsterInstance, here: Settings, status: dg.DagsterRunStatus, **tags: str
) -> str:
    """A run that nobody has touched for long; it notes no end."""
    run_id = create_run_for_test(
        instance, "broken", status=status, tags={f"dagster/{key}": tags[key] for key in tags}
    ).run_id
    with closing(psycopg2.connect(here.dagster_dsn())) as connection, connection:
        connection.cursor().execute(
            "UPDATE runs SET update_timestamp = now() - interval '31 days' WHERE run_id = %s",
            (run_id,),
        )
    return run_id


def old(here: Settings) -> list[str]:
    return old_runs(here.dagster_dsn(), 30)


def test_the_newest_observation_stays_though_something_was_made_since(
    kept: dg.DagsterInstance, here: Settings
) -> None:
    first, again, made = do(kept, looks), do(kept, looks), do(kept, makes)
    age(here, first, again, made)
    assert old(here) == [first]
    newest = do(kept, makes)
    age(here, newest)
    assert set(old(here)) == {first, made}


def test_only_what_is_over_is_old(kept: dg.DagsterInstance, here: Settings) -> None:
    over = {aged(kept, here, status) for status in OVER}
    going = {aged(kept, here, status) for status in GOING}
    assert set(old(here)) == over
    logs = {run_id: logs_of(kept, run_id) for run_id in (*over, *going)}
    gone = list(forget(kept, here.dagster_dsn(), [*going, str(uuid.uuid4()), *over]))
    assert (set(gone), ids(kept)) == (over, going)
    assert {run_id for run_id, path in logs.items() if path.exists()} == going


def logs_of(instance: dg.DagsterInstance, run_id: str) -> Path:
    """What a step of the run has printed."""
    with instance.compute_log_manager.open_log_stream(
        [run_id, "compute_logs", "step"], dg._core.storage.compute_log_manager.ComputeIOType.STDOUT
    ) as stream:
        assert stream is not None
        stream.write("hello")
        return Path(stream.name)


def test_a_run_is_needed_by_those_that_do_it_again_until_they_are_over(
    kept: dg.DagsterInstance, here: Settings
) -> None:
    root, parent = finished(kept, here), finished(kept, here)
    again = create_run_for_test(
        kept,
        "broken",
        status=dg.DagsterRunStatus.STARTED,
        tags={"dagster/parent_run_id": parent, "dagster/root_run_id": root, "other": root},
    )
    assert old(here) == []
    kept.report_run_canceled(again)
    assert set(old(here)) == {root, parent}


@pytest.mark.parametrize("tag", ["backfill", "something"])
def test_a_backfills_runs_are_needed_until_it_is_over(
    kept: dg.DagsterInstance, here: Settings, tag: str
) -> None:
    backfill = PartitionBackfill(
        backfill_id="one",
        status=BulkActionStatus.REQUESTED,
        from_failure=False,
        tags={},
        backfill_timestamp=time.time(),
        asset_selection=[SEEN],
    )
    kept.add_backfill(backfill)
    finished(kept, here, **{tag: "one"})
    finished(kept, here, **{tag: "another"})
    needed = set()
    for status in BulkActionStatus:
        kept.update_backfill(backfill.with_status(status))
        if len(old(here)) == 1:
            needed.add(status.value)
    assert needed == ({"REQUESTED", "CANCELING", "FAILING"} if tag == "backfill" else set())


@pytest.mark.parametrize(
    "row",
    [
        "event_logs (event, asset_key, dagster_event_type)"
        " VALUES ('{}', 'x', 'ASSET_MATERIALIZATION')",
        "run_tags (run_id, key) SELECT run_id, 'dagster/parent_run_id' FROM runs"
        " WHERE status = 'STARTED'",
    ],
    ids=["an event", "a tag"],
)
def test_a_row_without_a_run_makes_none_needed(
    kept: dg.DagsterInstance, here: Settings, row: str
) -> None:
    run_id = finished(kept, here)
    create_run_for_test(kept, "broken", status=dg.DagsterRunStatus.STARTED)
    with closing(psycopg2.connect(here.dagster_dsn())) as connection, connection:
        connection.cursor().execute(f"INSERT INTO {row}")
    assert old(here) == [run_id]
