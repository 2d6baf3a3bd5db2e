"""A run that failed for good opens an alert; the same job's later success closes it.

A run over several days closes with the last of them that succeeds, by itself or with others.

Not Dagster's own run-failure sensor: its cursor moves on even when the handler raises, and that
alert would be lost. Here the cursor moves once the alert is committed.

A run that will be retried is waited for: its retry's outcome counts, unless none comes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from user_code.shared.alerts import close_alert, raise_alert
from user_code.shared.asset_facts import domain_and_owners, ui_link
from user_code.shared.awaited_retries import AwaitedRetries, will_be_retried
from user_code.shared.committed_ticks import note, resume
from user_code.shared.publishing import Publisher
from user_code.shared.range_alerts import close_covered_ranges
from user_code.shared.run_alert_keys import alert_key
from user_code.shared.run_endings import Ending, how_it_failed
from user_code.shared.run_ends import RunEnd, run_ends
from user_code.shared.run_partitions import name_of, partitions_of
from user_code.shared.run_progress import RunProgress

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

NAME = "run_failure_alerts"

# What an alert says of a retry.
_RETRIED = "is tried again"
_NOT_RETRIED = "was not tried again, though it should have been"

# In an alert's subject, after the job's name.
_WHAT = {
    "run.failed": "failed",
    "run.out_of_memory": "ran out of memory",
    "run.crashed_at_boot": "crashed before it began",
    "run.over_time": "was stopped: it was over its time limit",
    "run.killed": "was killed",
}


def build_run_failure_alerts() -> dg.SensorDefinition:
    """The sensor `run_failure_alerts`, RUNNING by default, over all jobs.

    A failure that Dagster will retry is passed over, for its retry's outcome counts; but not one
    for lack of memory.
    """

    @dg.sensor(
        name=NAME,
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=15,
        description="A run that failed for good becomes an alert; a later success closes it.",
    )
    def look(context: dg.SensorEvaluationContext, publisher: Publisher) -> dg.SensorResult:
        with publisher.warehouse_for_sensor.transaction() as cursor:
            begun = resume(cursor, NAME, context.cursor)
            progress = RunProgress.from_cursor(begun, context.instance)
            ends = run_ends(context.instance, progress.events)
            awaited = _tell(cursor, context, ends, progress.awaited)
            reached = progress.advanced(ends, awaited).to_cursor()
            note(cursor, NAME, context.cursor, reached)
        return dg.SensorResult(
            skip_reason=f"{len(ends)} runs have ended since the last look", cursor=reached
        )

    return look


def _tell(
    cursor: Cursor,
    context: dg.SensorEvaluationContext,
    ends: Sequence[RunEnd],
    awaited: AwaitedRetries,
) -> AwaitedRetries:
    """Open and close the alerts of these runs; the retries that are waited for after them."""
    runs = _runs(context.instance, ends)
    for end in ends:
        run = runs.get(end.run_id)
        if run is None:  # somebody has deleted it
            continue
        if end.failed:
            _failed(cursor, context, run)
            awaited = awaited.after_failure(run)
        else:
            close_alert(cursor, alert_key(run))
            close_covered_ranges(cursor, context.instance, run)
            awaited = awaited.after_success(run)
    awaited, given_up = awaited.sorted_out(context.instance)
    for run in given_up:
        _raise(cursor, context, run, how_it_failed(context.instance, run.run_id), _NOT_RETRIED)
    return awaited


def _runs(instance: dg.DagsterInstance, ends: Sequence[RunEnd]) -> Mapping[str, dg.DagsterRun]:
    if not ends:
        return {}
    ids = sorted({end.run_id for end in ends})
    return {run.run_id: run for run in instance.get_runs(dg.RunsFilter(run_ids=ids))}


def _failed(cursor: Cursor, context: dg.SensorEvaluationContext, run: dg.DagsterRun) -> None:
    cursor.execute(
        "SELECT FROM ops.alerts WHERE key = %s AND facts ->> 'run_id' = %s",
        (alert_key(run), run.run_id),
    )
    if cursor.rowcount:  # a run fails once, whoever else says so after it
        return
    ending = how_it_failed(context.instance, run.run_id)
    if not will_be_retried(run):
        _raise(cursor, context, run, ending)
    # A container that is killed for its memory will be so again: don't wait for it.
    elif ending.kind == "run.out_of_memory":
        _raise(cursor, context, run, ending, _RETRIED)


def _raise(
    cursor: Cursor,
    context: dg.SensorEvaluationContext,
    run: dg.DagsterRun,
    ending: Ending,
    retry: str = "",
) -> None:
    partitions = partitions_of(run)
    keys = [dg.AssetKey(ending.step)] if ending.step else []
    domain, owners = domain_and_owners(context, [*keys, *_assets(context, run)])
    subject = f"{name_of(run)} {_WHAT[ending.kind]}" + (f" for {partitions}" if partitions else "")
    raise_alert(
        cursor,
        key=alert_key(run),
        kind=ending.kind,
        severity="warning" if retry == _RETRIED else "error",
        domain=domain,
        subject=subject
        + (f" in {ending.step}" if ending.step else "")
        + (f", and {retry}" if retry else ""),
        facts={
            "job": name_of(run),
            "partitions": partitions,
            "step": ending.step,
            "error": ending.error,
            **ending.facts,
            "owners": owners,
            "run_id": run.run_id,
        },
        link=ui_link(f"/runs/{run.run_id}"),
    )


def _assets(context: dg.SensorEvaluationContext, run: dg.DagsterRun) -> list[dg.AssetKey]:
    """The assets that the run was about, those chosen first."""
    keys = sorted(run.asset_selection or (), key=str)
    repository = context.repository_def
    if repository is not None and repository.has_job(run.job_name):
        keys += sorted(repository.get_job(run.job_name).asset_layer.executable_asset_keys, key=str)
    return keys
