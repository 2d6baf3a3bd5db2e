"""A run that goes on for longer than it may, or that shows no sign of life, opens an alert."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg
from dagster import RunRecord

from user_code.settings import settings
from user_code.shared.asset_facts import domain_and_owners, ui_link
from user_code.shared.publishing import Publisher
from user_code.shared.run_partitions import name_of, partitions_of
from user_code.shared.standing_alerts import Finding, bring_up_to_date

KINDS = ("run.over_time_limit", "run.stuck")

_STATUSES = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
# Dagster's monitoring gives a run three minutes to start and one to end; then something is wrong
# with the monitoring, too.
_TRANSIT_SECONDS = 300
# With this tag a job says how long its runs may take. Dagster's monitoring ends them then.
_LIMIT_TAG = "dagster/max_runtime"


@dataclass(frozen=True)
class RunAge:
    """A run that has not ended: seconds since it began, and in which state it is."""

    status: str
    seconds: float
    limit_seconds: float


def judge(age: RunAge) -> str | None:
    """The kind of alert that the run deserves, or None."""
    if age.status == "STARTED":
        return "run.over_time_limit" if age.seconds > age.limit_seconds else None
    return "run.stuck" if age.seconds > _TRANSIT_SECONDS else None


def build_run_time_alerts() -> dg.SensorDefinition:
    """The sensor `run_time_alerts`, RUNNING by default, over all jobs.

    A run's limit is its tag `dagster/max_runtime` (seconds), else `ASSAY_RUN_MINUTES`.
    """

    @dg.sensor(
        name="run_time_alerts",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=60,
        description="A run over its time limit, or one that doesn't start or end, alerts.",
    )
    def look(context: dg.SensorEvaluationContext, publisher: Publisher) -> dg.SensorResult:
        records = context.instance.get_run_records(dg.RunsFilter(statuses=_STATUSES))
        findings = _findings(context, records, time.time())
        with publisher.warehouse_for_sensor.transaction() as cursor:
            changes = bring_up_to_date(cursor, KINDS, findings)
        return dg.SensorResult(
            skip_reason=f"{len(findings)} of {len(records)} runs are late, {changes} changes"
        )

    return look


def _findings(
    context: dg.SensorEvaluationContext, records: Sequence[RunRecord], now: float
) -> list[Finding]:
    findings = []
    for record in records:
        run = record.dagster_run
        age = RunAge(run.status.value, now - _since(record), _limit(run))
        kind = judge(age)
        if kind is None:
            continue
        partitions = partitions_of(run)
        domain, owners = domain_and_owners(context, sorted(run.asset_selection or (), key=str))
        subject = f"{name_of(run)}" + (f" for {partitions}" if partitions else "")
        if kind == "run.stuck":
            doing = "starting" if age.status == "STARTING" else "ending"
            subject += f" has been {doing} for more than {_TRANSIT_SECONDS // 60} minutes"
        else:
            subject += f" takes longer than its {age.limit_seconds / 60:,.0f} minutes"
        findings.append(
            Finding(
                key=f"{kind}:{run.run_id}",
                kind=kind,
                severity="warning",
                domain=domain,
                subject=subject,
                facts={
                    "job": name_of(run),
                    "partitions": partitions,
                    "status": age.status,
                    "time_limit_s": age.limit_seconds,
                    "owners": owners,
                    "run_id": run.run_id,
                },
                link=ui_link(f"/runs/{run.run_id}"),
            )
        )
    return findings


def _since(record: RunRecord) -> float:
    if record.dagster_run.status == dg.DagsterRunStatus.STARTED and record.start_time:
        return record.start_time
    return record.update_timestamp.timestamp()


def _limit(run: dg.DagsterRun) -> float:
    text = run.tags.get(_LIMIT_TAG, "")
    try:
        return float(text)
    except ValueError:
        return settings().run_minutes * 60
