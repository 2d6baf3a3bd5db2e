"""A run that failed for good opens an alert; the same job's later success closes it.

A run over several days closes with the last of them that succeeds, by itself or with others.

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
from dagster import RunRecord

from user_code.shared.alerts import close_alert, raise_alert
from user_code.shared.asset_facts import domain_and_owners, ui_link
from user_code.shared.publishing import Publisher
from user_code.shared.range_alerts import close_covered_ranges
from user_code.shared.run_alert_keys import alert_key
from user_code.shared.run_endings import Ending, how_it_failed
from user_code.shared.run_partitions import name_of, partitions_of

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

# Two runs may end in one order and be seen in another: so far back we look again.
_OVERLAP = timedelta(seconds=60)
# A run's tags (will it be retried?) come a moment after its end.
_SETTLE = timedelta(seconds=3)
# Where a sensor without a cursor begins: a fresh start sees its first runs, and no old ones.
_FIRST_LOOK = timedelta(hours=1)
_MOST_RUNS = 500

# In an alert's subject, after the job's name.
_WHAT = {
    "run.failed": "failed",
    "run.out_of_memory": "ran out of memory",
    "run.crashed_at_boot": "crashed before it began",
    "run.over_time": "was stopped: it was over its time limit",
    "run.killed": "was killed",
}


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

    A failure that Dagster will retry is passed over, for its retry's outcome counts; but not one
    for lack of memory.
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
                    close_covered_ranges(cursor, context.instance, run)
                    continue
                ending = how_it_failed(context.instance, run.run_id)
                # A container that is killed for its memory will be so again: don't wait for it.
                if ending.kind == "run.out_of_memory" or not _is_retried(run):
                    _raise(cursor, context, run, ending)
        return dg.SensorResult(
            skip_reason=f"{len(records)} runs have ended since the last look",
            cursor=_advanced(progress, records).to_cursor(),
        )

    return look


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


def _raise(
    cursor: Cursor, context: dg.SensorEvaluationContext, run: dg.DagsterRun, ending: Ending
) -> None:
    partitions = partitions_of(run)
    again = _is_retried(run)
    keys = [dg.AssetKey(ending.step)] if ending.step else []
    domain, owners = domain_and_owners(context, [*keys, *_assets(context, run)])
    subject = f"{name_of(run)} {_WHAT[ending.kind]}" + (f" for {partitions}" if partitions else "")
    raise_alert(
        cursor,
        key=alert_key(run),
        kind=ending.kind,
        severity="warning" if again else "error",
        domain=domain,
        subject=subject
        + (f" in {ending.step}" if ending.step else "")
        + (", and is tried again" if again else ""),
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


def _is_retried(run: dg.DagsterRun) -> bool:
    return run.tags.get("dagster/will_retry", "false").lower() == "true"


def _assets(context: dg.SensorEvaluationContext, run: dg.DagsterRun) -> list[dg.AssetKey]:
    """The assets that the run was about, those chosen first."""
    keys = sorted(run.asset_selection or (), key=str)
    repository = context.repository_def
    if repository is not None and repository.has_job(run.job_name):
        keys += sorted(repository.get_job(run.job_name).asset_layer.executable_asset_keys, key=str)
    return keys
