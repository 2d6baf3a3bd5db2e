"""The sensor that looks into the landing zone and asks for runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from user_code.settings import settings
from user_code.shared.alerts import close_alert, raise_alert
from user_code.shared.landing import Decision, PlannedRun, decide
from user_code.shared.landing_listing import Listing, list_landing
from user_code.shared.landing_memory import recall, remember
from user_code.shared.publishing import Publisher

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

# Names in an alert; how many there are is said beside them.
_SHOWN = 10


def build_landing_sensor(
    name: str,
    domain: str,
    job: UnresolvedAssetJobDefinition,
    to_partition: Callable[[str], str | None],
    daily: bool,
    dynamic: dg.DynamicPartitionsDefinition | None = None,
) -> dg.SensorDefinition:
    """A sensor, RUNNING by default, that asks `job` to compute what lands in `landing/<domain>`.

    `to_partition` gets a path relative to the landing zone (`finance/shop/shop-2025-01-02.csv`)
    and returns the partition key, or None for a name that fits no pattern; those raise the alert
    `landing.unrecognised`. What can't be read raises `landing.unreadable`. Daily: days that follow
    each other are one run, whose assets need `BackfillPolicy.single_run()`. Dynamic: new keys are
    added first, and a folder counts as one file once `_COMPLETE` is in it.
    """

    @dg.sensor(
        name=name,
        job=job,
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=15,
        description=f"New or corrected complete files below landing/{domain} become runs.",
    )
    def look(context: dg.SensorEvaluationContext, publisher: Publisher) -> dg.SensorResult:
        here = settings()
        taken_tick = int(context.cursor or 0)
        with publisher.warehouse_for_sensor.transaction() as cursor:
            known, tick = recall(cursor, name, taken_tick)
            listing = list_landing(
                here.landing,
                domain,
                here.settle_seconds,
                time.time(),
                closed_folders=dynamic is not None,
                known=known,
            )
            decision = decide(
                listing.files,
                known,
                to_partition=to_partition,
                daily=daily,
                today=datetime.now(UTC).date(),
                tick=tick,
            )
            remember(cursor, name, tick, decision.remember)
            _tell_unrecognised(cursor, domain, decision)
            _tell_unreadable(cursor, domain, listing)
        keys = [key for run in decision.runs for key in run.partitions]
        return dg.SensorResult(
            run_requests=[_request(run) for run in decision.runs],
            skip_reason=None if keys else f"nothing new among {len(listing.files)} complete files",
            dynamic_partitions_requests=(
                [dynamic.build_add_request(keys)] if dynamic is not None and keys else []
            ),
            # Stored by Dagster only once it has taken the requests: see landing_memory.
            cursor=str(tick if decision.remember else taken_tick),
        )

    return look


def _request(run: PlannedRun) -> dg.RunRequest:
    if len(run.partitions) == 1:
        return dg.RunRequest(run_key=run.run_key, partition_key=run.partitions[0])
    return dg.RunRequest(run_key=run.run_key, tags=run.range_tags())


def _tell_unrecognised(cursor: Cursor, domain: str, decision: Decision) -> None:
    key = f"landing.unrecognised:{domain}"
    names = decision.unrecognised
    if decision.news:
        raise_alert(
            cursor,
            key=key,
            kind="landing.unrecognised",
            severity="warning",
            domain=domain,
            subject=f"{len(names)} files in landing/{domain} fit no pattern and are not read",
            facts={"count": len(names), "names": list(names[:_SHOWN])},
        )
    elif not names:
        close_alert(cursor, key)


def _tell_unreadable(cursor: Cursor, domain: str, listing: Listing) -> None:
    key = f"landing.unreadable:{domain}"
    names = listing.unreadable
    if not names:
        if listing.whole:
            close_alert(cursor, key)
        return
    facts = {
        "count": len(names),
        "names": names[:_SHOWN],
        "advice": "chmod a+r the files and a+rx the folders; a link must lead to a file",
    }
    cursor.execute("SELECT facts FROM ops.alerts WHERE key = %s AND state <> 'closed'", (key,))
    told = cursor.fetchone()
    if told is None or told[0] != facts:  # once for each change, and not at every look
        raise_alert(
            cursor,
            key=key,
            kind="landing.unreadable",
            severity="error",
            domain=domain,
            subject=f"{len(names)} files or folders in landing/{domain} can't be read",
            facts=facts,
        )
