"""A run that failed for good opens an alert; the same job's later success closes it.

Not Dagster's own run-failure sensor: its cursor moves on even when the handler raises, and that
alert would be lost. Here the cursor moves once the alert is committed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg
from dagster import DagsterEventType, RunRecord

from user_code.settings import settings
from user_code.shared.alerts import close_alert, raise_alert
from user_code.shared.publishing import Publisher

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

# Two runs may end in one order and be seen in another: so far back we look again.
_OVERLAP = timedelta(seconds=60)
# A run's tags (will it be retried?) come a moment after its end.
_SETTLE = timedelta(seconds=3)
# Where a sensor without a cursor begins: a fresh start sees its first runs, and no old ones.
_FIRST_LOOK = timedelta(hours=1)
_MOST_RUNS = 500
_LONGEST_TEXT = 200


@dataclass(frozen=True)
class Progress:
    """How far the sensor has read: the newest end of a run, and the runs seen around it.

    `seen` are run ids, those seen last at its end.
    """

    after: datetime
    seen: tuple[str, ...]

    @staticmethod
    def from_cursor(cursor: str | None, now: datetime) -> Progress:
        """What an earlier tick stored, or a beginning."""
        if not cursor:
            return Progress(now - _FIRST_LOOK, ())
        stored = json.loads(cursor)
        return Progress(datetime.fromisoformat(stored["after"]), tuple(stored["seen"]))

    def to_cursor(self) -> str:
        """As text for Dagster to keep."""
        return json.dumps({"after": self.after.isoformat(), "seen": self.seen})


def build_run_failure_alerts() -> dg.SensorDefinition:
    """The sensor `run_failure_alerts`, RUNNING by default, over all jobs.

    A failure that Dagster will retry is passed over: its retry's outcome counts.
    """

    @dg.sensor(
        name="run_failure_alerts",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=15,
        description="A run that failed for good becomes an alert; a later success closes it.",
    )
    def look(context: dg.SensorEvaluationContext, publisher: Publisher) -> dg.SensorResult:
        now = datetime.now(UTC)
        progress = Progress.from_cursor(context.cursor, now)
        records = _finished(context.instance, progress, now)
        with publisher.warehouse_for_sensor.transaction() as cursor:
            for record in records:
                run = record.dagster_run
                if run.is_success:
                    close_alert(cursor, alert_key(run))
                elif run.tags.get("dagster/will_retry", "false").lower() != "true":
                    _raise(cursor, context, run)
        return dg.SensorResult(
            skip_reason=f"{len(records)} runs have ended since the last look",
            cursor=_advanced(progress, records).to_cursor(),
        )

    return look


def alert_key(run: dg.DagsterRun) -> str:
    """The same for each run of one job over the same partitions (or assets, if chosen by hand)."""
    what = run.job_name
    if what.startswith("__"):  # assets launched without a job
        chosen = sorted(key.to_user_string() for key in run.asset_selection or ())
        what = "assets " + ",".join(chosen)
    return f"run.failed:{what}:{partitions_of(run)}"


def partitions_of(run: dg.DagsterRun) -> str:
    """The run's partition key, `first..last` of its range, or nothing."""
    first = run.tags.get("dagster/asset_partition_range_start")
    if first:
        return f"{first}..{run.tags.get('dagster/asset_partition_range_end', '')}"
    return run.tags.get("dagster/partition", "")


def _finished(
    instance: dg.DagsterInstance, progress: Progress, now: datetime
) -> Sequence[RunRecord]:
    """Runs that ended and weren't seen yet, oldest first."""
    since = progress.after - _OVERLAP
    seen = frozenset(progress.seen)
    records = instance.get_run_records(
        dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS],
            updated_after=since,
            updated_before=now - _SETTLE,
        ),
        limit=_MOST_RUNS,
        order_by="update_timestamp",
        ascending=True,
    )
    return [
        record
        for record in records
        # A run is also "updated" when somebody tags it long after its end.
        if record.dagster_run.run_id not in seen and _ended(record) > since
    ]


def _ended(record: RunRecord) -> datetime:
    if record.end_time is not None:
        return datetime.fromtimestamp(record.end_time, UTC)
    return record.update_timestamp.replace(tzinfo=record.update_timestamp.tzinfo or UTC)


def _advanced(progress: Progress, records: Sequence[RunRecord]) -> Progress:
    after = max([progress.after, *(_ended(record) for record in records)])
    ids = tuple(record.dagster_run.run_id for record in records)
    # Those that were seen stay listed while nothing newer came: only then are they read again.
    kept = progress.seen if after - progress.after < 2 * _OVERLAP else ()
    return Progress(after, (*kept, *ids)[-2 * _MOST_RUNS :])


def _raise(cursor: Cursor, context: dg.SensorEvaluationContext, run: dg.DagsterRun) -> None:
    step, error = what_failed(context.instance, run.run_id)
    partitions = partitions_of(run)
    job = "assets chosen by hand" if run.job_name.startswith("__") else run.job_name
    subject = f"{job} failed" + (f" for {partitions}" if partitions else "")
    ui_url = settings().ui_url
    raise_alert(
        cursor,
        key=alert_key(run),
        kind="run.failed",
        severity="error",
        domain=_domain(context, run, step),
        subject=subject + (f" in {step}" if step else ""),
        facts={
            "job": job,
            "partitions": partitions,
            "step": step,
            "error": error,
            "run_id": run.run_id,
        },
        link=f"{ui_url}/runs/{run.run_id}" if ui_url else "",
    )


def what_failed(instance: dg.DagsterInstance, run_id: str) -> tuple[str, str]:
    """Which step failed, and why: the first line of our own message, else the error's class.

    Other people's messages may quote data, so that they stay in the run's log.
    """
    kinds = {DagsterEventType.STEP_FAILURE, DagsterEventType.RUN_FAILURE}
    found = ("", "unknown: see the run's log")
    for record in instance.get_records_for_run(run_id, of_type=kinds).records:
        event = record.event_log_entry.dagster_event
        if event is None:
            continue
        if event.event_type == DagsterEventType.RUN_FAILURE:
            return "", _first_line(event.message or found[1])
        data = event.step_failure_data
        if data.user_failure_data is not None:
            return event.step_key or "", _first_line(data.user_failure_data.description or "")
        error = data.error
        while error is not None and error.cause is not None:
            error = error.cause
        return event.step_key or "", (error.cls_name if error else None) or found[1]
    return found


def _first_line(text: str) -> str:
    line = text.strip().partition("\n")[0]
    return line if len(line) <= _LONGEST_TEXT else line[: _LONGEST_TEXT - 1] + "…"


def _domain(context: dg.SensorEvaluationContext, run: dg.DagsterRun, step: str) -> str:
    """The group of the failed asset, or of any asset of the run: groups are named by domain."""
    repository = context.repository_def
    if repository is None:
        return ""
    graph = repository.asset_graph
    keys = [dg.AssetKey(step)] if step else []
    keys += sorted(run.asset_selection or (), key=str)
    if repository.has_job(run.job_name):
        keys += sorted(repository.get_job(run.job_name).asset_layer.executable_asset_keys, key=str)
    return next((graph.get(key).group_name for key in keys if graph.has(key)), "")
