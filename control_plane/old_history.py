"""Which runs are old enough to be forgotten, and forgetting them: run, events, compute logs, ticks.

Deleting a run deletes its materialisations, and with the newest one Dagster would forget that a
partition is there. So a run that holds the newest materialisation, observation or check of any
asset's partition stays, whatever its age. What is newest is asked of Dagster's tables by SQL: its
API has no question for all partitions of all assets at once. A test
(tests/control_plane/test_old_history.py) fails when the tables move.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import psycopg2
from dagster import DagsterInstance, DagsterRunStatus

FINISHED = (
    DagsterRunStatus.SUCCESS.value,
    DagsterRunStatus.FAILURE.value,
    DagsterRunStatus.CANCELED.value,
)

_OLD = """
WITH finished AS (
    SELECT run_id, end_time FROM runs
    WHERE status = ANY(%(finished)s) AND coalesce(end_time, extract(epoch FROM update_timestamp))
          < %(before)s
), newest AS (
    (SELECT DISTINCT ON (asset_key, partition, dagster_event_type) run_id FROM event_logs
     WHERE asset_key IS NOT NULL
       AND dagster_event_type IN ('ASSET_MATERIALIZATION', 'ASSET_OBSERVATION')
     ORDER BY asset_key, partition, dagster_event_type, id DESC)
    UNION
    -- A run that crashed has planned a check and not done it: what is known is an earlier one's.
    (SELECT DISTINCT ON (asset_key, check_name, partition, execution_status = 'PLANNED') run_id
     FROM asset_check_executions
     ORDER BY asset_key, check_name, partition, execution_status = 'PLANNED', id DESC)
), needed AS (
    -- A run that goes on may have to read the events of the one that it does again.
    SELECT t.value AS run_id FROM run_tags AS t JOIN runs AS r USING (run_id)
    WHERE t.key IN ('dagster/parent_run_id', 'dagster/root_run_id')
      AND r.status <> ALL(%(finished)s)
    UNION
    -- A backfill that goes on counts its runs.
    SELECT t.run_id FROM run_tags AS t JOIN bulk_actions AS b ON b.key = t.value
    WHERE t.key = 'dagster/backfill' AND b.status IN ('REQUESTED', 'CANCELING', 'FAILING')
)
SELECT run_id FROM finished
WHERE run_id NOT IN (SELECT run_id FROM newest WHERE run_id IS NOT NULL)
  AND run_id NOT IN (SELECT run_id FROM needed WHERE run_id IS NOT NULL)
ORDER BY end_time NULLS FIRST
"""
# Those that Dagster's own purge takes, which doesn't say how many they are.
_OLD_TICKS = """
SELECT count(*) FROM job_ticks WHERE timestamp < %(before)s AND (
    selector_id = ANY(%(selectors)s)
    OR (selector_id IS NULL AND job_origin_id = ANY(%(origins)s))
)
"""
# The checks of deleted runs, which Dagster leaves.
_FORGET_CHECKS = "DELETE FROM asset_check_executions WHERE run_id = %s"


def old_runs(dsn: str, days: float) -> list[str]:
    """Ids of the runs that ended more than `days` ago and hold nothing that is newest."""
    before = time.time() - days * 86400
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(_OLD, {"finished": list(FINISHED), "before": before})
        return [row[0] for row in cursor.fetchall()]


def forget(instance: DagsterInstance, dsn: str, run_ids: list[str]) -> Iterator[str]:
    """Delete these runs one by one, with events, checks and compute logs; yields each id."""
    with closing(psycopg2.connect(dsn)) as connection:
        connection.autocommit = True
        for run_id in run_ids:
            run = instance.get_run_by_id(run_id)
            if run is None or not run.is_finished:
                continue
            instance.compute_log_manager.delete_logs(prefix=[run_id])
            with connection.cursor() as cursor:
                cursor.execute(_FORGET_CHECKS, (run_id,))
            instance.delete_run(run_id)
            yield run_id


def forget_ticks(instance: DagsterInstance, dsn: str, days: float, *, plan: bool = False) -> int:
    """Delete ticks older than `days`; dagster.yaml's `retention` may take them earlier.

    How many there are; with `plan` they stay.
    """
    before = time.time() - days * 86400
    states = instance.all_instigator_state()
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(
            _OLD_TICKS,
            {
                "before": datetime.fromtimestamp(before, UTC).replace(tzinfo=None),
                "selectors": [state.selector_id for state in states],
                "origins": [state.instigator_origin_id for state in states],
            },
        )
        (many,) = cursor.fetchall()[0]
    if not plan:
        for state in states:
            instance.purge_ticks(state.instigator_origin_id, state.selector_id, before)
    return int(many)
