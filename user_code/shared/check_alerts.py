"""A failed asset check opens an alert, also one that blocks nothing; passing closes it.

Dagster's own run-failure sensor never sees a check that doesn't block: its run succeeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from user_code.shared.alerts import Severity, close_alert, raise_alert
from user_code.shared.asset_facts import asset_link, domain_and_owners
from user_code.shared.check_records import CheckOutcome, check_outcomes
from user_code.shared.committed_ticks import note, resume
from user_code.shared.event_progress import EventProgress
from user_code.shared.publishing import Publisher
from user_code.shared.run_partitions import partitions_of

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

NAME = "check_alerts"
KIND = "check.failed"
# Of the partitions that fail an alert lists the newest; a check that fails for a year's days is
# wrong as a whole.
_MOST_PARTITIONS = 400
# By this name a check's metadata says which of the run's partitions are wrong.
WRONG_PARTITIONS = "wrong_days"
# By this name a check's metadata says which kind of alert tells of its failure: one is enough.
TOLD_AS = "told_as"


def build_check_alerts() -> dg.SensorDefinition:
    """The sensor `check_alerts`, RUNNING by default, over the checks of all assets."""

    @dg.sensor(
        name=NAME,
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
        description="A failed asset check, blocking or not, becomes an alert; passing closes it.",
    )
    def look(context: dg.SensorEvaluationContext, publisher: Publisher) -> dg.SensorResult:
        with publisher.warehouse_for_sensor.transaction() as cursor:
            progress = EventProgress.from_cursor(resume(cursor, NAME, context.cursor))
            outcomes = check_outcomes(context.instance, progress)
            runs = _runs(context.instance, {outcome.run_id for outcome in outcomes})
            for outcome in outcomes:
                _tell(cursor, context, outcome, runs.get(outcome.run_id))
            reached = progress.advanced(outcome.number for outcome in outcomes).to_cursor()
            note(cursor, NAME, context.cursor, reached)
        return dg.SensorResult(
            skip_reason=f"{len(outcomes)} checks were evaluated since the last look",
            cursor=reached,
        )

    return look


def _runs(instance: dg.DagsterInstance, ids: set[str]) -> Mapping[str, dg.DagsterRun]:
    if not ids:
        return {}
    return {run.run_id: run for run in instance.get_runs(dg.RunsFilter(run_ids=sorted(ids)))}


def still_failing(
    failing: Sequence[str], partitions: Sequence[str], wrong: Sequence[str]
) -> list[str]:
    """Which partitions fail, now that the check looked at `partitions` and found `wrong` ones.

    All are keys, or `first..last` of a run's range; "" is an asset without partitions. What lies
    within what was looked at is judged anew, the rest stays as it was.
    """
    kept = [old for old in failing if not any(_covers(new, old) for new in partitions)]
    return list(dict.fromkeys([*kept, *wrong]))[-_MOST_PARTITIONS:]


def _covers(looked_at: str, failing: str) -> bool:
    first, _, last = looked_at.partition("..")
    old_first, _, old_last = failing.partition("..")
    return first <= old_first and (old_last or old_first) <= (last or first)


def _tell(
    cursor: Cursor,
    context: dg.SensorEvaluationContext,
    outcome: CheckOutcome,
    run: dg.DagsterRun | None,
) -> None:
    evaluation = outcome.evaluation
    asset = evaluation.asset_key.to_user_string()
    key = f"{KIND}:{asset}:{evaluation.check_name}"
    looked_at = evaluation.partition or (partitions_of(run) if run else "")
    cursor.execute(
        "SELECT facts FROM ops.alerts WHERE key = %s AND state <> 'closed' FOR UPDATE", (key,)
    )
    row = cursor.fetchone()
    before: list[str] = row[0].get("partitions", []) if row else []
    wrong = [] if evaluation.passed else _wrong(evaluation, looked_at)
    failing = still_failing(before, [looked_at], wrong)
    if not failing or TOLD_AS in evaluation.metadata:
        close_alert(cursor, key)
        return
    if evaluation.passed and failing == before:
        return
    domain, owners = domain_and_owners(context, [evaluation.asset_key])
    count = len(failing)
    where = failing[-1] if count == 1 else f"{count} partitions"
    raise_alert(
        cursor,
        key=key,
        kind=KIND,
        severity=_severity(evaluation),
        domain=domain,
        subject=f"check {evaluation.check_name} of {asset} failed"
        + (f": {where}" if where else ""),
        facts={
            "asset": asset,
            "check": evaluation.check_name,
            "blocking": bool(evaluation.blocking),
            "partitions": failing,
            "owners": owners,
            "run_id": outcome.run_id,
        },
        link=asset_link(evaluation.asset_key, "checks"),
    )


def _wrong(evaluation: dg.AssetCheckEvaluation, looked_at: str) -> list[str]:
    named = evaluation.metadata.get(WRONG_PARTITIONS)
    # Only dates are taken over: what else a check writes into its metadata may be data.
    days = named.value if named is not None else None
    if isinstance(days, list) and days and all(_is_within(day, looked_at) for day in days):
        return [str(day) for day in days]
    return [looked_at]


def _is_within(day: object, looked_at: str) -> bool:
    return isinstance(day, str) and len(day) <= len("2026-01-31") and _covers(looked_at, day)


def _severity(evaluation: dg.AssetCheckEvaluation) -> Severity:
    if evaluation.severity == dg.AssetCheckSeverity.WARN:
        return "warning"
    return "error"
